//! Drop-ins, user data and includes, in rank, and how later ones win over earlier ones.
//!
//! - `document`: one document: its version, its includes, and what it says
//! - `include`: what a document includes
//! - `pairs`: Compose's list forms as maps
//! - `merge`: later over earlier, by key where the contract says so
//! - `canonical`: the merged tree as one line, and as a list of who said what

mod canonical;
mod document;
mod include;
mod merge;
mod pairs;

#[cfg(test)]
mod large;
#[cfg(test)]
mod tests;

use crate::{
    decode,
    diagnostic::{Diagnostic, Diagnostics, Source},
    envelope,
    node::{
        Kind, Node,
        build::{Broken, Budget, build},
        text::{self, LIMIT},
    },
    spec::{Spec, Unresolved},
    value::duration,
};
pub use canonical::Said;
use document::Document;
pub use include::{Include, IncludeFrom};
use std::{sync::Arc, time::Duration};

/// Everything said so far about this launch, lowest rank first.
#[derive(Debug, Default)]
pub struct Sources {
    documents: Vec<Document>,
    /// Every text that a problem may point into, by rank.
    ranked: Vec<Arc<Source>>,
    problems: Diagnostics,
    budget: Budget,
    /// A document could not be read, so that what the others lack means nothing.
    broken: bool,
    /// An include is not what its `sha256` says.
    changed: bool,
}

impl Sources {
    /// Adds a drop-in file. Call in lexical order, before the user data.
    pub fn drop_in(&mut self, name: &str, bytes: &[u8]) {
        match text::read(name, bytes, &mut self.problems) {
            Some(source) => self.hear(source, Document::read),
            None => self.broken = true,
        }
    }

    /// Adds user data as the instance metadata gave it.
    pub fn user_data(&mut self, name: &str, bytes: &[u8]) {
        match envelope::open(name, bytes, &mut self.problems) {
            Ok(sources) => sources
                .into_iter()
                .for_each(|source| self.hear(source, Document::read_sent)),
            Err(Broken) => self.broken = true,
        }
    }

    fn hear(&mut self, source: Arc<Source>, read: document::Reader) {
        self.ranked.push(Arc::clone(&source));
        match read(&source, &mut self.budget, &mut self.problems) {
            Ok(Some(document)) => self.documents.push(document),
            Ok(None) => {}
            Err(Broken) => self.broken = true,
        }
    }

    /// How long the launch may take, where that is settled before anything included is read: by the last document, which
    /// outranks what it includes.
    pub fn timeout(&self) -> Option<Duration> {
        match &self.documents.last()?.root().get("timeout")?.kind {
            Kind::Scalar { text, .. } => duration::positive(text).ok(),
            Kind::Null | Kind::Empty | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// What the documents so far include and was not handed in yet.
    pub fn includes(&self) -> Vec<Include> {
        let pending = self
            .documents
            .iter()
            .enumerate()
            .flat_map(|(nth, document)| {
                document.pending().map(move |(which, include)| Include {
                    id: id(nth, which),
                    ..include.clone()
                })
            });
        pending.collect()
    }

    /// Hands in an include's bytes; its document ranks just below the one that names it.
    ///
    /// The bytes may be gzip and base64 around the document, and are one document, never MIME.
    /// `sha256` is that of the bytes as they are handed in. An id that [`Sources::includes`] does
    /// not give is ignored.
    pub fn included(&mut self, id: usize, bytes: &[u8]) {
        let Sources {
            documents,
            ranked,
            problems,
            budget,
            broken,
            changed,
        } = self;
        let Some(document) = documents.get_mut(id / include::MOST) else {
            return;
        };
        let below = Arc::clone(&document.source);
        let Some(named) = document.named(id % include::MOST) else {
            return;
        };
        let read = named.open(bytes, problems).and_then(|source| {
            let place = ranked.iter().position(|other| Arc::ptr_eq(other, &below));
            ranked.insert(place.unwrap_or(ranked.len()), Arc::clone(&source));
            named.read(&source, budget, problems)
        });
        *changed |= named.changed;
        *broken |= read.is_err();
    }

    /// An include that was handed in is not what its `sha256` says.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// Goes on without an include: for reading offline only, where it cannot be fetched.
    pub fn without(&mut self, id: usize) {
        let document = self.documents.get_mut(id / include::MOST);
        if let Some(named) = document.and_then(|document| document.named(id % include::MOST)) {
            named.leave_out();
        }
    }

    /// True when no source said anything, and nothing was wrong either: not for firstlight.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.problems.is_empty() && !self.broken
    }

    /// What holds after merging, each value with the source that said it.
    pub fn effective(&self) -> Vec<Said> {
        canonical::said(&self.merged())
    }

    /// The spec that was composed before, read back from its document.
    ///
    /// # Errors
    /// Every problem: the document is none, or of a later version.
    pub fn recorded(document: &str) -> Result<Spec<Unresolved>, Diagnostics> {
        let mut sources = Sources::default();
        sources.drop_in("the recorded spec", document.as_bytes());
        sources.compose()
    }

    /// Merges, decodes and checks the whole.
    ///
    /// # Errors
    /// Every problem of every source.
    pub fn compose(mut self) -> Result<Spec<Unresolved>, Diagnostics> {
        for (span, from) in self.documents.iter().flat_map(Document::missing) {
            self.problems
                .push(Diagnostic::at(span, format!("{from} was not read")));
            self.broken = true;
        }
        let merged = self.merged();
        let spec = if self.broken {
            decode::look(&merged, &mut self.problems);
            None
        } else {
            let document = canonical::document(&merged);
            check_recorded(&document, &mut self.problems);
            decode::decode(&merged, document, &mut self.problems)
        };
        match spec {
            Some(spec) if self.problems.is_empty() => Ok(spec),
            Some(_) | None => {
                self.problems.sort(&self.ranked);
                Err(self.problems)
            }
        }
    }

    /// The merged tree: neither `firstlight` nor `include` nor `x-*`, no null in a map, maps where
    /// lists of pairs may stand.
    fn merged(&self) -> Node {
        merge::all(self.documents.iter().flat_map(Document::in_rank))
    }
}

/// A reboot reads the document again, so that what it could not read is refused now: aliases count
/// each time they are used, and so do all sources together.
fn check_recorded(document: &str, problems: &mut Diagnostics) {
    let mut found = Diagnostics::default();
    let source = text::read("the merged document", document.as_bytes(), &mut found);
    let read = source.map(|source| build(&source, &mut Budget::default(), &mut found));
    if !matches!(read, Some(Ok(_))) {
        let message = format!(
            "merged, the sources are {} bytes, which is more than is read back after a reboot",
            document.len()
        );
        let hint = format!(
            "{LIMIT} bytes and some 65,000 values are the most, and an alias counts wherever it is used; \
             let the image or a volume bring what is large"
        );
        problems.push(Diagnostic::whole(message).hint(hint));
    }
}

/// An include's id holds its document and its place there.
fn id(document: usize, include: usize) -> usize {
    document * include::MOST + include
}
