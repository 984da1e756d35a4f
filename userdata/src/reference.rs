//! `{{ssm:…}}` and its kin, inside a string: parsed once, never evaluated again.

use std::fmt;

/// A string as written: literal text and references in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The pieces, in order. No two literals stand side by side; an empty string has none.
    pub pieces: Vec<Piece>,
    /// Where it was written, for the error when its value does not fit.
    pub span: crate::diagnostic::Span,
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
