//! What Docker is told about one container: from the spec to the body of the create call, pure.
//!
//! To add a key: a field in the spec's `Container`, a line here or in [`host`], and a row in the test's table.

mod host;

use super::order::Part;
use bollard::models::{ContainerCreateBody, EndpointSettings, NetworkingConfig};
use firstlight_userdata::{resolve::Text, spec::Protocol};
use std::{collections::HashMap, path::PathBuf, time::Duration};

/// What the spec alone doesn't say.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// The image by digest.
    pub(super) image: &'a str,
    /// The agent's labels.
    pub(super) labels: Vec<(String, String)>,
    /// The files on the host, and where the container sees them.
    pub(super) files: Vec<(PathBuf, String)>,
    /// The network, with another container's name replaced by its id.
    pub(super) network: Network,
}

/// Where a container's network comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Network {
    /// The bridge network of all.
    Bridge,
    /// The host's.
    Host,
    /// None.
    None,
    /// That container's, by id.
    Of(String),
}

/// The body of the create call (Engine API 1.41, `POST /containers/create`).
pub(super) fn body(part: &Part<'_>, given: Given<'_>) -> ContainerCreateBody {
    let container = part.container;
    let user_labels = container.labels.iter();
    let user_labels = user_labels.map(|(key, text)| (key.clone(), text.expose().to_owned()));
    let environment = container.environment.iter();
    let ports = container.ports.iter();
    let network = match given.network {
        Network::Bridge => Some(on_bridge(part.name)),
        Network::Host | Network::None | Network::Of(_) => None,
    };
    ContainerCreateBody {
        image: Some(given.image.to_owned()),
        entrypoint: container.entrypoint.as_deref().map(exposed),
        cmd: container.command.as_deref().map(exposed),
        user: container.user.clone(),
        env: some(environment.map(|(key, text)| format!("{key}={}", text.expose()))),
        working_dir: container.working_dir.clone(),
        hostname: container
            .hostname
            .as_ref()
            .map(|text| text.expose().to_owned()),
        // The agent's own come last: nobody takes them over.
        labels: Some(user_labels.chain(given.labels.iter().cloned()).collect()),
        exposed_ports: some(ports.map(|port| port_key(port.container, port.protocol))),
        stop_signal: container.stop_signal.clone(),
        stop_timeout: Some(whole_seconds(container.stop_grace_period)),
        networking_config: network,
        host_config: Some(host::config(part, &given)),
        ..ContainerCreateBody::default()
    }
}

/// Seconds as Docker counts them, rounded up: a grace period is never cut short.
pub(super) fn whole_seconds(duration: Duration) -> i64 {
    let started = u64::from(duration.subsec_nanos() > 0);
    i64::try_from(duration.as_secs().saturating_add(started)).unwrap_or(i64::MAX)
}

fn on_bridge(name: &str) -> NetworkingConfig {
    let endpoint = EndpointSettings {
        aliases: Some(vec![name.to_owned()]),
        ..EndpointSettings::default()
    };
    NetworkingConfig {
        endpoints_config: Some(HashMap::from([(super::network::NAME.to_owned(), endpoint)])),
    }
}

fn exposed(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.expose().to_owned()).collect()
}

fn port_key(port: u16, protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => format!("{port}/tcp"),
        Protocol::Udp => format!("{port}/udp"),
    }
}

/// A list, or nothing where Docker's default is wanted.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

#[cfg(test)]
mod tests;
