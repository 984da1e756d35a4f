//! Parameter Store by path: GetParametersByPath, to the last page.

use super::{
    Fetcher, Outcome,
    error::{Kind, Problem},
    parameters,
};
use crate::aws::CallError;
use aws_config::SdkConfig;
use aws_sdk_ssm::{Client, operation::get_parameters_by_path::GetParametersByPathOutput};
use firstlight_userdata::{
    reference::Target,
    resolve::{Answer, Fetched},
};
use std::collections::BTreeSet;

const ACTION: &str = "ssm:GetParametersByPath";

/// Fetches everything under one path. Nothing there is an error: a service would start without all
/// of its configuration.
pub(super) async fn fetch(fetcher: &Fetcher<'_>, path: String) -> Outcome {
    let config = fetcher.config(None);
    let client = Client::new(&config);
    let target = Target::SsmPath(path.clone());
    let mut found: Vec<(String, Fetched)> = Vec::new();
    let mut tokens = BTreeSet::new();
    let mut token: Option<String> = None;
    loop {
        let page = page(fetcher, &config, &client, &path, token.as_ref())
            .await
            .map_err(|error| {
                let resource = format!("{}*", parameters::arn(fetcher, without_slash(&path)));
                Problem::of_call(&error, [&target], &resource, fetcher.me)
            })?;
        found.extend(page.parameters().iter().filter_map(|parameter| {
            Some((
                parameter.name()?.to_owned(),
                parameters::fetched(parameter)?,
            ))
        }));
        // A page may be empty and still have a successor (GetParametersByPath, API reference).
        let Some(next) = page.next_token().filter(|next| !next.is_empty()) else {
            break;
        };
        if !tokens.insert(next.to_owned()) {
            return Err(Problem::new(
                Kind::Unreachable,
                &target,
                format!("{ACTION} answered with the same page token twice; launch again"),
            ));
        }
        token = Some(next.to_owned());
    }
    if found.is_empty() {
        return Err(Problem::new(
            Kind::Missing,
            &target,
            "Parameter Store has no parameter under this path; check path and region",
        ));
    }
    Ok((target, Answer::Path(found)))
}

async fn page(
    fetcher: &Fetcher<'_>,
    config: &SdkConfig,
    client: &Client,
    path: &str,
    token: Option<&String>,
) -> Result<GetParametersByPathOutput, CallError> {
    fetcher
        .call(ACTION, config, async || {
            client
                .get_parameters_by_path()
                .path(without_slash(path))
                .recursive(true)
                .with_decryption(true)
                .max_results(10)
                .set_next_token(token.cloned())
                .send()
                .await
                .map_err(|error| CallError::new(ACTION, config, &error))
        })
        .await
}

/// The path as the API takes it: `/web/prod` for `/web/prod/`.
fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}
