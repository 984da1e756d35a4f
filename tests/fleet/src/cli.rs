//! One launch as a user-data script makes it with the AWS CLI: `get-parameters` or `get-parameters-by-path`, then
//! `complete-lifecycle-action`, ABANDON where a call failed, as tests/bench/userdata.sh does.
//!
//! A thousand real CLIs would measure this machine: each starts Python. So this is the SDK's client under the CLI's
//! rules, which for throttles are the SDK's own: after attempt *n*, a wait of `random(0, 1) * min(2^(n-1), 20)` seconds
//! (`standard`: AWS CLI User Guide, "AWS CLI retries"; botocore `retries/standard.py`; `legacy`: botocore
//! `retryhandler.py` and `data/_retry.json`, the same without the 20 s, which five attempts don't reach). A retry takes 5
//! of a quota of 500, which is each process's own, so that none can run out of it here.

use anyhow::Result;
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_ssm::config::retry::{RetryPartition, TokenBucket};
use firstlight::{
    aws,
    context::{Deadline, Timings},
    imds::Imds,
    report::Report,
};
use std::time::Duration;

/// The account's group, and its hook: a launch template would say them.
const GROUP: &str = "fleet";
const HOOK: &str = "launch";
/// How long metadata may take: it is not limited here.
const METADATA: Duration = Duration::from_secs(60);

/// What a script asks Parameter Store for.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    /// These, ten to a call.
    Names(Vec<String>),
    /// Everything under this, page by page.
    Path(String),
}

/// Launches the instance whose metadata service is at `metadata`, with so many attempts for each call.
///
/// # Errors
/// Why it was not put into service.
pub(crate) async fn launch(metadata: String, wanted: &Wanted, attempts: u32) -> Result<()> {
    let timings = Timings::default();
    let imds = Imds::at(vec![metadata], &timings, &Report::default());
    let deadline = Deadline::after(METADATA);
    let me = imds.identify(deadline).await?;
    let config = aws::config(&imds, &me.region, &timings)
        .await
        .into_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .build();
    let fetched = fetch(&config, wanted).await;
    let result = if fetched.is_ok() {
        "CONTINUE"
    } else {
        "ABANDON"
    };
    autoscaling(&config)
        .complete_lifecycle_action()
        .auto_scaling_group_name(GROUP)
        .lifecycle_hook_name(HOOK)
        .instance_id(&me.instance_id)
        .lifecycle_action_result(result)
        .send()
        .await?;
    fetched
}

async fn fetch(config: &SdkConfig, wanted: &Wanted) -> Result<()> {
    match wanted {
        Wanted::Names(names) => {
            for ten in names.chunks(10) {
                let call = ssm(config).get_parameters().with_decryption(true);
                call.set_names(Some(ten.to_vec())).send().await?;
            }
        }
        Wanted::Path(path) => {
            // One process follows all pages.
            let client = ssm(config);
            let mut pages = client
                .get_parameters_by_path()
                .path(path)
                .recursive(true)
                .with_decryption(true)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                page?;
            }
        }
    }
    Ok(())
}

/// A new process's client, with a retry quota of its own: the SDK's would be shared by all launches here.
fn ssm(config: &SdkConfig) -> aws_sdk_ssm::Client {
    let own = aws_sdk_ssm::config::Builder::from(config).retry_partition(quota());
    aws_sdk_ssm::Client::from_conf(own.build())
}

fn autoscaling(config: &SdkConfig) -> aws_sdk_autoscaling::Client {
    let own = aws_sdk_autoscaling::config::Builder::from(config).retry_partition(quota());
    aws_sdk_autoscaling::Client::from_conf(own.build())
}

fn quota() -> RetryPartition {
    RetryPartition::custom("a process")
        .token_bucket(TokenBucket::new(500))
        .build()
}
