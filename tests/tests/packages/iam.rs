//! The policies: that each allows what its example needs, and nothing that nobody gives a reason for.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::binary;
use firstlight_tests::parts::repository;
use serde_json::Value;

/// What `firstlight check` says an example refers to: `ssm:/name:42`, `secretsmanager:id#member`.
fn references(example: &str) -> Result<Vec<String>> {
    let file = repository().join("userdata/examples").join(example);
    let mut check = Command::new(binary()?);
    let output = check
        .args(["check", "--format", "json"])
        .arg(file)
        .output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let references = told["plan"]["references"].as_array();
    let references = references.with_context(|| format!("no references: {told:#}"))?;
    let texts = references.iter().filter_map(Value::as_str);
    Ok(texts.map(str::to_owned).collect())
}

/// The part of an ARN that must be allowed for a reference, and the action.
fn needed(reference: &str) -> Option<(&'static str, String)> {
    let (scheme, name) = reference.split_once(':')?;
    let name = name.split(['#', ':', ' ']).next()?;
    match scheme {
        "ssm" if name.ends_with('/') => {
            Some(("ssm:GetParametersByPath", format!("parameter{name}*")))
        }
        "ssm" => Some(("ssm:GetParameters", format!("parameter{name}"))),
        "secretsmanager" => Some((
            "secretsmanager:GetSecretValue",
            format!("secret:{name}-??????"),
        )),
        _ => None,
    }
}

/// A member that is one text or a list of them.
fn texts(member: &Value) -> Vec<String> {
    let one = member.as_str().map(str::to_owned);
    let many = member.as_array().into_iter().flatten();
    one.into_iter()
        .chain(many.filter_map(|text| Some(text.as_str()?.to_owned())))
        .collect()
}

#[test]
fn each_example_has_a_policy_that_allows_what_it_needs_and_no_more() -> Result<()> {
    let folder = repository().join("packaging/iam");
    let reasons = std::fs::read_to_string(folder.join("README.md"))?;
    for entry in std::fs::read_dir(repository().join("userdata/examples"))? {
        let example = entry?.file_name().into_string().unwrap();
        let Some(name) = example.strip_suffix(".yaml") else {
            continue;
        };
        let policy = std::fs::read_to_string(folder.join(format!("{name}.json")));
        let policy: Value =
            serde_json::from_str(&policy.with_context(|| format!("a policy for {name}"))?)?;
        let statements = policy["Statement"].as_array().context("statements")?;
        let mut allowed: Vec<(String, String)> = Vec::new();
        for statement in statements {
            let sid = statement["Sid"].as_str().context("a Sid")?;
            ensure!(
                reasons.contains(&format!("| `{sid}` |")),
                "no reason is given for {sid}"
            );
            for action in texts(&statement["Action"]) {
                let of = texts(&statement["Resource"])
                    .into_iter()
                    .map(|resource| (action.clone(), resource));
                allowed.extend(of);
            }
        }
        let mut values = Vec::new();
        for reference in references(&example)? {
            let Some((action, resource)) = needed(&reference) else {
                continue;
            };
            let allows = |(allowed, on): &&(String, String)| {
                allowed == action && on.ends_with(&format!(":{resource}"))
            };
            ensure!(
                allowed.iter().any(|allowed| allows(&allowed)),
                "{name}: {action} on {resource}: {allowed:#?}"
            );
            values.push((action, resource));
        }
        // What reads values reads these alone; a path itself goes with what is below it.
        let reads = allowed.iter().filter(|(action, _)| {
            action.starts_with("ssm:") || action.starts_with("secretsmanager:")
        });
        for (action, on) in reads {
            let meant = |(known, resource): &(&str, String)| {
                known == action
                    && (on.ends_with(&format!(":{resource}"))
                        || resource
                            .strip_suffix("/*")
                            .is_some_and(|path| on.ends_with(&format!(":{path}"))))
            };
            ensure!(values.iter().any(meant), "{name} needs no {action} on {on}");
        }
    }
    Ok(())
}
