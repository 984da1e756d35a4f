//! What both systems carry, with their own names in it: the spec of `userdata/examples/web.yaml`, and its policy.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::tools::{plan, read};

/// The names in the example's spec and policy.
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const KEY: &str =
    "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000";

/// What a spec says: its lines without comments.
fn said(spec: &str) -> Vec<&str> {
    spec.lines()
        .map(|line| match line.find('#') {
            Some(at) if line[..at].trim().is_empty() || line[..at].ends_with(' ') => &line[..at],
            _ => line,
        })
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Checks that user data is the example's, and that firstlight takes it.
pub(crate) fn is_its_spec(user_data: &str) -> Result<()> {
    let example = read("userdata/examples/web.yaml")?;
    assert_eq!(said(user_data), said(&example));
    plan(user_data.as_bytes()).map(drop)
}

/// Checks that these statements are the example's.
pub(crate) fn is_its_policy(statements: &[Value]) -> Result<()> {
    let policy: Value = serde_json::from_str(&read("packaging/iam/web.json")?)?;
    let example = policy["Statement"].as_array().context("statements")?;
    let uniform = |statements: &[Value]| statements.iter().map(listed).collect::<Vec<_>>();
    assert_eq!(uniform(statements), uniform(example));
    Ok(())
}

/// A statement whose actions and resources are lists, even of one.
fn listed(statement: &Value) -> Value {
    let mut statement = statement.clone();
    for member in ["Action", "Resource"] {
        if statement[member].is_string() {
            statement[member] = json!([statement[member]]);
        }
    }
    statement
}
