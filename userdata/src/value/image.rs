//! Image references, in the grammar of `distribution/reference` that the Docker engine uses.

use std::{fmt, ops::Range};

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
    pub fn parse(text: &str) -> Result<ImageRef, String> {
        let parts = Parts::of(text);
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let registry = part(0..parts.slash);
        let path = part(parts.slash..parts.colon);
        let path = if registry.is_empty() {
            path
        } else {
            path.strip_prefix('/').unwrap_or(path)
        };
        let tag = part(parts.colon..parts.at).strip_prefix(':');
        let digest = part(parts.at..text.len()).strip_prefix('@');
        if !registry.is_empty() {
            check_registry(registry)?;
        }
        check_path(path)?;
        tag.map_or(Ok(()), check_tag)?;
        digest.map_or(Ok(()), check_digest)?;
        let hub = matches!(registry, "" | "docker.io" | "index.docker.io");
        Ok(ImageRef {
            registry: if hub {
                "docker.io".to_owned()
            } else {
                registry.to_owned()
            },
            repository: if hub && !path.contains('/') {
                format!("library/{path}")
            } else {
                path.to_owned()
            },
            tag: match (tag, digest) {
                (None, None) => Some("latest".to_owned()),
                (tag, _) => tag.map(str::to_owned),
            },
            digest: digest.map(str::to_owned),
        })
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
    /// The same repository pinned to `digest` (`sha256:…`): what runs.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the digest.
    pub fn pinned(&self, digest: &str) -> Result<ImageRef, String> {
        check_digest(digest)?;
        Ok(ImageRef {
            tag: None,
            digest: Some(digest.to_owned()),
            ..self.clone()
        })
    }
}

/// In full: `docker.io/library/postgres:16`.
impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// What a byte of an image's text stands for. A separator belongs to what it introduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Registry,
    Repository,
    Tag,
    Digest,
}

/// Where the parts of an image's text end, valid or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    slash: usize,
    colon: usize,
    at: usize,
}

impl Parts {
    /// Splits as Docker does: the first component is a host if it could not be a path's.
    pub(crate) fn of(text: &str) -> Parts {
        let at = text.find('@').unwrap_or(text.len());
        let before_digest = text.get(..at).unwrap_or_default();
        let slash = match before_digest.split_once('/') {
            Some((first, _)) if is_host(first) => first.len(),
            Some(_) | None => 0,
        };
        let last = before_digest
            .rfind('/')
            .map_or(slash, |position| position + 1);
        let colon = before_digest
            .get(last..)
            .and_then(|name| name.find(':'))
            .map_or(at, |colon| last + colon);
        Parts { slash, colon, at }
    }
    /// How long the registry's host is; 0 where none is written.
    pub(crate) fn registry(self) -> usize {
        self.slash
    }
    /// What the byte at `position` stands for.
    pub(crate) fn role(self, position: usize) -> Role {
        match position {
            p if p < self.slash => Role::Registry,
            p if p < self.colon => Role::Repository,
            p if p < self.at => Role::Tag,
            _ => Role::Digest,
        }
    }
}

fn is_host(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.chars().any(|c| c.is_ascii_uppercase())
}

fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (registry, None),
    };
    if let Some(port) = port
        && port.parse::<u16>().is_err()
    {
        return Err(format!("`{port}` is no port of a registry"));
    }
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let valid = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    if valid {
        Ok(())
    } else {
        Err(format!("`{registry}` is no registry's host"))
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("an image needs a name before its tag or digest".to_owned());
    }
    if path.len() > 255 {
        return Err("an image's name is longer than 255 characters".to_owned());
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(format!(
            "`{path}` holds upper case, and an image's name must be lower case"
        ));
    }
    match path.split('/').find(|component| !is_component(component)) {
        None => Ok(()),
        Some("") => Err(format!("`{path}` holds an empty part between slashes")),
        Some(bad) => Err(format!("`{bad}` may not stand in an image's name")),
    }
}

/// Runs of `[a-z0-9]` joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joints = component.split(is_word).filter(|joint| !joint.is_empty());
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && joints
            .into_iter()
            .all(|joint| matches!(joint, "." | "_" | "__") || joint.chars().all(|c| c == '-'))
}

fn check_tag(tag: &str) -> Result<(), String> {
    let first = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let all = tag
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if first && all && tag.len() <= 128 {
        Ok(())
    } else {
        Err(format!(
            "`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`"
        ))
    }
}

fn check_digest(digest: &str) -> Result<(), String> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
        Ok(())
    } else {
        Err(format!(
            "`{digest}` is no digest: `sha256:` and 64 lowercase hexadecimal digits"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn normalises_as_docker_does() {
        for (written, full) in [
            ("postgres", "docker.io/library/postgres:latest"),
            ("postgres:16", "docker.io/library/postgres:16"),
            ("acme/web", "docker.io/acme/web:latest"),
            ("docker.io/postgres", "docker.io/library/postgres:latest"),
            ("index.docker.io/acme/web:1", "docker.io/acme/web:1"),
            ("localhost/web", "localhost/web:latest"),
            ("localhost:5000/web:1", "localhost:5000/web:1"),
            ("[::1]:5000/web", "[::1]:5000/web:latest"),
            ("Registry/web", "Registry/web:latest"),
            (
                "ghcr.io/a/b__c/d-e---f:V_1.2-x",
                "ghcr.io/a/b__c/d-e---f:V_1.2-x",
            ),
        ] {
            assert_eq!(
                ImageRef::parse(written).unwrap().to_string(),
                full,
                "{written}"
            );
        }
        let pinned = format!("ghcr.io/a/b@{DIGEST}");
        let image = ImageRef::parse(&pinned).unwrap();
        assert_eq!((image.tag(), image.digest()), (None, Some(DIGEST)));
        let both = ImageRef::parse(&format!("ghcr.io/a/b:1@{DIGEST}")).unwrap();
        assert_eq!((both.tag(), both.digest()), (Some("1"), Some(DIGEST)));
        assert_eq!(
            ImageRef::parse("ghcr.io/a/b:1")
                .unwrap()
                .pinned(DIGEST)
                .unwrap()
                .to_string(),
            pinned
        );
    }

    #[test]
    fn refuses_what_docker_refuses() {
        for bad in [
            "",
            ":1",
            "/web",
            "web:",
            "web@",
            "web@sha256:12",
            "web:1:2",
            "Web",
            "acme//web",
            "acme/-web",
            "web:.1",
            "ghcr.io/",
            "ghcr.io:x/web",
            "a..b.io/web",
            "web ",
            "we b",
            "a___b",
            "-a.io/web",
            "web@md5:00",
            "wéb",
            "https://ghcr.io/web",
        ] {
            assert!(ImageRef::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_it_prints_it_reads(text in "\\PC{0,40}|[a-zA-Z0-9.:/@_-]{0,60}") {
            if let Ok(image) = ImageRef::parse(&text) {
                prop_assert_eq!(ImageRef::parse(&image.to_string()).unwrap(), image);
            }
        }
    }
}
