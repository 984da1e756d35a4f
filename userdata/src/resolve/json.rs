//! Members of a JSON value: strings unescaped, numbers with the text they were written with.
//!
//! No error repeats a value: it may be a secret.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One top-level member, by its literal name.
pub(super) fn member(json: &str, name: &str) -> Result<String, String> {
    let members = object(json)?;
    let raw = members
        .get(name)
        .ok_or_else(|| format!("has no member `{name}`"))?;
    text(raw).ok_or_else(|| format!("has null for its member `{name}`"))
}

/// Every top-level member, by name.
pub(super) fn members(json: &str) -> Result<BTreeMap<String, String>, String> {
    let text = |(name, raw): (String, Box<RawValue>)| match text(&raw) {
        Some(text) => Ok((name, text)),
        None => Err(format!("has null for its member `{name}`")),
    };
    object(json)?.into_iter().map(text).collect()
}

/// Every member that is not null; none where the value is no JSON object.
pub(crate) fn present(json: &str) -> Vec<(String, String)> {
    object(json)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, raw)| Some((name, text(&raw)?)))
        .collect()
}

fn object(json: &str) -> Result<BTreeMap<String, Box<RawValue>>, String> {
    if !json.trim_start().starts_with('{') {
        return Err("is no JSON object".to_owned());
    }
    // serde_json's own text would quote the value.
    serde_json::from_str(json).map_err(|error| {
        format!(
            "is no valid JSON (line {}, column {})",
            error.line(),
            error.column()
        )
    })
}

/// A member as text; `None` for null. Lists and maps become compact JSON.
fn text(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    match raw.chars().next() {
        Some('"') => serde_json::from_str(raw).ok(),
        Some('[' | '{') => Some(compact(raw)),
        Some('n') => None,
        Some(_) | None => Some(raw.to_owned()),
    }
}

/// Valid JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keep = inside || !c.is_ascii_whitespace();
        if *c == '"' && !escaped {
            inside = !inside;
        }
        escaped = *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn members_keep_their_text() {
        let json = r#" {"s":"a\"\u00e9\n","n":12345678901234567890.10,"e":1E6,"t":true,"z":null,"o":{ "a b" : [ 1, "x \" y" ] },"l":[1, 2],"":"empty","a.b":"dot"}"#;
        for (name, text) in [
            ("s", "a\"é\n"),
            ("n", "12345678901234567890.10"),
            ("e", "1E6"),
            ("t", "true"),
            ("o", r#"{"a b":[1,"x \" y"]}"#),
            ("l", "[1,2]"),
            ("", "empty"),
            ("a.b", "dot"),
        ] {
            assert_eq!(member(json, name).unwrap(), text, "{name}");
        }
        assert_eq!(
            member(json, "z").unwrap_err(),
            "has null for its member `z`"
        );
        assert_eq!(member(json, "q").unwrap_err(), "has no member `q`");
        assert!(members(json).is_err());
    }

    #[test]
    fn errors_hold_no_value() {
        for json in [
            r#""canary""#,
            "canary",
            "[\"canary\"]",
            "{\"a\": canary}",
            "{\"canary\"",
            "",
        ] {
            let error = member(json, "a").unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
