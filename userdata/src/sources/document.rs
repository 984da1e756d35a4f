//! One document: its version, what it includes, and what it says.

use super::{
    include::{self, Include, IncludeFrom, Named, State},
    pairs,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Source, Span, quote},
    node::{
        Key, Kind, Node,
        build::{Broken, Budget, build},
    },
};
use std::sync::Arc;

/// What a document says, without `firstlight`, `include` and `x-*`.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) source: Arc<Source>,
    /// A map, always.
    root: Node,
    includes: Vec<Named>,
}

/// One of the ways to read a document.
pub(super) type Reader =
    fn(&Arc<Source>, &mut Budget, &mut Diagnostics) -> Result<Option<Document>, Broken>;

impl Document {
    /// Reads a file, which may say nothing.
    pub(super) fn read(
        source: &Arc<Source>,
        budget: &mut Budget,
        problems: &mut Diagnostics,
    ) -> Result<Option<Document>, Broken> {
        let Some((root, include)) = parts(source, budget, problems)? else {
            return Ok(None);
        };
        let includes = include.map_or_else(Vec::new, |(_, value)| include::read(&value, problems));
        Ok(Some(Document {
            source: Arc::clone(source),
            root,
            includes,
        }))
    }

    /// Reads what somebody sent to say something: nothing is a template gone wrong.
    pub(super) fn read_sent(
        source: &Arc<Source>,
        budget: &mut Budget,
        problems: &mut Diagnostics,
    ) -> Result<Option<Document>, Broken> {
        let document = Document::read(source, budget, problems)?;
        Ok(Some(
            document.ok_or_else(|| says_nothing(source, problems))?,
        ))
    }

    /// Reads what was included, and so may not include others.
    pub(super) fn read_included(
        source: &Arc<Source>,
        budget: &mut Budget,
        problems: &mut Diagnostics,
    ) -> Result<Document, Broken> {
        let Some((root, include)) = parts(source, budget, problems)? else {
            return Err(says_nothing(source, problems));
        };
        if let Some((key, _)) = include {
            let problem = Diagnostic::at(&key.span, "an included document includes nothing itself");
            problems.push(problem.hint("name it in the document that includes this one"));
        }
        Ok(Document {
            source: Arc::clone(source),
            root,
            includes: Vec::new(),
        })
    }

    /// What it says itself: a map.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Its includes that were read, then itself.
    pub(super) fn in_rank(&self) -> impl Iterator<Item = &Node> {
        let included = self.includes.iter().filter_map(|named| match &named.state {
            State::Read(document) => Some(&document.root),
            State::Pending | State::Done => None,
        });
        included.chain([&self.root])
    }

    /// Includes to fetch, each with its place.
    pub(super) fn pending(&self) -> impl Iterator<Item = (usize, &Include)> {
        let all = self.includes.iter().enumerate();
        all.filter(|(_, named)| matches!(named.state, State::Pending))
            .map(|(which, named)| (which, &named.include))
    }

    /// Includes that nobody fetched.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&Span, &IncludeFrom)> {
        let all = self.includes.iter();
        all.filter(|named| matches!(named.state, State::Pending))
            .map(|named| (&named.span, &named.include.from))
    }

    /// An include that is pending.
    pub(super) fn named(&mut self, which: usize) -> Option<&mut Named> {
        self.includes
            .get_mut(which)
            .filter(|named| matches!(named.state, State::Pending))
    }
}

/// What a document says, and its `include`.
type Parts = (Node, Option<(Key, Node)>);

fn parts(
    source: &Arc<Source>,
    budget: &mut Budget,
    problems: &mut Diagnostics,
) -> Result<Option<Parts>, Broken> {
    let Some(root) = build(source, budget, problems)? else {
        return Ok(None);
    };
    let Kind::Map(mut entries) = root.kind else {
        let message = format!(
            "not a firstlight document: its top level is {}, not a map",
            root.what()
        );
        let problem = Diagnostic::at(&root.span, message);
        problems.push(problem.hint("a document is a map with `firstlight: 1` at its top level"));
        return Err(Broken);
    };
    let span = root.span;
    check_version(&entries, &span, problems)?;
    entries.retain(|(key, _)| key.text != "firstlight" && !key.text.starts_with("x-"));
    let include = entries
        .iter()
        .position(|(key, _)| key.text == "include")
        .map(|place| entries.remove(place));
    let mut root = Node {
        span,
        kind: Kind::Map(entries),
    };
    pairs::to_maps(&mut root, problems);
    report_empty(&root, problems);
    if let Some((_, value)) = &include {
        report_empty_at("include", value, problems);
    }
    Ok(Some((root, include)))
}

fn says_nothing(source: &Arc<Source>, problems: &mut Diagnostics) -> Broken {
    let problem = Diagnostic::at(&source.span(0..0), "this document says nothing");
    problems.push(problem.hint("did its template leave it empty?"));
    Broken
}

/// A later version's keys are unknown here, so that only the version itself is worth a word.
fn check_version(
    entries: &[(Key, Node)],
    root: &Span,
    problems: &mut Diagnostics,
) -> Result<(), Broken> {
    let Some((_, value)) = entries.iter().find(|(key, _)| key.text == "firstlight") else {
        let problem = Diagnostic::at(
            root,
            "not a firstlight document: its top level does not say `firstlight: 1`",
        );
        problems.push(problem.hint("put `firstlight: 1` first"));
        return Err(Broken);
    };
    let version = match &value.kind {
        Kind::Scalar { text, .. } if text == "1" => return Ok(()),
        Kind::Scalar { text, .. } => quote(text),
        Kind::Null | Kind::Empty | Kind::List(_) | Kind::Map(_) => value.what().to_owned(),
    };
    let problem = match version.trim_matches('`').parse::<u64>() {
        Ok(newer) if newer > 1 => Diagnostic::at(
            &value.span,
            format!("version {newer} is newer than this agent, which reads version 1"),
        )
        .hint("image and template roll together: use an image with a newer agent"),
        Ok(_) | Err(_) => Diagnostic::at(&value.span, format!("{version} is no version"))
            .hint("write `firstlight: 1`"),
    };
    problems.push(problem);
    Err(Broken)
}

/// `KEY:` with nothing after it: nobody can tell whether that means null or an empty text.
fn report_empty(node: &Node, problems: &mut Diagnostics) {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .for_each(|(key, value)| report_empty_at(&key.text, value, problems)),
        Kind::List(items) => items.iter().for_each(|item| match item.kind {
            Kind::Empty => problems.push(Diagnostic::at(&item.span, "this list item has no value")),
            Kind::Scalar { .. } | Kind::Null | Kind::List(_) | Kind::Map(_) => {
                report_empty(item, problems)
            }
        }),
        Kind::Scalar { .. } | Kind::Null | Kind::Empty => {}
    }
}

fn report_empty_at(key: &str, value: &Node, problems: &mut Diagnostics) {
    if value.kind != Kind::Empty {
        return report_empty(value, problems);
    }
    let problem = Diagnostic::at(&value.span, format!("{} has no value", quote(key)));
    problems
        .push(problem.hint("`\"\"` is an empty text; `null` removes what earlier sources said"));
}
