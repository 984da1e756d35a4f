//! Settings shared by every AWS client, and what an AWS call's error means.
//!
//! Clients are built from [`config`]'s answer. Their own retries are off, for `retry.rs` alone retries;
//! their attempt time-outs are on, for every wait ends.

mod error;

pub use error::{CallError, Cause};

use crate::{
    context::Timings,
    imds::{Imds, InstanceRole},
};
use aws_config::{
    AppName, ConfigLoader, Region, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    identity::IdentityCache,
    meta::region::RegionProviderChain,
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};

/// Settings for every AWS client on this instance.
///
/// The region is `AWS_REGION`'s, else the profile's, else `region`, the instance's own. Credentials are
/// the environment's, else the profile's, else the instance role's. `AWS_ENDPOINT_URL[_SERVICE]` holds.
pub async fn config(imds: &Imds, region: &str, timings: &Timings) -> SdkConfig {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::new(region.to_owned()));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(timings.aws_connect)
        .operation_attempt_timeout(timings.aws_attempt)
        .build();
    // It counts by the wall clock, second by second: one that is set years ahead would hold everything up. An attempt's own
    // time-out bounds what is sent and what is read whole; who reads a body piece by piece bounds each.
    let stalls = StalledStreamProtectionConfig::disabled();
    let identity = IdentityCache::lazy()
        .load_timeout(timings.aws_attempt)
        .build();
    let loader: ConfigLoader = aws_config::from_env()
        .region(region)
        .credentials_provider(Chain::new(imds))
        .identity_cache(identity)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(stalls);
    match AppName::new(concat!("firstlight-", env!("CARGO_PKG_VERSION"))) {
        Ok(name) => loader.app_name(name).load().await,
        Err(_unfit) => loader.load().await,
    }
}

/// The partition that ARNs of a region begin with.
pub fn partition(region: &str) -> &'static str {
    match region {
        china if china.starts_with("cn-") => "aws-cn",
        government if government.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The region in an ARN: `arn:aws:ssm:eu-west-1:123456789012:parameter/a`.
pub fn region(name: &str) -> Option<&str> {
    let mut fields = name.split(':');
    (fields.next() == Some("arn"))
        .then(|| fields.nth(2))
        .flatten()
        .filter(|region| !region.is_empty())
}

/// The same settings for a call in `region`; `None`: in the usual one.
pub fn in_region(config: &SdkConfig, region: Option<&str>) -> SdkConfig {
    let region = region.map(|region| Region::new(region.to_owned()));
    match region {
        Some(region) => config.to_builder().region(region).build(),
        None => config.clone(),
    }
}

/// Environment, profile, instance role: the first that has credentials.
///
/// Not the SDK's chain: that one asks the metadata service with the SDK's own client, which gives up
/// where a role is attached moments after the launch, and where nothing listens yet.
#[derive(Debug)]
struct Chain {
    environment: EnvironmentVariableCredentialsProvider,
    profile: ProfileFileCredentialsProvider,
    instance: InstanceRole,
}

impl Chain {
    fn new(imds: &Imds) -> Chain {
        Chain {
            environment: EnvironmentVariableCredentialsProvider::new(),
            profile: ProfileFileCredentialsProvider::builder().build(),
            instance: InstanceRole::new(imds),
        }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        match self.environment.provide_credentials().await {
            Err(CredentialsError::CredentialsNotLoaded(_)) => {}
            known => return known,
        }
        match self.profile.provide_credentials().await {
            Err(CredentialsError::CredentialsNotLoaded(_)) => {}
            known => return known,
        }
        self.instance.provide_credentials().await
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        for (name, want) in [
            ("/a/b", None),
            ("web/prod", None),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:x-AbCdEf",
                Some("eu-west-1"),
            ),
            ("arn:aws:ssm::1:parameter/a", None),
            ("arn", None),
        ] {
            assert_eq!(region(name), want, "{name}");
        }
    }

    #[test]
    fn a_call_goes_where_it_is_sent() {
        let usual = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .build();
        for (region, want) in [(None, "eu-west-1"), (Some("us-east-1"), "us-east-1")] {
            let config = in_region(&usual, region);
            assert_eq!(config.region(), Some(&Region::new(want)));
        }
    }
}
