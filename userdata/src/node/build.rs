//! Parser events to a tree.
//!
//! What is wrong with one piece is reported and the rest is read on; only a syntax error or a
//! bound ends a document.

use super::{Kind, Node, syntax};
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span, quote};
use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use std::{collections::HashMap, sync::Arc};

/// The deepest nesting of lists and maps, aliases expanded.
const DEPTH: usize = 64;

/// How many characters the parser looks ahead for the `:` after a key. YAML's own limit of 1024
/// would refuse keys that the canonical document writes with escapes.
const KEY_LOOKAHEAD: usize = 8192;

/// What trees may still take, over all sources: aliases make big trees of small texts.
#[derive(Debug)]
pub(crate) struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            nodes: 1 << 17,
            bytes: 4 << 20,
        }
    }
}

impl Budget {
    /// Takes this much, if there is as much left.
    pub(crate) fn spend(&mut self, nodes: usize, bytes: usize) -> bool {
        match (self.nodes.checked_sub(nodes), self.bytes.checked_sub(bytes)) {
            (Some(nodes), Some(bytes)) => {
                *self = Budget { nodes, bytes };
                true
            }
            (None, _) | (_, None) => false,
        }
    }
}

/// A document that cannot be read to its end; why was reported.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Reads the one document of a source; `None` when it says nothing (comments do not count).
///
/// # Errors
/// [`Broken`], after the reason was reported.
pub(crate) fn build(
    source: &Arc<Source>,
    budget: &mut Budget,
    problems: &mut Diagnostics,
) -> Result<Option<Node>, Broken> {
    let options = granit_parser::options! {
        emit_comments: false,
        simple_key_max_lookahead: KEY_LOOKAHEAD,
    };
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut builder = Builder {
        source,
        parser,
        budget,
        problems,
        anchors: HashMap::new(),
    };
    builder.document()
}

pub(super) struct Builder<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, StrInput<'a>>,
    budget: &'a mut Budget,
    pub(super) problems: &'a mut Diagnostics,
    anchors: HashMap<usize, Anchored>,
}

/// A piece that an alias may repeat, and what that costs.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

