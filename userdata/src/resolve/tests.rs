//! Whole specs, resolved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::sources::Sources;
use proptest::prelude::*;

fn spec(text: &str) -> Spec<Unresolved> {
    let mut sources = Sources::default();
    sources.user_data("user data", format!("firstlight: 1\n{text}").as_bytes());
    sources.compose().unwrap()
}

fn service(keys: &str) -> Spec<Unresolved> {
    spec(&format!("services: {{web: {{image: web, {keys}}}}}"))
}

fn one(value: &str, secret: bool) -> Answer {
    Answer::One(Fetched {
        value: value.to_owned(),
        secret,
        version: Some("7".to_owned()),
    })
}

/// Values by name: `/…/` is a path of `name=value` pairs, `!` before a value makes it secret.
fn values(entries: &[(&str, &str)]) -> Values {
    let fetched = |value: &str| match value.strip_prefix('!') {
        Some(value) => Fetched {
            value: value.to_owned(),
            secret: true,
            version: Some("7".to_owned()),
        },
        None => Fetched {
            value: value.to_owned(),
            secret: false,
            version: Some("7".to_owned()),
        },
    };
    let answer = |(name, value): &(&str, &str)| {
        if name.ends_with('/') {
            let pairs = value
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='));
            let entries = pairs
                .map(|(key, value)| (format!("{name}{key}"), fetched(value)))
                .collect();
            return (Target::SsmPath((*name).to_owned()), Answer::Path(entries));
        }
        let target = match name.strip_prefix('@') {
            Some(id) => Target::Secret(id.to_owned()),
            None => Target::Ssm {
                name: (*name).to_owned(),
                selector: None,
            },
        };
        (target, Answer::One(fetched(value)))
    };
    entries.iter().map(answer).collect()
}

fn environment(spec: &Spec<Resolved>) -> Vec<String> {
    let container = &spec.services["web"].container;
    container
        .environment
        .iter()
        .map(|(name, text)| {
            format!(
                "{name}={}{}",
                if text.is_secret() { "!" } else { "" },
                text.expose()
            )
        })
        .collect()
}

