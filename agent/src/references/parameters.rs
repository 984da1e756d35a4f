//! Parameter Store by name: GetParameters, and GetParameters of single names to find a culprit.

use super::{
    Fetcher, IN_FLIGHT, Outcome,
    error::{Kind, Problem},
    plan::{Batch, Name},
};
use crate::aws::{CallError, Cause, partition};
use aws_config::SdkConfig;
use aws_sdk_ssm::{
    Client,
    operation::get_parameters::GetParametersOutput,
    types::{Parameter, ParameterType},
};
use firstlight_userdata::{
    reference::Target,
    resolve::{Answer, Fetched},
};
use futures_util::{StreamExt, stream};

const ACTION: &str = "ssm:GetParameters";

/// Fetches one batch.
///
/// One name that is denied or undecryptable, or that AWS finds malformed, fails the whole call: then
/// every name is asked for alone, by the same action, for the role may have no other.
pub(super) async fn fetch(fetcher: &Fetcher<'_>, batch: Batch) -> Vec<Outcome> {
    let config = fetcher.config(batch.region.as_deref());
    let client = Client::new(&config);
    let error = match call(fetcher, &config, &client, &batch.names).await {
        Ok(output) => return answers(&output, &batch.names),
        Err(error) => error,
    };
    if batch.names.len() == 1 || !is_about_one_name(&error) {
        return vec![Err(problem(fetcher, &error, &batch.names))];
    }
    stream::iter(&batch.names)
        .map(async |name| {
            let alone = std::slice::from_ref(name);
            match call(fetcher, &config, &client, alone).await {
                Ok(output) => answers(&output, alone),
                Err(error) => vec![Err(problem(fetcher, &error, alone))],
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .concat()
        .await
}

async fn call(
    fetcher: &Fetcher<'_>,
    config: &SdkConfig,
    client: &Client,
    names: &[Name],
) -> Result<GetParametersOutput, CallError> {
    fetcher
        .call(ACTION, config, async || {
            client
                .get_parameters()
                .set_names(Some(names.iter().map(Name::asked).collect()))
                .with_decryption(true)
                .send()
                .await
                .map_err(|error| CallError::new(ACTION, config, &error))
        })
        .await
}

/// Whether leaving out one name could make the call succeed.
fn is_about_one_name(error: &CallError) -> bool {
    match error.cause {
        Cause::Denied | Cause::Undecryptable | Cause::Refused => true,
        Cause::Throttled
        | Cause::Unreachable
        | Cause::TimeUp
        | Cause::Unavailable
        | Cause::Credentials
        | Cause::Clock => false,
    }
}

/// Each name's value. A name that is in no answer is missing, whether AWS lists it so or not.
fn answers(output: &GetParametersOutput, names: &[Name]) -> Vec<Outcome> {
    names
        .iter()
        .map(|name| {
            let target = name.target();
            output
                .parameters()
                .iter()
                .find(|parameter| name.is_answered_by(parameter.name(), parameter.arn()))
                .and_then(fetched)
                .map(|value| (target.clone(), Answer::One(value)))
                .ok_or_else(|| missing(name, &target))
        })
        .collect()
}

/// A parameter's value; `None` when the answer has none.
pub(super) fn fetched(parameter: &Parameter) -> Option<Fetched> {
    Some(Fetched {
        value: parameter.value()?.to_owned(),
        secret: parameter.r#type() == Some(&ParameterType::SecureString),
        version: (parameter.version() > 0).then(|| parameter.version().to_string()),
    })
}

fn missing(name: &Name, target: &Target) -> Problem {
    let words = match &name.selector {
        Some(selector) => format!(
            "Parameter Store has no such parameter, or none with the version or label {selector}; check name, version and region"
        ),
        None => {
            "Parameter Store has no such parameter; check name and region, or create it".to_owned()
        }
    };
    Problem::new(Kind::Missing, target, words)
}

fn problem(fetcher: &Fetcher<'_>, error: &CallError, names: &[Name]) -> Problem {
    let targets: Vec<Target> = names.iter().map(Name::target).collect();
    let resource = names
        .first()
        .map_or_else(String::new, |name| arn(fetcher, &name.name));
    Problem::of_call(error, &targets, &resource, fetcher.me)
}

/// A parameter's ARN, as IAM policies write it.
pub(super) fn arn(fetcher: &Fetcher<'_>, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let region = fetcher
        .cx
        .aws
        .region()
        .map_or(fetcher.me.region.as_str(), |region| region.as_ref());
    format!(
        "arn:{}:ssm:{region}:{}:parameter/{}",
        partition(region),
        fetcher.me.account,
        name.trim_start_matches('/')
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn name(name: &str, selector: Option<&str>) -> Name {
        Name {
            name: name.to_owned(),
            selector: selector.map(str::to_owned),
        }
    }

    #[test]
    fn answers_are_put_to_their_names() {
        let parameter = |name: &str, kind: ParameterType| {
            Parameter::builder()
                .name(name)
                .value("v")
                .r#type(kind)
                .version(3)
                .build()
        };
        let output = GetParametersOutput::builder()
            .parameters(parameter("/b", ParameterType::SecureString))
            .parameters(parameter("/a", ParameterType::String))
            .invalid_parameters("/gone:4")
            .build();
        let names = [
            name("/a", Some("live")),
            name("/b", None),
            name("/gone", Some("4")),
        ];
        let outcomes = answers(&output, &names);
        let found: Vec<String> = outcomes
            .iter()
            .map(|outcome| match outcome {
                Ok((target, Answer::One(value))) => {
                    format!("{target} {} {:?}", value.secret, value.version)
                }
                Ok((_, Answer::Path(_))) => "path".to_owned(),
                Err(problem) => format!("{problem}"),
            })
            .collect();
        assert_eq!(found.first().unwrap(), r#"ssm:/a:live false Some("3")"#);
        assert_eq!(found.get(1).unwrap(), r#"ssm:/b true Some("3")"#);
        assert!(
            found
                .get(2)
                .unwrap()
                .starts_with("ssm:/gone:4: Parameter Store has no such")
        );
    }
}
