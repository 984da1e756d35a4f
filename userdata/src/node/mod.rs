//! A YAML document as a tree that remembers where each piece stood.
//!
//! Built from parser events, not through serde: merging by key needs the tree before types are
//! known, `1.10` must stay `1.10`, and one wrong key must not hide the next.
//!
//! - `text`: bytes to text: UTF-8, byte order marks, control characters
//! - `build`: events to a tree: anchors, `<<`, duplicate keys, bounds
//! - `map`: one map of the tree
//! - `syntax`: what a syntax error probably means

pub(crate) mod build;
pub(crate) mod map;
mod syntax;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use crate::diagnostic::{Diagnostics, Span};

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

/// Reads any one YAML document, not a spec; `None` when it says nothing.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(name: &str, bytes: &[u8]) -> Result<Option<Node>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let node = text::read(name, bytes, &mut problems).and_then(|source| {
        build::build(&source, &mut build::Budget::default(), &mut problems).ok()
    });
    if problems.is_empty() {
        Ok(node.flatten())
    } else {
        Err(problems)
    }
}

impl Node {
    /// What it is, for a message: `a list`.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } => "a single value",
            Kind::Null => "null",
            Kind::Empty => "nothing",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The value under a key, where this is a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.text == key)
                .map(|(_, value)| value),
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) => None,
        }
    }
}
