//! A problem in a source: which source, where, what, and what to do about it.
//!
//! Everything that reads collects [`Diagnostic`]s instead of stopping at the first, so that one
//! `firstlight check` shows them all.

use std::sync::Arc;

/// One text that problems can point into: a file, a MIME part, an include.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// What a person calls it: `/etc/firstlight/launch.d/10-web.yaml`, `user data`,
    /// `user data, part 2 (web.yaml)`, `include s3://bucket/key`.
    pub name: String,
    /// The decoded text, whole, for the line that is underlined.
    pub text: String,
}

/// A stretch of one source. Offsets are bytes into [`Source::text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text it points into.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One problem, with everything a person needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where. `None` only for a problem of the whole (a required key that no source gives).
    pub span: Option<Span>,
    /// What is wrong: a lowercase fragment naming the operand, ``unknown key `enviroment` ``.
    pub message: String,
    /// What to do, as a sentence fragment: ``did you mean `environment`?``.
    pub hint: Option<String>,
}

/// Every problem of every source, never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);
