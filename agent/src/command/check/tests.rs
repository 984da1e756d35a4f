#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::spec::SpecError;
use serde_json::json;

const GOOD: &str = r#"
firstlight: 1
services:
  web:
    image: "ghcr.io/acme/web:{{ssm:/web/version:42}}"
    ports: ["443:443", "127.0.0.1:53:53/udp"]
    environment: {KEY: "{{secretsmanager:web#key}}"}
    health: {http: {port: 3000, path: /up, matcher: "200,300-399"}}
  db: {image: postgres@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
tasks:
  migrate: {extends: web, depends_on: [db], command: [up], timeout: 10m}
signal: {group: web, launching: web-launch}
"#;

fn findings(documents: &[&str]) -> Findings {
    let mut sources = Sources::default();
    for (nth, document) in documents.iter().enumerate() {
        sources.user_data(&format!("{nth}.yaml"), document.as_bytes());
    }
    Findings::of(sources, vec![], true)
}

#[test]
fn a_good_spec_prints_its_plan() {
    let found = findings(&[GOOD]);
    let plan = found.plan.unwrap().unwrap();
    let sizes = [Size {
        source: "web.yaml".into(),
        bytes: 1234,
        limit: EC2_LIMIT,
    }];
    let drawn = "\
good: decided within 15 min 0 s

order
  1. db
  2. migrate
  3. web

service db
  image  postgres@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef (pull: missing)
  gate   its image's HEALTHCHECK, else running for 10 s

service web
  image  ghcr.io/acme/web:{{ssm:/web/version:42}} (pull: always)
  ports  443:443/tcp, 127.0.0.1:53:53/udp
  after  migrate
  gate   GET :3000/up answers 200,300-399, 2 times in a row, every 2.0 s

task migrate
  image  ghcr.io/acme/web:{{ssm:/web/version:42}} (pull: always)
  after  db
  gate   exits 0 within 10 min 0 s

references
  ssm:/web/version:42
  secretsmanager:web

tells
  group web, web-launch

size
  web.yaml: 1,234 of 16,384 bytes
";
    assert_eq!(text::draw(&plan, &sizes, &[]), drawn);
}

#[test]
fn json_tells_the_plan_or_the_problems() {
    let good: serde_json::Value = serde_json::from_str(&json(&findings(&[GOOD]))).unwrap();
    assert_eq!(
        (&good["valid"], &good["problems"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(good["plan"]["order"], json!([["db"], ["migrate"], ["web"]]));
    assert_eq!(good["plan"]["containers"][1]["ports"][0], "443:443/tcp");
    assert_eq!(good["effective"][0]["source"], "0.yaml");

    let bad = findings(&["firstlight: 1\nservices: {web: {imgae: x}}\n"]);
    assert_eq!(bad.exit(), Exit::Spec);
    let bad: serde_json::Value = serde_json::from_str(&json(&bad)).unwrap();
    assert_eq!((&bad["valid"], &bad["plan"]), (&json!(false), &json!(null)));
    assert_eq!(bad["problems"][0]["line"], 2);
}

#[test]
fn later_files_win_and_every_key_names_its_source() {
    let found = findings(&[GOOD, "firstlight: 1\ntimeout: 5m\n"]);
    assert_eq!(found.plan.unwrap().unwrap().timeout_seconds, 300);
    let timeout = found
        .effective
        .iter()
        .find(|said| said.path == "timeout")
        .unwrap();
    assert_eq!(timeout.source, "1.yaml");
}

#[test]
fn an_include_is_a_note_and_so_is_no_spec_and_a_size() {
    let included =
        findings(&[&GOOD.replace("tasks:", "include: [{from: \"s3://bucket/key\"}]\ntasks:")]);
    assert!(
        included.notes[0].starts_with("s3://bucket/key was not read"),
        "{:?}",
        included.notes
    );
    assert_eq!(included.exit(), Exit::Done);

    let none = findings(&["#!/bin/sh\n"]);
    assert!(
        none.notes[0].starts_with("no source holds a spec"),
        "{:?}",
        none.notes
    );
    assert_eq!(none.exit(), Exit::Done);

    let size = Size {
        source: "big.yaml".into(),
        bytes: 16_385,
        limit: EC2_LIMIT,
    };
    let big = Findings::of(Sources::default(), vec![size], false);
    assert!(
        big.notes[0].starts_with("big.yaml has 16385 bytes"),
        "{:?}",
        big.notes
    );
}

#[tokio::test]
async fn files_decide_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (text, exit) in [
        (Some(GOOD), Exit::Done),
        (Some("firstlight: 1\nservices: 1\n"), Exit::Spec),
        (None, Exit::Usage),
    ] {
        let file = folder.path().join("spec.yaml");
        match text {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let args = Args {
            files: vec![file],
            format: Format::Json,
        };
        let gather = async || -> Result<Sources, SpecError> { Ok(Sources::default()) };
        assert_eq!(run(&args, gather).await, exit);
    }
}
