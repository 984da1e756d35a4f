//! What holds for any bytes: run on the inputs that fuzzing and people brought, and on random ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "tests, which name the input they fail on"
)]

#[path = "../fuzz/property.rs"]
mod property;

use proptest::prelude::*;
use std::{fs, path::Path};

/// Runs every saved input of a target.
fn saved(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut run = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        property(&fs::read(&path).unwrap());
        run += 1;
    }
    assert!(run >= 10, "{} holds {run} inputs", folder.display());
}

#[test]
fn saved_user_data() {
    saved("user_data", property::user_data);
}

#[test]
fn saved_documents() {
    saved("document", property::document);
    saved("document", property::user_data);
}

/// The property's first half says nothing where no input is a spec.
#[test]
fn some_saved_documents_are_specs() {
    for name in [
        "contract.yaml",
        "minimal.yaml",
        "json.json",
        "crlf-bom.yaml",
        "scalars.yaml",
        "anchors.yaml",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus/document")
            .join(name);
        let mut sources = firstlight_userdata::sources::Sources::default();
        sources.drop_in(name, &fs::read(&path).unwrap());
        if let Err(problems) = sources.compose() {
            panic!("{}", problems.draw(false));
        }
    }
}

/// A scalar as YAML may write it, plain and quoted.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "3000",
            "true",
            "no",
            "1.10",
            "0123",
            "-0",
            "1e5",
            ".5",
            "0x1f",
            "~",
            "''",
            "'true'",
            "\"3\"",
            "1_000",
            "512m",
            "'{{ssm:/x}}'",
            "\"a\\nb\\u2028\"",
            "\"{{ {{{{ssm:\"",
            "2s",
            "[]",
            "{}",
            "é😀",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9.:/-]{1,8}",
        "'[ -&(-~]{0,8}'",
    ]
}

const KEYS: [&str; 16] = [
    "user",
    "command",
    "entrypoint",
    "mem_limit",
    "cpus",
    "read_only",
    "working_dir",
    "hostname",
    "ports",
    "tmpfs",
    "pids_limit",
    "init",
    "stop_signal",
    "stop_grace_period",
    "pull_policy",
    "labels",
];

prop_compose! {
    /// A service that is often valid, and nearly so otherwise.
    fn service()(
        variables in proptest::collection::vec(scalar(), 0..4),
        key in proptest::sample::select(KEYS.to_vec()),
        value in scalar(),
        list in any::<bool>(),
        mode in proptest::sample::select(vec!["0400", "'0400'", "\"444\"", "400"]),
    ) -> String {
        let variables: Vec<_> = variables.iter().enumerate().map(|(nth, value)| format!("V{nth}: {value}")).collect();
        let value = if list { format!("[{value}]") } else { value };
        format!(
            "firstlight: 1\nservices:\n  web:\n    image: web:1.10\n    {key}: {value}\n    environment: {{{}}}\n    \
             files: {{/run/x: {{content: '', mode: {mode}}}}}\n",
            variables.join(", ")
        )
    }
}

proptest! {
    #[test]
    fn services(text in service()) {
        property::document(text.as_bytes());
        property::user_data(text.as_bytes());
    }

    #[test]
    fn yaml_like_text(text in "(firstlight: 1\n|services:|tasks:| web:|\n|  |    |- |a|: |, |\\{|\\}|\\[|\\]|&a |\\*a|<<: |'|\"|\\||#|\\{\\{ssm:/x\\}\\}|null|~|!!str |---\n|\t|é|include: ){0,40}") {
        property::document(text.as_bytes());
        property::document(format!("firstlight: 1\n{text}").as_bytes());
        property::user_data(format!("firstlight: 1\n{text}").as_bytes());
    }

    #[test]
    fn bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        property::document(&bytes);
        property::user_data(&bytes);
    }
}
