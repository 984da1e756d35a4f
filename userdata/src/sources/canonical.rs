//! The merged tree as one line of JSON, and as a list of who said what.
//!
//! The line is read back as a document and must give the same spec. So a plain scalar that JSON
//! takes for a number or a boolean stands as it was written, and every other scalar is a string:
//! a decoder takes a string for what a plain `0644` or `yes` may mean.

use crate::node::{Key, Kind, Node};
use std::fmt::Write;

/// The merged tree as a document of its own: one line, keys sorted, ASCII controls and YAML's
/// special characters escaped.
pub(super) fn document(merged: &Node) -> String {
    let mut line = "{\"firstlight\":1".to_owned();
    if let Kind::Map(entries) = &merged.kind {
        for (key, value) in sorted(entries) {
            line.push(',');
            entry(&mut line, key, value);
        }
    }
    line.push('}');
    line
}

/// One value that holds, and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `services.web.environment.PORT`, `services.web.files["/run/secrets/pw"].mode`
    pub path: String,
    /// The value as JSON; a list is one value.
    pub value: String,
    /// The source's name.
    pub source: String,
}

/// Every value of the merged tree, sorted by path.
pub(super) fn said(merged: &Node) -> Vec<Said> {
    let mut all = Vec::new();
    walk(&mut all, String::new(), merged);
    all
}

fn walk(all: &mut Vec<Said>, path: String, node: &Node) {
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            for (key, value) in sorted(entries) {
                walk(all, step(&path, key), value);
            }
        }
        Kind::Map(_) | Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_)
            if !path.is_empty() =>
        {
            let mut json = String::new();
            value(&mut json, node);
            all.push(Said {
                path,
                value: json,
                source: node.span.source.name.clone(),
            });
        }
        Kind::Map(_) | Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) => {}
    }
}

fn step(path: &str, key: &str) -> String {
    let simple = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match (simple, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => {
            let mut step = format!("{path}[");
            string(&mut step, key);
            step.push(']');
            step
        }
    }
}

fn sorted(entries: &[(Key, Node)]) -> Vec<(&str, &Node)> {
    let mut sorted: Vec<_> = entries
        .iter()
        .map(|(key, value)| (key.text.as_str(), value))
        .collect();
    sorted.sort_by_key(|(key, _)| *key);
    sorted
}

fn entry(line: &mut String, key: &str, node: &Node) {
    string(line, key);
    line.push(':');
    value(line, node);
}

fn value(line: &mut String, node: &Node) {
    match &node.kind {
        Kind::Scalar { text, plain: true } if is_json(text) => line.push_str(text),
        Kind::Scalar { text, .. } => string(line, text),
        Kind::Null | Kind::Empty => line.push_str("null"),
        Kind::List(items) => {
            let mut before = '[';
            for item in items {
                line.push(before);
                value(line, item);
                before = ',';
            }
            line.push_str(if before == '[' { "[]" } else { "]" });
        }
        Kind::Map(entries) => {
            let mut before = '{';
            for (key, node) in sorted(entries) {
                line.push(before);
                entry(line, key, node);
                before = ',';
            }
            line.push_str(if before == '{' { "{}" } else { "}" });
        }
    }
}

/// A number or a boolean as JSON writes it (RFC 8259 section 6).
fn is_json(text: &str) -> bool {
    matches!(text, "true" | "false")
        || serde_json::from_str::<serde_json::Number>(text).is_ok_and(|_| text.trim() == text)
}

/// A string that is valid JSON and valid YAML: both take `\u`, and what either may not hold bare
/// is escaped.
fn string(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\t' => line.push_str("\\t"),
            '\r' => line.push_str("\\r"),
            c if must_escape(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}
