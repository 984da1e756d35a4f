//! From a spec with references to a spec with values: pure, all or nothing.

use crate::{
    diagnostic::Diagnostics,
    reference::Target,
    spec::{Resolved, Spec, Unresolved},
};
use std::{collections::BTreeMap, fmt};

/// A string that stands where a template stood.
///
/// `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    value: String,
    /// The references that put a secret into it, as written; empty when it holds none.
    secret: bool,
}

impl Text {
    /// A text that holds no secret.
    pub fn plain(value: impl Into<String>) -> Text {
        Text {
            value: value.into(),
            secret: false,
        }
    }
    /// A text that holds a secret.
    pub fn secret(value: impl Into<String>) -> Text {
        Text {
            value: value.into(),
            secret: true,
        }
    }
    /// The value itself. Name it only where it leaves for Docker, a file or a registry.
    pub fn expose(&self) -> &str {
        &self.value
    }
    /// Whether a secret is in it.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret {
            f.write_str("<secret>")
        } else {
            fmt::Debug::fmt(&self.value, f)
        }
    }
}

/// One fetched value.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The value as the service gave it.
    pub value: String,
    /// True for a SecureString and for every secret of Secrets Manager.
    pub secret: bool,
    /// Which version it was: `12` for a parameter, a version id for a secret.
    pub version: Option<String>,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("secret", &self.secret)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What was fetched for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// One value.
    One(Fetched),
    /// The values under a path, each with its full name.
    Path(Vec<(String, Fetched)>),
}

/// Every value that [`Spec::targets`] asked for.
pub type Values = BTreeMap<Target, Answer>;

impl Spec<Unresolved> {
    /// Everything to fetch, de-duplicated and sorted.
    pub fn targets(&self) -> Vec<Target> {
        todo!()
    }

    /// Puts the values in.
    ///
    /// # Errors
    /// Every value that is not there, does not fit where it stands, or is a secret where none may be.
    pub fn resolve(&self, _values: &Values) -> Result<Spec<Resolved>, Diagnostics> {
        todo!()
    }
}