#[test]
fn puts_values_in() {
    let spec = service(
        r#"environment: {A: "x{{ssm:/a}}y", B: "{{ssm:/s | urlencode}}", C: "{{secretsmanager:j#port}}", D: "{{{{ssm:/a}}"},
           environment_from: [{from: "ssm:/env/", prefix: P_, upper: true}, "secretsmanager:j"],
           command: ["{{ssm:/a}}"], files: {/f: {content: "{{ssm:/s}}"}}"#,
    );
    let values = values(&[
        ("/a", "1"),
        ("/s", "!p@ss wörd"),
        ("@j", r#"!{"port": 5432.0, "A": "beaten"}"#),
        ("/env/", "a/b-c.d=1 e=!2"),
    ]);
    assert_eq!(spec.targets(), values.keys().cloned().collect::<Vec<_>>());
    let resolved = spec.resolve(&values).unwrap();
    assert_eq!(
        environment(&resolved),
        [
            "A=x1y",
            "B=!p%40ss%20w%C3%B6rd",
            "C=!5432.0",
            "D={{ssm:/a}}",
            "P_A_B_C_D=1",
            "P_E=!2",
            "port=!5432.0"
        ]
    );
    let web = &resolved.services["web"].container;
    assert_eq!(web.command.as_ref().unwrap()[0], Text::plain("1"));
    assert_eq!(web.files["/f"].bytes().unwrap(), "p@ss wörd".as_bytes());
    assert!(
        !format!("{resolved:?}").contains("p@ss"),
        "Debug shows no secret"
    );
    assert_eq!(web.pull_policy(), crate::spec::PullPolicy::Always);
}

#[test]
fn all_or_nothing() {
    for (keys, given, message) in [
        (
            r#"environment: {A: "{{ssm:/a}}"}"#,
            vec![],
            "`ssm:/a` was not fetched",
        ),
        (
            r#"command: ["{{ssm:/a}}"]"#,
            vec![("/a", "!x")],
            "`ssm:/a` is a secret, and `command` would show it",
        ),
        (
            r#"labels: {a: "{{ssm:/a}}"}"#,
            vec![("/a", "!x")],
            "`labels` would show it",
        ),
        (
            r#"command: ["{{ssm:/a}}"]"#,
            vec![("/a", "x\0")],
            "`command` holds a NUL byte",
        ),
        (
            r#"environment: {A: "{{ssm:/a}}"}"#,
            vec![("/a", "!x\0")],
            "the value of `A` holds a NUL byte",
        ),
        (
            r#"environment: {A: "{{ssm:/a#b}}"}"#,
            vec![("/a", "!canary")],
            "`ssm:/a` is no JSON object",
        ),
        (
            r#"environment: {A: "{{ssm:/a#b}}"}"#,
            vec![("/a", r#"!{"c":"canary"}"#)],
            "has no member `b`",
        ),
        (
            r#"environment: {A: "{{ssm:/a#b}}"}"#,
            vec![("/a", r#"!{"b":null}"#)],
            "has null for its member `b`",
        ),
        (
            r#"environment_from: ["ssm:/e/"]"#,
            vec![("/e/", "")],
            "there is no parameter under `ssm:/e/`",
        ),
        (
            r#"environment_from: ["ssm:/e/"]"#,
            vec![("/e/", "a/b=1 a_b=2")],
            "`ssm:/e/a/b` and `ssm:/e/a_b` both give `a_b`",
        ),
        (
            r#"environment_from: ["ssm:/e/", "ssm:/f/"]"#,
            vec![("/e/", "a=1"), ("/f/", "a=1")],
            "`ssm:/e/a` and `ssm:/f/a` both give `a`",
        ),
        (
            r#"environment_from: ["ssm:/e/"]"#,
            vec![("/e/", "1a=1")],
            "`1a` is no name of an environment variable",
        ),
        (
            r#"environment_from: ["ssm:/e"]"#,
            vec![("/e", "x")],
            "`ssm:/e` is no JSON object",
        ),
        (
            r#"files: {/f: {content: "{{ssm:/a}}", encoding: base64}}"#,
            vec![("/a", "!*")],
            "not base64",
        ),
        (
            r#"hostname: "{{ssm:/a}}""#,
            vec![("/a", "a b")],
            "`a b` is no host name",
        ),
    ] {
        let problems = service(keys).resolve(&values(&given)).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{keys}: {problems}");
        assert!(problems.to_string().contains(message), "{keys}: {problems}");
        assert!(!problems.to_string().contains("canary"), "{problems}");
        assert!(problems.0[0].span.is_some(), "{keys}");
    }
}

#[test]
fn a_pull_wants_no_value_of_what_would_run() {
    let text = |images: &str| {
        spec(&format!(
            r#"registries: {{r.io: {{username: ci, password: "{{{{ssm:/r}}}}"}}, s.io: {{username: ci, password: "{{{{ssm:/s}}}}"}}}}
signal: {{launching: "{{{{ssm:/hook}}}}"}}
diagnostics: s3://{{{{ssm:/bucket}}}}/
{images}"#
        ))
    };
    let pinned = text(
        r#"services: {web: {image: "r.io/web:{{ssm:/v}}", environment: {A: "{{ssm:/a}}"}, files: {/f: {content: "{{secretsmanager:f}}"}}, labels: {a: "{{ssm:/l}}"}}}
tasks: {migrate: {extends: web, environment_from: ["ssm:/e/"], pull_policy: never}}"#,
    );
    let values = values(&[
        ("/bucket", "b"),
        ("/hook", "up"),
        ("/r", "!pw"),
        ("/v", "42"),
    ]);
    assert_eq!(
        pinned.targets_to_prepare(),
        values.keys().cloned().collect::<Vec<_>>()
    );
    let prepared = pinned.prepare(&values).unwrap();
    let named = |pulls: &Pulls| {
        let one =
            |(name, pull): (&String, &Pull)| format!("{name} {} {:?}", pull.image, pull.policy);
        pulls.images.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(
        named(&prepared.pulls),
        ["migrate r.io/web:42 Never", "web r.io/web:42 Always"]
    );
    assert_eq!(prepared.pulls.registries.len(), 1);
    assert_eq!(
        prepared.pulls.registries["r.io"].password,
        Text::secret("pw")
    );
    assert_eq!(prepared.signal.launching, [Text::plain("up")]);
    assert_eq!(prepared.diagnostics, Some(Text::plain("s3://b/")));

    // A value may name any registry.
    let open = text(r#"services: {web: {image: "{{ssm:/v}}"}}"#);
    assert_eq!(open.targets_to_prepare().len(), 5);
    let missing = pinned.prepare(&Values::new()).unwrap_err();
    assert_eq!(missing.0.len(), 5, "{missing}");
}

#[test]
fn a_resolved_spec_pulls_what_a_prepared_one_does() {
    let spec = spec(
        r#"registries: {r.io: {username: ci, password: "{{ssm:/r}}"}}
services: {web: {image: "{{ssm:/v}}", environment: {A: "{{ssm:/r}}"}}}"#,
    );
    let digest = format!("r.io/web@sha256:{}", "0".repeat(64));
    let values = values(&[("/r", "!pw"), ("/v", &digest)]);
    let resolved = spec.resolve(&values).unwrap().pulls();
    assert_eq!(spec.prepare(&values).unwrap().pulls, resolved);
    assert_eq!(
        resolved.images["web"].policy,
        crate::spec::PullPolicy::Missing
    );
}

#[test]
fn own_variables_settle_a_collision() {
    let spec = service(r#"environment: {a: own}, environment_from: ["ssm:/e/", "ssm:/f/"]"#);
    let resolved = spec
        .resolve(&values(&[("/e/", "a=1"), ("/f/", "a=2")]))
        .unwrap();
    assert_eq!(environment(&resolved), ["a=own"]);
}

#[test]
fn the_kernels_limit() {
    let spec = service(r#"environment: {A: "{{ssm:/a}}"}, command: ["{{ssm:/b}}"]"#);
    let at = |a: usize, b: usize| {
        spec.resolve(&values(&[("/a", &"x".repeat(a)), ("/b", &"x".repeat(b))]))
    };
    assert!(at(LIMIT - 3, LIMIT - 1).is_ok());
    assert_eq!(at(LIMIT - 2, LIMIT).unwrap_err().0.len(), 2);
}

const LIMIT: usize = 128 * 1024;

#[test]
fn every_problem_in_one_answer() {
    let spec = spec(
        r#"services: {api: {image: "r.io/web:{{ssm:/v}}", environment: {A: "{{ssm:/x}}"}}, bot: {image: "{{ssm:/v}}", hostname: "{{ssm:/v}}"}}"#,
    );
    assert_eq!(spec.targets().len(), 2);
    let problems = spec.resolve(&values(&[("/v", "a b")])).unwrap_err();
    assert_eq!(problems.0.len(), 4, "{problems}");
}

#[test]
fn versions_and_digest() {
    let spec = service(r#"environment: {A: "{{ssm:/a}}"}, environment_from: ["ssm:/e/"]"#);
    let fetched = values(&[("/a", "!canary"), ("/e/", "x=1")]);
    let versions = versions(&fetched);
    assert_eq!(
        versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect::<Vec<_>>(),
        ["ssm:/a 7", "ssm:/e/x 7"]
    );
    let digest = spec.digest(&versions);
    assert_eq!(
        (digest.len(), &digest),
        (64, &spec.resolve(&fetched).unwrap().digest(&versions))
    );
    let mut newer = versions.clone();
    newer.insert("ssm:/a".to_owned(), "8".to_owned());
    assert_ne!(digest, spec.digest(&newer));
    assert_ne!(digest, service("user: x").digest(&versions));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A value is put in as it is, and never read again for more references.
    #[test]
    fn values_are_not_read_again(value in "\\PC{0,20}|[{}ssm:/a |#]{0,30}") {
        let spec = service(r#"environment: {A: "<{{ssm:/a}}>"}"#);
        let values = Values::from([(Target::Ssm { name: "/a".to_owned(), selector: None }, one(&value, true))]);
        let resolved = spec.resolve(&values).unwrap();
        let text = &resolved.services["web"].container.environment["A"];
        prop_assert_eq!(text.expose(), format!("<{value}>"));
        prop_assert!(text.is_secret());
    }
}
