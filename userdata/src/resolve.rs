//! From a spec with references to a spec with values: pure, all or nothing.
//!
//! - `fill`: the walk over every string of a spec
//! - `pull`: as much as a pull needs
//! - `text`: one string, its references replaced
//! - `environment`: whole sets of variables
//! - `image`: what stands outside a reference keeps its role
//! - `json`: members of JSON values, numbers as written

mod environment;
mod fill;
pub(crate) mod image;
pub(crate) mod json;
mod pull;
mod text;

pub use pull::{Preparation, Pull, Pulls};

use crate::{
    diagnostic::Diagnostics,
    reference::Target,
    spec::{Phase, Resolved, Spec, Unresolved},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// A string that stands where a template stood.
///
/// `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    value: String,
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

/// Every value that [`Spec::targets`] or [`Spec::targets_to_prepare`] asked for.
pub type Values = BTreeMap<Target, Answer>;

/// What was fetched, by name and version, never by value: for the record and the digest.
///
/// Instance metadata has no versions and is left out.
pub fn versions(values: &Values) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for (target, answer) in values {
        match answer {
            Answer::One(fetched) => versions.extend(
                fetched
                    .version
                    .clone()
                    .map(|version| (target.to_string(), version)),
            ),
            Answer::Path(entries) => {
                versions.extend(entries.iter().filter_map(|(name, fetched)| {
                    Some((format!("ssm:{name}"), fetched.version.clone()?))
                }))
            }
        }
    }
    versions
}

impl Spec<Unresolved> {
    /// Everything to fetch, de-duplicated and sorted.
    pub fn targets(&self) -> Vec<Target> {
        fill::listed(|filler| drop(filler.spec(self)))
    }

    /// Puts the values in.
    ///
    /// # Errors
    /// Every value that is not there, does not fit where it stands, or is a secret where none may be.
    pub fn resolve(&self, values: &Values) -> Result<Spec<Resolved>, Diagnostics> {
        fill::filled(values, |filler| filler.spec(self))
    }
}

impl<P: Phase> Spec<P> {
    /// SHA-256 of the document and of the versions that went in (see [`versions`]), hex: two
    /// launches with the same digest run the same thing. No value goes into it.
    pub fn digest(&self, versions: &BTreeMap<String, String>) -> String {
        let mut hash = Sha256::new();
        hash.update(self.document.as_bytes());
        for (name, version) in versions {
            // Neither names nor versions hold line feeds or NUL, so no two lists read the same.
            hash.update(format!("\n{name}\0{version}"));
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests;
