//! A YAML document as a tree that remembers where each piece stood.
//!
//! Built from parser events, not through serde: merging by key needs the tree before types are
//! known, `1.10` must stay `1.10`, and one wrong key must not hide the next.

use crate::diagnostic::Span;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where the value stands in its source.
    pub span: Span,
    /// The value.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A scalar, with its text as written (after unquoting).
    Scalar {
        /// The text: `1.10`, `yes`, `0123`.
        text: String,
        /// True for a plain (unquoted) scalar, which alone may be a number, a boolean or null.
        plain: bool,
    },
    /// `null` or `~` written out: removes what earlier sources said.
    Null,
    /// `KEY:` with nothing after it, which is an error wherever it stands.
    Empty,
    /// A list.
    List(Vec<Node>),
    /// A map in the order written. Keys are unique (duplicates were reported).
    Map(Vec<(Key, Node)>),
}

/// A map's key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where the key stands.
    pub span: Span,
    /// The key's text.
    pub text: String,
}
