//! Later over earlier: by key through the levels below, whole everywhere else.
//!
//! To let another map merge by key: an arm in [`Level::below`].

use crate::{
    diagnostic::Source,
    node::{Key, Kind, Node},
};

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
    let mut merged = match earlier.map(|node| node.kind) {
        Some(Kind::Map(entries)) if level != Level::Whole => entries,
        Some(_) | None => Vec::new(),
    };
    for (key, value) in entries {
        enter(&mut merged, key, value, level.below(&key.text));
    }
    Node {
        span: later.span.clone(),
        kind: Kind::Map(merged),
    }
}

/// `null` removes: what earlier sources said, and in a map that replaces whole, itself.
fn enter(merged: &mut Vec<(Key, Node)>, key: &Key, value: &Node, level: Level) {
    let place = merged
        .iter()
        .position(|(earlier, _)| earlier.text == key.text);
    let earlier = place.map(|place| merged.remove(place).1);
    if value.kind != Kind::Null {
        let entry = (key.clone(), merge(earlier, value, level));
        merged.insert(place.unwrap_or(merged.len()), entry);
    }
}
