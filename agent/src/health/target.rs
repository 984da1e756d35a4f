//! Where a container is reached: its own address, never the published port (docker-proxy accepts
//! connections for a port that nobody serves).

use super::{error::HealthError, probe::Saw};
use crate::{container::call, context::Context, docker::CallError, workload::Running};
use bollard::{models::ContainerInspectResponse, query_parameters::InspectContainerOptions};
use std::net::{IpAddr, Ipv4Addr};

/// A container's address, once known.
#[derive(Debug, Default)]
pub(super) struct Target {
    address: Option<IpAddr>,
}

/// What an inspected container says about its address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lies {
    At(IpAddr),
    /// In the network of that container.
    With(String),
    /// It has no network.
    Nowhere,
    /// It has a network and no address in it, yet.
    Unknown,
}

impl Target {
    /// The address, or that there is none now.
    ///
    /// # Errors
    /// There will never be one.
    pub(super) async fn find(
        &mut self,
        cx: &Context,
        service: &Running,
    ) -> Result<Result<IpAddr, Saw>, HealthError> {
        if let Some(address) = self.address {
            return Ok(Ok(address));
        }
        let unknown = |words: String| Ok(Err(Saw { good: false, words }));
        match look(cx, service).await {
            Ok(Lies::At(address)) => {
                self.address = Some(address);
                Ok(Ok(address))
            }
            Ok(Lies::Nowhere) => Err(HealthError::NoNetwork(service.name.clone())),
            Ok(Lies::With(_) | Lies::Unknown) => unknown("the container has no address".to_owned()),
            Err(error) => {
                let message = service.container.redact(&error.message);
                unknown(format!(
                    "the container's address is not to be had: {message}"
                ))
            }
        }
    }
}

async fn look(cx: &Context, service: &Running) -> Result<Lies, CallError> {
    let mut lies = lies(&service.container.inspect(cx).await?);
    // Each step is another container, and Docker makes no circles.
    while let Lies::With(id) = lies {
        let docker = service.container.docker();
        let host = call(cx, "docker:inspect", async || {
            docker
                .inspect_container(&id, None::<InspectContainerOptions>)
                .await
        })
        .await?;
        lies = self::lies(&host);
    }
    Ok(lies)
}

fn lies(found: &ContainerInspectResponse) -> Lies {
    let host_config = found.host_config.as_ref();
    let mode = host_config.and_then(|config| config.network_mode.as_deref());
    match mode.unwrap_or_default() {
        "host" => return Lies::At(Ipv4Addr::LOCALHOST.into()),
        "none" => return Lies::Nowhere,
        mode => {
            if let Some(id) = mode.strip_prefix("container:") {
                return Lies::With(id.to_owned());
            }
        }
    }
    let networks = found
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let endpoints = networks.into_iter().flat_map(|networks| networks.values());
    let texts =
        endpoints.flat_map(|endpoint| [&endpoint.ip_address, &endpoint.global_ipv6_address]);
    let mut addresses = texts.filter_map(|text| text.as_deref()?.parse().ok());
    addresses.next().map_or(Lies::Unknown, Lies::At)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn where_containers_lie() {
        for (found, want) in [
            (
                r#"{"HostConfig": {"NetworkMode": "firstlight"}, "NetworkSettings": {"Networks": {"firstlight": {"IPAddress": "172.18.0.2"}}}}"#,
                Lies::At("172.18.0.2".parse().unwrap()),
            ),
            (
                r#"{"HostConfig": {"NetworkMode": "firstlight"}, "NetworkSettings": {"Networks": {"firstlight": {"IPAddress": "", "GlobalIPv6Address": "fd00::2"}}}}"#,
                Lies::At("fd00::2".parse().unwrap()),
            ),
            (
                r#"{"HostConfig": {"NetworkMode": "firstlight"}, "NetworkSettings": {"Networks": {"firstlight": {"IPAddress": ""}}}}"#,
                Lies::Unknown,
            ),
            (
                r#"{"HostConfig": {"NetworkMode": "host"}}"#,
                Lies::At(Ipv4Addr::LOCALHOST.into()),
            ),
            (r#"{"HostConfig": {"NetworkMode": "none"}}"#, Lies::Nowhere),
            (
                r#"{"HostConfig": {"NetworkMode": "container:abc"}}"#,
                Lies::With("abc".into()),
            ),
        ] {
            assert_eq!(lies(&serde_json::from_str(found).unwrap()), want, "{found}");
        }
    }
}
