//! Parameter Store from memory: GetParameters and GetParametersByPath, in pages of ten (their API references).

use serde_json::{Value, json};

use super::super::answer::{Answer, AwsError, Protocol};
use super::super::call::Call;

/// The most parameters that one call answers.
const PAGE: usize = 10;

/// The names of an account's parameters; every value is a word about its name.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<String>);

impl Parameters {
    /// `count` parameters under `path`: `/web/P0`, `/web/P1`, …
    #[must_use]
    pub fn under(path: &str, count: usize) -> Self {
        Self(
            (0..count)
                .map(|number| format!("{path}/P{number}"))
                .collect(),
        )
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Answers a call; `None` where this is no part of the operation.
    pub(super) fn answer(&self, call: &Call) -> Option<Answer> {
        let body = match call.operation.as_str() {
            "GetParameters" => self.by_name(call),
            "GetParametersByPath" => self.by_path(call),
            _ => return None,
        };
        Some(match body {
            Ok(body) => Answer::new(200, "application/x-amz-json-1.1", body.to_string()),
            Err(error) => error.write(Protocol::Json),
        })
    }

    fn by_name(&self, call: &Call) -> Result<Value, AwsError> {
        let asked = call
            .parameters
            .iter()
            .filter(|(member, _)| member == "Names");
        let (known, unknown): (Vec<_>, Vec<_>) = asked
            .map(|(_, name)| name)
            .partition(|name| self.0.contains(name));
        if known.len() + unknown.len() > PAGE {
            return Err(invalid(
                "Member must have length less than or equal to 10".to_owned(),
            ));
        }
        let known: Vec<Value> = known.into_iter().map(|name| parameter(name)).collect();
        Ok(json!({"Parameters": known, "InvalidParameters": unknown}))
    }

    fn by_path(&self, call: &Call) -> Result<Value, AwsError> {
        let path = call.parameter("Path").unwrap_or("/").trim_end_matches('/');
        let from: usize = match call.parameter("NextToken") {
            Some(token) => token
                .parse()
                .map_err(|_| invalid("The specified token isn't valid.".to_owned()))?,
            None => 0,
        };
        let below: Vec<&String> = self
            .0
            .iter()
            .filter(|name| {
                name.strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .collect();
        let page: Vec<Value> = below
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|name| parameter(name))
            .collect();
        let next = from + PAGE;
        Ok(match next < below.len() {
            true => json!({"Parameters": page, "NextToken": next.to_string()}),
            false => json!({"Parameters": page}),
        })
    }
}

fn invalid(message: String) -> AwsError {
    AwsError::new(400, "ValidationException", message)
}

fn parameter(name: &str) -> Value {
    json!({
        "Name": name, "Type": "SecureString", "Value": format!("the value of {name}"), "Version": 1,
        "LastModifiedDate": 1_700_000_000, "ARN": format!("arn:aws:ssm:eu-west-1:123456789012:parameter{name}"),
        "DataType": "text",
    })
}
