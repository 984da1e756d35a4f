//! Secrets Manager: GetSecretValue, the current version.

use super::{
    Fetcher, Outcome,
    error::{Kind, Problem},
};
use crate::aws::{self, CallError, partition};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueOutput};
use firstlight_userdata::{
    reference::Target,
    resolve::{Answer, Fetched},
};

const ACTION: &str = "secretsmanager:GetSecretValue";

/// Fetches one secret, by name or ARN; an ARN may be of another account or region.
pub(super) async fn fetch(fetcher: &Fetcher<'_>, id: String) -> Outcome {
    let config = fetcher.config(aws::region(&id));
    let target = Target::Secret(id.clone());
    let output = get(fetcher, &config, &id)
        .await
        .map_err(|error| problem(fetcher, &config, &error, &target, &id))?;
    let Some(value) = output.secret_string() else {
        return Err(Problem::new(
            Kind::Invalid,
            &target,
            "the secret is binary, and a reference stands for text: store it as a string (base64 in a file's content with `encoding: base64`)",
        ));
    };
    let fetched = Fetched {
        value: value.to_owned(),
        secret: true,
        version: output.version_id().map(str::to_owned),
    };
    Ok((target, Answer::One(fetched)))
}

async fn get(
    fetcher: &Fetcher<'_>,
    config: &SdkConfig,
    id: &str,
) -> Result<GetSecretValueOutput, CallError> {
    let client = Client::new(config);
    fetcher
        .call(ACTION, config, async || {
            client
                .get_secret_value()
                .secret_id(id)
                .send()
                .await
                .map_err(|error| CallError::new(ACTION, config, &error))
        })
        .await
}

fn problem(
    fetcher: &Fetcher<'_>,
    config: &SdkConfig,
    error: &CallError,
    target: &Target,
    id: &str,
) -> Problem {
    if error.is("ResourceNotFoundException") {
        return Problem::new(
            Kind::Missing,
            target,
            "Secrets Manager has no such secret, or it has no current version; check name and region, or create it",
        );
    }
    let resource = if id.starts_with("arn:") {
        id.to_owned()
    } else {
        let region = config
            .region()
            .map_or(fetcher.me.region.as_str(), |region| region.as_ref());
        // Secrets Manager ends a secret's ARN in six random characters.
        format!(
            "arn:{}:secretsmanager:{region}:{}:secret:{id}-??????",
            partition(region),
            fetcher.me.account
        )
    };
    Problem::of_call(error, [target], &resource, fetcher.me)
}
