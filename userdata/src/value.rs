//! Durations, sizes, ports, modes, image references: types that can only be built valid.

use std::fmt;

/// An image reference, parsed: `[host[:port]/]path[:tag][@digest]`.
///
/// Normalised as Docker does: `postgres:16` is `docker.io/library/postgres:16`, and no tag and no
/// digest means `latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageRef {
    /// Parses what a person wrote.
    ///
    /// # Errors
    /// A fragment that says what is wrong with it.
    pub fn parse(_text: &str) -> Result<ImageRef, String> {
        todo!()
    }
    /// The registry's host, with its port if any: `docker.io`, `127.0.0.1:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }
    /// The path in the registry: `library/postgres`.
    pub fn repository(&self) -> &str {
        &self.repository
    }
    /// The tag; `latest` was filled in where neither tag nor digest was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }
    /// `sha256:…` if it is pinned.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