impl<'a> Builder<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's list is open; what is no node is skipped"
    )]
    fn document(&mut self) -> Result<Option<Node>, Broken> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    let problem = Diagnostic::at(&span, "a second document begins here");
                    self.problems.push(problem.hint(
                        "a source holds one document; give the other its own file or MIME part",
                    ));
                    return Ok(root);
                }
                Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::MappingStart(..)
                | Event::Alias(_) => {
                    root = Some(self.node(event, span, 0)?);
                }
                _ => {}
            }
        }
    }

    /// The next event and where it stands.
    pub(super) fn next(&mut self) -> Result<(Event<'a>, Span), Broken> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let offset = |marker: granit_parser::Marker| {
                    marker.byte_offset().unwrap_or(self.source.text.len())
                };
                let span = self.source.span(offset(span.start)..offset(span.end));
                Ok((event, span))
            }
            Some(Err(error)) => {
                self.problems.push(syntax::explain(self.source, &error));
                Err(Broken)
            }
            None => Ok((
                Event::StreamEnd,
                self.source
                    .span(self.source.text.len()..self.source.text.len()),
            )),
        }
    }

    /// The node that an event begins, with all below it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's list is open; the rest begins no node"
    )]
    pub(super) fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Node, Broken> {
        if depth > DEPTH {
            return Err(self.stop(&span, format!("more than {DEPTH} levels deep")));
        }
        self.charge(&span, 1, event.scalar().map_or(0, |(text, _)| text.len()))?;
        let anchor = event.anchor_id();
        let node = match event {
            Event::Alias(id) => return self.alias(id, &span, depth),
            Event::Scalar(text, style, _, tag) => {
                self.scalar(text.into_owned(), style, tag.as_deref(), span)
            }
            Event::SequenceStart(_, _, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &span);
                self.list(span, depth)?
            }
            Event::MappingStart(_, _, tag) => {
                self.collection_tag(tag.as_deref(), "map", &span);
                self.map(span, depth)?
            }
            _ => return Err(self.stop(&span, "this cannot be read as a value".to_owned())),
        };
        if let Some(id) = anchor {
            self.remember(id, &node)?;
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, Broken> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node {
                    span: self.stretch(&start, &span),
                    kind: Kind::List(items),
                });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        // For nothing at all the parser says `~`, standing nowhere.
        let kind = match tag.map(|tag| (tag, tag.core_suffix())) {
            None if plain && span.text().is_empty() => Kind::Empty,
            None if plain && is_null(&text) => Kind::Null,
            None => Kind::Scalar { text, plain },
            Some((_, Some("str"))) => Kind::Scalar { text, plain: false },
            Some((_, Some("null"))) => Kind::Null,
            Some((_, Some("int" | "float" | "bool"))) => Kind::Scalar { text, plain: true },
            Some((tag, _)) => {
                self.problems.push(syntax::refused(tag, &span));
                Kind::Scalar { text, plain: false }
            }
        };
        Node { span, kind }
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, wanted: &str, span: &Span) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(wanted)) {
            self.problems.push(syntax::refused(tag, span));
        }
    }

    fn alias(&mut self, id: usize, span: &Span, depth: usize) -> Result<Node, Broken> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(self.stop(
                span,
                format!("{} stands inside what it repeats", quote(span.text())),
            ));
        };
        let (nodes, bytes, height) = (anchored.nodes, anchored.bytes, anchored.height);
        if depth + height > DEPTH {
            return Err(self.stop(span, format!("more than {DEPTH} levels deep")));
        }
        self.charge(span, nodes, bytes)?;
        match self.anchors.get(&id) {
            Some(anchored) => Ok(anchored.node.clone()),
            None => Err(Broken),
        }
    }

    /// Keeps a copy for the aliases, which is paid for like any other piece.
    fn remember(&mut self, id: usize, node: &Node) -> Result<(), Broken> {
        let (nodes, bytes, height) = cost(node);
        self.charge(&node.span, nodes, bytes)?;
        self.anchors.insert(
            id,
            Anchored {
                node: node.clone(),
                nodes,
                bytes,
                height,
            },
        );
        Ok(())
    }

    pub(super) fn charge(&mut self, span: &Span, nodes: usize, bytes: usize) -> Result<(), Broken> {
        if self.budget.spend(nodes, bytes) {
            return Ok(());
        }
        Err(self.stop(span, "the sources hold too much from here on".to_owned()))
    }

    fn stop(&mut self, span: &Span, message: String) -> Broken {
        self.problems.push(Diagnostic::at(span, message));
        Broken
    }

    /// From where a collection begins to its end, without the blank lines after a block.
    pub(super) fn stretch(&self, start: &Span, end: &Span) -> Span {
        let text = self
            .source
            .text
            .get(start.start..end.end)
            .unwrap_or_default();
        self.source
            .span(start.start..start.start + text.trim_end().len())
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "null" | "Null" | "NULL" | "~")
}

/// Nodes, bytes of text, and levels.
pub(crate) fn cost(node: &Node) -> (usize, usize, usize) {
    let add = |(nodes, bytes, height): (usize, usize, usize), child: &Node, key: usize| {
        let (more, text, levels) = cost(child);
        (nodes + more, bytes + text + key, height.max(levels + 1))
    };
    match &node.kind {
        Kind::Scalar { text, .. } => (1, text.len(), 0),
        Kind::Null | Kind::Empty => (1, 0, 0),
        Kind::List(items) => items.iter().fold((1, 0, 0), |sum, item| add(sum, item, 0)),
        Kind::Map(entries) => entries.iter().fold((1, 0, 0), |sum, (key, value)| {
            add(sum, value, key.text.len())
        }),
    }
}
