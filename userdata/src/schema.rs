//! The JSON Schema of a document, for editors and CI: made of the declarations that decode it.
//!
//! It is looser than decoding: references, formats with a grammar and what only the whole shows are
//! `firstlight check`'s.

use crate::decode;
use serde_json::{Value, json};

/// The schema of one document. A document may be a part of what is merged, so that only
/// `firstlight: 1` is required of it.
pub fn document() -> Value {
    let mut schema = decode::schema();
    let include = json!({
        "description": "documents that rank just below this one",
        "type": "array",
        "maxItems": 32,
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["from"],
            "properties": {
                "from": { "type": "string", "pattern": "^(s3://[^/]+/.+|ssm:.+)$", "description": "`s3://bucket/key` or `ssm:/name`" },
                "sha256": { "type": "string", "pattern": "^[0-9A-Fa-f]{64}$", "description": "what the bytes must be" },
                "owner": { "type": ["string", "integer"], "pattern": "^[0-9]{12}$", "description": "the account that owns the bucket; by default the instance's" },
            },
        },
    });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "firstlight".to_owned(),
            json!({ "const": 1, "description": "the version of the launch spec" }),
        );
        properties.insert("include".to_owned(), include);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        schema.insert(
            "title".to_owned(),
            json!("firstlight launch spec, version 1"),
        );
        schema.insert("patternProperties".to_owned(), json!({ "^x-": true }));
        schema.insert("required".to_owned(), json!(["firstlight"]));
    }
    schema
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use crate::sources::Sources;
    use std::{fs, path::Path};

    /// `FIRSTLIGHT_WRITE_SCHEMA=1 cargo test -p firstlight-userdata schema` writes the file anew.
    #[test]
    fn the_file_is_what_the_declarations_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("launch.schema.json");
        let schema = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
        if std::env::var_os("FIRSTLIGHT_WRITE_SCHEMA").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == schema,
            "launch.schema.json is stale: run this with FIRSTLIGHT_WRITE_SCHEMA=1"
        );
    }

    /// What of JSON Schema the file uses, patterns apart.
    fn valid(value: &Value, schema: &Value) -> bool {
        let Some(schema) = schema.as_object() else {
            return schema == &Value::Bool(true);
        };
        schema
            .iter()
            .all(|(keyword, rule)| match (keyword.as_str(), value) {
                ("anyOf", _) => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|schema| valid(value, schema)),
                ("const", _) => value == rule,
                ("enum", _) => rule.as_array().unwrap().contains(value),
                ("type", _) if rule.is_array() => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|kind| is_a(value, kind)),
                ("type", _) => is_a(value, rule),
                ("required", Value::Object(map)) => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| map.contains_key(key.as_str().unwrap())),
                ("items", Value::Array(items)) => items.iter().all(|item| valid(item, rule)),
                ("properties", Value::Object(map)) => map
                    .iter()
                    .all(|(key, value)| rule.get(key).is_none_or(|schema| valid(value, schema))),
                ("additionalProperties", Value::Object(map)) => {
                    let known = |key: &String| {
                        schema
                            .get("properties")
                            .is_some_and(|properties| properties.get(key).is_some())
                    };
                    map.iter()
                        .all(|(key, value)| known(key) || valid(value, rule))
                }
                _ => true,
            })
    }

    fn is_a(value: &Value, kind: &Value) -> bool {
        match (kind.as_str().unwrap(), value) {
            ("integer", Value::Number(number)) => !number.to_string().contains('.'),
            ("number", Value::Number(_))
            | ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("null", Value::Null)
            | ("array", Value::Array(_))
            | ("object", Value::Object(_)) => true,
            _ => false,
        }
    }

    #[test]
    fn the_examples_are_valid() {
        let schema = document();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let mut seen = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mut sources = Sources::default();
            sources.user_data(&path.display().to_string(), &fs::read(&path).unwrap());
            let spec = sources
                .compose()
                .unwrap_or_else(|problems| panic!("{problems}"));
            let document: Value = serde_json::from_str(&spec.document).unwrap();
            assert!(valid(&document, &schema), "{}", path.display());
            seen += 1;
        }
        assert!(seen >= 4, "{seen} examples");
        for bad in [
            json!({}),
            json!({"firstlight": 2}),
            json!({"firstlight": 1, "service": {}}),
            json!({"firstlight": 1, "services": {"web": {"restart": "x"}}}),
        ] {
            assert!(!valid(&bad, &schema), "{bad}");
        }
    }
}
