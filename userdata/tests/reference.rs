//! The reference for people says what the code does: every example in it is read, every key is in it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, which name the example they fail on"
)]

use firstlight_userdata::{schema, sources::Sources};
use std::{fs, path::Path};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Fenced YAML: what the fence says after `yaml`, the line it begins at, and the text.
fn examples(markdown: &str) -> Vec<(String, usize, String)> {
    let mut examples: Vec<(String, usize, String)> = Vec::new();
    let mut inside = false;
    for (nth, line) in markdown.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(info) if info.starts_with("yaml") => {
                inside = true;
                examples.push((
                    info.replacen("yaml", "", 1).trim().to_owned(),
                    nth + 1,
                    String::new(),
                ));
            }
            _ if inside => examples
                .last_mut()
                .unwrap()
                .2
                .push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    examples
}

/// A document around a fragment.
fn document(kind: &str, text: &str) -> String {
    let indented = || {
        text.lines()
            .map(|line| format!("    {line}\n"))
            .collect::<String>()
    };
    match kind {
        "" => text.to_owned(),
        "top" => format!("firstlight: 1\nservices: {{web: {{image: web}}}}\n{text}"),
        "service" => format!(
            "firstlight: 1\nservices:\n  web:\n    image: web\n{}",
            indented()
        ),
        other => panic!("an example is marked `{other}`"),
    }
}

fn check(name: &str, text: &str) {
    let mut sources = Sources::default();
    sources.user_data(name, text.as_bytes());
    for include in sources.includes() {
        sources.without(include.id);
    }
    let spec = sources
        .compose()
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let waves = spec.order().waves();
    assert_eq!(
        waves.iter().flatten().count(),
        spec.services.len() + spec.tasks.len(),
        "{name}"
    );
}

#[test]
fn every_example_is_read() {
    let readme = read("README.md");
    let examples = examples(&readme);
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for (kind, line, text) in examples {
        check(&format!("README.md:{line}"), &document(&kind, &text));
    }
    for file in [
        "web.yaml",
        "worker.yaml",
        "web-postgres.yaml",
        "web-proxy.yaml",
    ] {
        check(file, &read(&format!("examples/{file}")));
    }
}

#[test]
fn every_key_is_explained() {
    let readme = read("README.md");
    let mut schemas = vec![schema::document()];
    let mut keys = 0;
    while let Some(schema) = schemas.pop() {
        for (keyword, below) in schema.as_object().into_iter().flatten() {
            match (keyword.as_str(), below) {
                ("properties", serde_json::Value::Object(properties)) => {
                    for (key, schema) in properties {
                        assert!(
                            readme.contains(&format!("`{key}`")),
                            "README.md does not explain `{key}`"
                        );
                        schemas.push(schema.clone());
                        keys += 1;
                    }
                }
                (_, serde_json::Value::Array(all)) => schemas.extend(all.iter().cloned()),
                (_, other) => schemas.push(other.clone()),
            }
        }
    }
    assert!(keys > 60, "{keys} keys");
}
