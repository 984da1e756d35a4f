//! The parameters file: what Parameter Store and Secrets Manager hold during a rehearsal.
//!
//! ```yaml
//! /web/prod/version: "1.4.2"                                # a String
//! /web/prod/db/password: {value: hunter2, type: SecureString}
//! secretsmanager:web/tls: '{"key": "…"}'                    # a secret's string
//! ```
//!
//! JSON of the same shape will do too.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use firstlight_userdata::node;

/// A parameter's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Plain text.
    String,
    /// Plain texts, comma-separated.
    StringList,
    /// Encrypted text.
    SecureString,
}

impl Kind {
    /// As the API calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        [Self::String, Self::StringList, Self::SecureString]
            .into_iter()
            .find(|kind| kind.name() == text)
            .with_context(|| format!("type {text}: one of String, StringList, SecureString"))
    }
}

/// What a name stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A parameter.
    Parameter {
        /// Its value.
        value: String,
        /// Its type.
        kind: Kind,
    },
    /// A secret's string.
    Secret(String),
}

/// Without the value: people paste what they see.
impl std::fmt::Debug for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Parameter { kind, .. } => kind.name(),
            Self::Secret(_) => "Secret",
        })
    }
}

/// Reads a file.
///
/// # Errors
/// If it can't be read or isn't of the shape above, naming the entry, never its value.
pub fn read(file: &Path) -> anyhow::Result<Vec<(String, Value)>> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    parse(&file.display().to_string(), &bytes)
}

fn parse(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<(String, Value)>> {
    let node = node::read(name, bytes).map_err(|problems| anyhow!("{}", problems.draw(false)))?;
    let entries = match node.map(|node| node.kind) {
        None => return Ok(Vec::new()),
        Some(node::Kind::Map(entries)) => entries,
        Some(_) => bail!("{name} must be a map from parameter names to values"),
    };
    let entries = entries
        .iter()
        .map(|(key, node)| entry(&key.text, node).with_context(|| format!("{name}: {}", key.text)));
    entries.collect()
}

fn entry(name: &str, node: &node::Node) -> anyhow::Result<(String, Value)> {
    let scalar = |node: &node::Node| match &node.kind {
        node::Kind::Scalar { text, .. } => Some(text.clone()),
        node::Kind::Null | node::Kind::Empty | node::Kind::List(_) | node::Kind::Map(_) => None,
    };
    let value = scalar(node).or_else(|| scalar(node.get("value")?));
    let value = value
        .context("a value, or {value: …, type: …}, is wanted; quote what is a map or a list")?;
    let kind = node.get("type").and_then(scalar);
    match (name.strip_prefix("secretsmanager:"), kind) {
        (Some(_), Some(_)) => bail!("a secret has no type"),
        (Some(secret), None) => Ok((secret.to_owned(), Value::Secret(value))),
        (None, kind) => {
            let kind = kind.map_or(Ok(Kind::String), |kind| Kind::parse(&kind))?;
            let name = name.strip_prefix("ssm:").unwrap_or(name).to_owned();
            Ok((name, Value::Parameter { value, kind }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_shapes_and_secrets() {
        let text = "/a: 1.10\n/b: {value: hush, type: SecureString}\nsecretsmanager:web/tls: '{\"key\": 1}'\n";
        let parameter = |value: &str, kind| Value::Parameter {
            value: value.to_owned(),
            kind,
        };
        assert_eq!(
            parse("file", text.as_bytes()).unwrap(),
            [
                ("/a".to_owned(), parameter("1.10", Kind::String)),
                ("/b".to_owned(), parameter("hush", Kind::SecureString)),
                (
                    "web/tls".to_owned(),
                    Value::Secret("{\"key\": 1}".to_owned())
                ),
            ]
        );
    }

    #[test]
    fn names_the_entry_that_is_wrong_and_not_its_value() {
        for (text, said) in [
            ("/a: [hush]", "file: /a"),
            ("/a: {value: hush, type: Secret}", "file: /a"),
            (
                "secretsmanager:a: {value: hush, type: String}",
                "secretsmanager:a",
            ),
            ("- hush", "must be a map"),
        ] {
            let error = format!("{:#}", parse("file", text.as_bytes()).unwrap_err());
            assert!(error.contains(said) && !error.contains("hush"), "{error}");
        }
    }
}
