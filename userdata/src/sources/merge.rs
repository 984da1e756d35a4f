//! Later over earlier: by key through the levels below, whole everywhere else.
//!
//! To let another map merge by key: an arm in [`Level::below`].

use crate::{
    diagnostic::Source,
    node::{Key, Kind, Node},
};
use std::collections::HashMap;

/// How values at a place merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The document.
    Top,
    /// `services`, `tasks`.
    Containers,
    /// One service or task.
    Container,
    /// A map whose values replace whole: `environment`, `files`, `labels`, `registries`, `signal`.
    Values,
    /// The later value replaces the earlier.
    Whole,
}

impl Level {
    fn below(self, key: &str) -> Level {
        match (self, key) {
            (Level::Top, "services" | "tasks") => Level::Containers,
            (Level::Top, "registries" | "signal") => Level::Values,
            (Level::Containers, _) => Level::Container,
            (Level::Container, "environment" | "files" | "labels") => Level::Values,
            (Level::Top | Level::Container | Level::Values | Level::Whole, _) => Level::Whole,
        }
    }
}

/// Merges documents, lowest rank first. Without any it is an empty map that stands nowhere.
pub(super) fn all<'a>(documents: impl Iterator<Item = &'a Node>) -> Node {
    let nothing = Node {
        span: Source::new("no source", "").span(0..0),
        kind: Kind::Map(Vec::new()),
    };
    documents.fold(nothing, |earlier, later| {
        merge(Some(earlier), later, Level::Top)
    })
}

fn merge(earlier: Option<Node>, later: &Node, level: Level) -> Node {
    let Kind::Map(entries) = &later.kind else {
        return later.clone();
    };
    let merged = match earlier.map(|node| node.kind) {
        Some(Kind::Map(entries)) if level != Level::Whole => entries,
        Some(_) | None => Vec::new(),
    };
    let mut merged = Merged::of(merged);
    for (key, value) in entries {
        merged.enter(key, value, level.below(&key.text));
    }
    Node {
        span: later.span.clone(),
        kind: Kind::Map(merged.places.into_iter().flatten().collect()),
    }
}

/// A map's entries, each in its place, and where each key has its own; an empty place was removed.
struct Merged {
    places: Vec<Option<(Key, Node)>>,
    index: HashMap<String, usize>,
}

impl Merged {
    fn of(entries: Vec<(Key, Node)>) -> Merged {
        let keys = entries.iter().enumerate();
        Merged {
            index: keys
                .map(|(place, (key, _))| (key.text.clone(), place))
                .collect(),
            places: entries.into_iter().map(Some).collect(),
        }
    }

    /// `null` removes: what earlier sources said, and in a map that replaces whole, itself.
    fn enter(&mut self, key: &Key, value: &Node, level: Level) {
        let next = self.places.len();
        let place = *self.index.entry(key.text.clone()).or_insert(next);
        if place == next {
            self.places.push(None);
        }
        let Some(place) = self.places.get_mut(place) else {
            return;
        };
        let earlier = place.take().map(|(_, node)| node);
        if value.kind != Kind::Null {
            *place = Some((key.clone(), merge(earlier, value, level)));
        }
    }
}
