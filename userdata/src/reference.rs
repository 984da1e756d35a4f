//! `{{ssm:…}}` and its kin, inside a string: parsed once, never evaluated again.
//!
//! To add a scheme: a variant of [`Target`], a line in `reference::target`, and what fetches it.

mod parse;
mod target;

use crate::diagnostic::{Diagnostics, Span};
use std::fmt;

pub(crate) use target::environment_from;

/// A string as written: literal text and references in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The pieces, in order. No two literals stand side by side; an empty string has none.
    pub pieces: Vec<Piece>,
    /// Where it was written, for the error when its value does not fit.
    pub span: Span,
}

impl Template {
    /// Finds the references in a string. Only `{{name:` begins one (spaces allowed); `{{{{name:`
    /// writes `{{name:`; any other brace stands for itself.
    ///
    /// # Errors
    /// Every reference that is of no known kind, is not closed, or names nothing that can be.
    pub fn parse(text: &str, span: Span) -> Result<Template, Diagnostics> {
        let (pieces, complaints) = parse::pieces(text);
        if complaints.is_empty() {
            return Ok(Template { pieces, span });
        }
        Err(Diagnostics(
            complaints
                .into_iter()
                .map(|complaint| complaint.at(&span))
                .collect(),
        ))
    }
    /// A string without references.
    pub fn literal(text: impl Into<String>, span: Span) -> Template {
        let text = text.into();
        let pieces = if text.is_empty() {
            Vec::new()
        } else {
            vec![Piece::Literal(text)]
        };
        Template { pieces, span }
    }
    /// The text, if no reference is in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
    /// The references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Literal(_) => None,
        })
    }
}

/// What it says, references in braces.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => f.write_str(text),
            Piece::Reference(reference) => write!(f, "{{{{{reference}}}}}"),
        })
    }
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Literal(String),
    /// Text that stands for a value.
    Reference(Reference),
}

/// One `{{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// What is fetched.
    pub target: Target,
    /// `#member`: one top-level member of a JSON value.
    pub member: Option<String>,
    /// `| urlencode`
    pub urlencode: bool,
}

/// As written, without the braces: `ssm:/web/json#port | urlencode`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        if let Some(member) = &self.member {
            write!(f, "#{member}")?;
        }
        if self.urlencode {
            f.write_str(" | urlencode")
        } else {
            Ok(())
        }
    }
}

/// What is fetched for a reference: the key by which fetches are de-duplicated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// One Parameter Store value.
    Ssm {
        /// Name or ARN, without the selector.
        name: String,
        /// `3` or `label`, without the colon.
        selector: Option<String>,
    },
    /// Every Parameter Store value under a path, recursively; the path ends in `/`.
    SsmPath(String),
    /// A secret's current string, by name or ARN.
    Secret(String),
    /// An instance metadata path below `latest/meta-data/`: `instance-id`, `tags/instance/Name`.
    Imds(String),
}

/// As written, without the braces: `ssm:/web/version:42`, `secretsmanager:web/tls`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Ssm {
                name,
                selector: None,
            } => write!(f, "ssm:{name}"),
            Target::Ssm {
                name,
                selector: Some(selector),
            } => write!(f, "ssm:{name}:{selector}"),
            Target::SsmPath(path) => write!(f, "ssm:{path}"),
            Target::Secret(id) => write!(f, "secretsmanager:{id}"),
            Target::Imds(path) => write!(f, "imds:{path}"),
        }
    }
}
