//! Ranks, merging by key, and includes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod includes;

use super::*;
use insta::assert_snapshot;
use sha2::{Digest, Sha256};

/// Drop-ins in order, each without its `firstlight: 1`.
fn drop_ins(texts: &[&str]) -> Sources {
    let mut sources = Sources::default();
    for (nth, text) in texts.iter().enumerate() {
        sources.drop_in(
            &format!("{nth}.yaml"),
            format!("firstlight: 1\n{text}").as_bytes(),
        );
    }
    sources
}

fn merged(texts: &[&str]) -> String {
    let sources = drop_ins(texts);
    assert!(
        sources.problems.is_empty(),
        "{texts:?}: {}",
        sources.problems
    );
    canonical::document(&sources.merged())
}

/// What is said about texts that are read but not decoded.
fn problems(texts: &[&str]) -> String {
    drop_ins(texts).problems.to_string()
}

#[test]
fn later_wins_by_key_through_the_levels_of_the_contract() {
    for (texts, wanted) in [
        (vec![], r#"{"firstlight":1}"#),
        (
            vec!["timeout: 1m", "timeout: 2m"],
            r#"{"firstlight":1,"timeout":"2m"}"#,
        ),
        (
            vec![
                "services: {a: {image: x, ports: [1]}}",
                "services: {a: {ports: [2]}, b: {image: y}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"image":"x","ports":[2]},"b":{"image":"y"}}}"#,
        ),
        (
            vec![
                "tasks: {t: {environment: {A: 1, B: 2}}}",
                "tasks: {t: {environment: [B=3, C=a=b]}}",
            ],
            r#"{"firstlight":1,"tasks":{"t":{"environment":{"A":1,"B":"3","C":"a=b"}}}}"#,
        ),
        (
            vec![
                "services: {a: {labels: [x=1, flag]}}",
                "services: {a: {labels: {y: 2}}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"labels":{"flag":"","x":"1","y":2}}}}"#,
        ),
        (
            vec![
                "services: {a: {files: {/a: {content: x, mode: '0400'}}}}",
                "services: {a: {files: {/a: {content: y}, /b: {content: z}}}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"files":{"/a":{"content":"y"},"/b":{"content":"z"}}}}}"#,
        ),
        (
            vec![
                "services: {a: {health: {http: {port: 1}, interval: 2s}}}",
                "services: {a: {health: {tcp: {port: 2}}}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"health":{"tcp":{"port":2}}}}}"#,
        ),
        (
            vec![
                "registries: {h: {username: a, password: b}}",
                "registries: {h: {username: c}, i: {username: d}}",
            ],
            r#"{"firstlight":1,"registries":{"h":{"username":"c"},"i":{"username":"d"}}}"#,
        ),
        (
            vec![
                "signal: {group: a, cloudformation: {stack: s, resource: r}}",
                "signal: {cloudformation: {stack: t}}",
            ],
            r#"{"firstlight":1,"signal":{"cloudformation":{"stack":"t"},"group":"a"}}"#,
        ),
        (
            vec!["drain: {on: [spot], delay: 1s}", "drain: {delay: 2s}"],
            r#"{"firstlight":1,"drain":{"delay":"2s"}}"#,
        ),
        (
            vec![
                "services: {a: {environment: {A: 1, B: 2}, image: x}}",
                "services: {a: {environment: {A: null}, image: ~}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"environment":{"B":2}}}}"#,
        ),
        (
            vec![
                "services: {a: {image: x}}",
                "services: {a: null}",
                "services: {a: {user: '1'}}",
            ],
            r#"{"firstlight":1,"services":{"a":{"user":"1"}}}"#,
        ),
        (
            vec!["services: {a: {health: {tcp: {port: 1}, interval: null}}}"],
            r#"{"firstlight":1,"services":{"a":{"health":{"tcp":{"port":1}}}}}"#,
        ),
        (
            vec!["x-any: {a: }\nx-b: &b {image: x}\nservices: {a: *b}"],
            r#"{"firstlight":1,"services":{"a":{"image":"x"}}}"#,
        ),
        (
            vec!["services: [a]", "services: {b: {image: x}}"],
            r#"{"firstlight":1,"services":{"b":{"image":"x"}}}"#,
        ),
    ] {
        assert_eq!(merged(&texts), wanted, "{texts:?}");
    }
}

#[test]
fn the_canonical_line_keeps_scalars_and_is_read_back_the_same() {
    let text = "a: [3000, true, 1.10, -0, 1e5, 0123, yes, .5, +1, 0x1f, 'true', \"3\", '', 1_000, null]\n\
                \"k\\n\\u2028\\u0085\\uFEFF\": \"\\x1b\\U0001F600 \\\\ \\\" \\t é {{ssm:/x}}\"\n";
    let line = merged(&[text]);
    assert_snapshot!(line, @r##"{"firstlight":1,"a":[3000,true,1.10,-0,1e5,"0123","yes",".5","+1","0x1f","true","3","","1_000",null],"k\n\u2028\u0085\ufeff":"\u001b😀 \\ \" \t é {{ssm:/x}}"}"##);
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["a"][1], serde_json::Value::Bool(true));
    let mut again = Sources::default();
    again.drop_in("again", line.as_bytes());
    assert_eq!(canonical::document(&again.merged()), line);
}

#[test]
fn each_value_is_shown_with_its_source() {
    let sources = drop_ins(&[
        "services: {web: {image: x, command: [a, b], environment: {A: 1, B: 2}}}",
        "services: {web: {environment: {B: 3}, files: {/a.b: {mode: '0400'}}, labels: {}}}",
    ]);
    let said: Vec<_> = sources
        .effective()
        .iter()
        .map(|said| format!("{} = {}  ({})", said.path, said.value, said.source))
        .collect();
    assert_snapshot!(said.join("\n"), @r##"
    services.web.command = ["a","b"]  (0.yaml)
    services.web.environment.A = 1  (0.yaml)
    services.web.environment.B = 3  (1.yaml)
    services.web.files["/a.b"].mode = "0400"  (1.yaml)
    services.web.image = "x"  (0.yaml)
    services.web.labels = {}  (1.yaml)
    "##);
}

#[test]
fn documents_are_checked_each_for_itself() {
    let cases = [
        vec!["services: {web: {image: }}\ntimeout:"],
        vec!["services: {web: {command: [a, ], ports: [~]}}\nsignal:\n  launching:\n  -\n"],
        vec!["services: {web: {environment: [A, 'B=1', B=2, {C: 1}]}}"],
        vec!["include: s3://b/k"],
        vec![
            "include: [{form: x}, s3://bucket/k, {from: 's3://{{x}}/k'}, {from: s3://bucket/}, {from: ssm:x}]",
        ],
        vec![
            "include: [{from: s3://bucket/k, sha256: abc, owner: 12}, {from: ssm:/x, owner: 123456789012}]",
        ],
        vec!["a: 1", "b: {\n"],
    ];
    let mut said: Vec<_> = cases
        .iter()
        .map(|texts| format!("{texts:?}\n{}\n", problems(texts)))
        .collect();
    for text in [
        "firstlight: 2\nservice: {}\n",
        "services: {}\n",
        "- firstlight\n",
        "firstlight: '1'\nx: y: z\n",
        "firstlight: one\n",
        "firstlight:\n",
    ] {
        let mut sources = Sources::default();
        sources.user_data("user data", text.as_bytes());
        assert!(sources.broken && !sources.is_empty());
        said.push(format!("{text:?}\n{}\n", sources.problems));
    }
    assert_snapshot!(said.join("\n"), @r##"
    ["services: {web: {image: }}\ntimeout:"]
    0.yaml, line 2, column 18: `image` has no value; `""` is an empty text; `null` removes what earlier sources said
    0.yaml, line 3, column 1: `timeout` has no value; `""` is an empty text; `null` removes what earlier sources said

    ["services: {web: {command: [a, ], ports: [~]}}\nsignal:\n  launching:\n  -\n"]
    0.yaml, line 5, column 4: this list item has no value

    ["services: {web: {environment: [A, 'B=1', B=2, {C: 1}]}}"]
    0.yaml, line 2, column 32: `A` has no value; write `NAME=value`; nothing is passed on from the instance's own environment
    0.yaml, line 2, column 42: duplicate key `B`; it stands at line 2, column 35 already
    0.yaml, line 2, column 47: a list here takes `NAME=value`, and this is a map; write a map, `NAME: value` without the `-`

    ["include: s3://b/k"]
    0.yaml, line 2, column 10: `include` takes a list, and this is a single value; write `include: [{from: "s3://bucket/key"}]`

    ["include: [{form: x}, s3://bucket/k, {from: 's3://{{x}}/k'}, {from: s3://bucket/}, {from: ssm:x}]"]
    0.yaml, line 2, column 12: unknown key `form` in `include`; did you mean `from`?
    0.yaml, line 2, column 11: an include needs `from`; write `{from: "s3://bucket/key"}`
    0.yaml, line 2, column 22: an include is a map, and this is a single value; write `{from: "s3://bucket/key"}`
    0.yaml, line 2, column 44: `s3://{{x}}/k` is neither `s3://bucket/key` nor `ssm:/name`, without references
    0.yaml, line 2, column 68: `s3://bucket/` is neither `s3://bucket/key` nor `ssm:/name`, without references
    0.yaml, line 2, column 90: `ssm:x` is neither `s3://bucket/key` nor `ssm:/name`, without references

    ["include: [{from: s3://bucket/k, sha256: abc, owner: 12}, {from: ssm:/x, owner: 123456789012}]"]
    0.yaml, line 2, column 41: `abc` is not a SHA-256: 64 hexadecimal digits
    0.yaml, line 2, column 53: `12` is not an AWS account: 12 digits
    0.yaml, line 2, column 80: `owner` is for S3 buckets

    ["a: 1", "b: {\n"]
    1.yaml, line 2, column 4: not valid YAML: unclosed bracket '{'; is a bracket not closed?

    "firstlight: 2\nservice: {}\n"
    user data, line 1, column 13: version 2 is newer than this agent, which reads version 1; image and template roll together: use an image with a newer agent

    "services: {}\n"
    user data, line 1, column 1: this is not a firstlight document; user data is a YAML document with `firstlight: 1` at its top level, a MIME message with `text/firstlight` parts, or has a cloud-init header (`#!`, `#cloud-config`, …)

    "- firstlight\n"
    user data, line 1, column 1: not a firstlight document: its top level is a list, not a map; a document is a map with `firstlight: 1` at its top level

    "firstlight: '1'\nx: y: z\n"
    user data, line 2, column 5: not valid YAML: mapping values are not allowed in this context; is a space missing after a `:` before? a value that holds `: ` must be quoted

    "firstlight: one\n"
    user data, line 1, column 13: `one` is no version; write `firstlight: 1`

    "firstlight:\n"
    user data, line 1, column 1: nothing is no version; write `firstlight: 1`
    "##);
}

#[test]
fn saying_nothing_is_fine_in_a_file_and_not_in_what_was_sent() {
    let mut sources = Sources::default();
    assert!(sources.is_empty());
    sources.drop_in("10.yaml", b"# nothing yet\n");
    sources.user_data("user data", b"#cloud-config\n");
    sources.user_data("user data", b"");
    assert!(sources.is_empty());
    sources.user_data("user data", b"# firstlight: 1\n");
    assert!(!sources.is_empty());
    assert_eq!(sources.problems.0[0].message, "this document says nothing");
}

#[test]
fn a_source_that_cannot_be_read_hides_nothing_of_the_others() {
    let broken = "firstlight: 1\nservices: {web: [\n";
    let other = "firstlight: 1\nservices:\n  web: {prots: [], depends_on: [db]}\ntasks: {t: {extends: api}}\n";
    let told = drop_ins(&[broken, other])
        .compose()
        .unwrap_err()
        .to_string();
    assert!(told.contains("unknown key `prots`"), "{told}");
    // What the first may have said is not missed in the second.
    for missed in ["needs `image`", "`db`", "no service"] {
        assert!(!told.contains(missed), "{told}");
    }
    let whole = drop_ins(&[other]).compose().unwrap_err().to_string();
    assert!(whole.contains("needs `image`"), "{whole}");
}

#[test]
fn problems_come_by_rank_then_place() {
    let mut sources = Sources::default();
    sources.drop_in("10.yaml", b"firstlight: 1\ntimeout:\ndrain: {a: 1, a: 2}\n");
    sources.user_data(
        "user data",
        b"firstlight: 1\ninclude: [{from: \"ssm:/a\"}]\nsignal:\n",
    );
    sources.included(sources.includes()[0].id, b"firstlight: 1\nservices: [\n");
    let places: Vec<_> = sources
        .compose()
        .unwrap_err()
        .0
        .iter()
        .map(|problem| problem.span.as_ref().unwrap().to_string())
        .collect();
    assert_snapshot!(places.join("\n"), @r##"
    10.yaml, line 2, column 1
    10.yaml, line 3, column 9
    10.yaml, line 3, column 15
    include ssm:/a, line 2, column 11
    user data, line 3, column 1
    "##);
}
