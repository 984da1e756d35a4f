//! One map: its keys once each, `<<` merged in.

use super::{
    Key, Kind, Node,
    build::{Broken, Builder},
};
use crate::diagnostic::{Diagnostic, Span, quote};
use granit_parser::{Event, ScalarStyle};
use std::collections::{HashMap, hash_map::Entry};

/// The longest key, in bytes.
const KEY: usize = 1024;

/// A map while it is read.
#[derive(Default)]
struct Entries {
    list: Vec<(Key, Node)>,
    places: HashMap<String, Span>,
    merges: Vec<Node>,
}

/// What a key turned out to be.
enum Name {
    Key(Key),
    Merge(Span),
    Unusable,
}

impl<'a> Builder<'a> {
    pub(super) fn map(&mut self, start: Span, depth: usize) -> Result<Node, Broken> {
        let braces = start
            .source
            .text
            .get(start.start..)
            .is_some_and(|text| text.starts_with("{{"));
        let mut entries = Entries::default();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let span = self.stretch(&start, &span);
                return Ok(if braces {
                    self.unquoted(span)
                } else {
                    self.finish(entries, span)
                });
            }
            let name = self.name(event, span, depth, braces)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            self.enter(&mut entries, name, value);
        }
    }

    fn name(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
        braces: bool,
    ) -> Result<Name, Broken> {
        if matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<") {
            return Ok(Name::Merge(span));
        }
        let Node { span, kind } = self.node(event, span, depth + 1)?;
        let problem = match kind {
            Kind::Scalar { text, .. } if text.len() <= KEY => {
                return Ok(Name::Key(Key { span, text }));
            }
            Kind::Null => {
                return Ok(Name::Key(Key {
                    text: span.text().to_owned(),
                    span,
                }));
            }
            Kind::Scalar { .. } => {
                Diagnostic::at(&span, format!("a key is longer than {KEY} bytes"))
            }
            Kind::Empty => Diagnostic::at(&span, "there is no key before this `:`"),
            Kind::List(_) | Kind::Map(_) if braces => return Ok(Name::Unusable),
            Kind::List(_) => Diagnostic::at(&span, "a key must be text, not a list"),
            Kind::Map(_) => Diagnostic::at(&span, "a key must be text, not a map"),
        };
        self.problems.push(problem);
        Ok(Name::Unusable)
    }

    fn enter(&mut self, entries: &mut Entries, name: Name, mut value: Node) {
        let (text, span) = match &name {
            Name::Key(key) => (key.text.clone(), key.span.clone()),
            Name::Merge(span) => ("<<".to_owned(), span.clone()),
            Name::Unusable => return,
        };
        match entries.places.entry(text) {
            Entry::Occupied(first) => {
                self.problems
                    .push_with(|| twice(&span, first.key(), first.get()));
                return;
            }
            Entry::Vacant(place) => place.insert(span),
        };
        match name {
            Name::Key(key) => {
                if value.kind == Kind::Empty {
                    value.span = key.span.clone();
                }
                entries.list.push((key, value));
            }
            Name::Merge(_) => entries.merges.push(value),
            Name::Unusable => {}
        }
    }

    /// Puts the merged maps' keys after the map's own, which win; of two merged maps the first wins.
    fn finish(&mut self, entries: Entries, span: Span) -> Node {
        let Entries {
            mut list,
            mut places,
            merges,
        } = entries;
        let maps = merges.into_iter().flat_map(|merged| match merged.kind {
            Kind::List(maps) => maps,
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::Map(_) => vec![merged],
        });
        for map in maps {
            let Kind::Map(entries) = map.kind else {
                let message = format!(
                    "`<<` takes a map or a list of maps, and this is {}",
                    map.what()
                );
                self.problems.push(Diagnostic::at(&map.span, message));
                continue;
            };
            for (key, value) in entries {
                if let Entry::Vacant(place) = places.entry(key.text.clone()) {
                    place.insert(key.span.clone());
                    list.push((key, value));
                }
            }
        }
        Node {
            span,
            kind: Kind::Map(list),
        }
    }

    /// `{{ssm:/x}}` without quotes is a map whose key is a map; nobody means that.
    fn unquoted(&mut self, span: Span) -> Node {
        let text = span.text().to_owned();
        let problem = Diagnostic::at(&span, "a value that begins with `{{` must be quoted");
        self.problems
            .push(problem.hint(format!("write {}", quote(&format!("\"{text}\"")))));
        Node {
            span,
            kind: Kind::Scalar { text, plain: false },
        }
    }
}

/// A key that its map holds already.
pub(crate) fn twice(span: &Span, key: &str, first: &Span) -> Diagnostic {
    let first = first.begins();
    Diagnostic::at(span, format!("duplicate key {}", quote(key))).hint(format!(
        "it stands at line {}, column {} already",
        first.line, first.column
    ))
}
