//! The bridge network that containers share and find each other on.
//!
//! The engine keeps ids apart, not names: a create that was carried out though its answer was lost, and
//! is tried again, makes a second network of the name, and no container can be put on either. So
//! whoever finds several removes all but one.

use super::{adopt, error::WorkloadError};
use crate::{
    container::call,
    context::Context,
    docker::{self, CallError},
};
use bollard::{
    Docker,
    models::{Network, NetworkCreateRequest},
    query_parameters::ListNetworksOptionsBuilder,
};
use std::collections::HashMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Its name.
pub(super) const NAME: &str = "firstlight";

/// Finds it or makes it.
///
/// # Errors
/// The engine's, or it exists and is no bridge.
pub(super) async fn ensure(
    cx: &Context,
    docker: &Docker,
    instance: &str,
) -> Result<(), WorkloadError> {
    let mut networks = found(cx, docker).await?;
    if networks.is_empty() {
        let create = async || docker.create_network(request(instance)).await;
        call(cx, "docker:network create", create)
            .await
            .map_err(|error| refused(&error))?;
        networks = found(cx, docker).await?;
    }
    only_one(cx, docker, &mut networks).await;
    let driver = networks.into_iter().next().and_then(|one| one.driver);
    usable(driver.unwrap_or_default())
}

fn request(instance: &str) -> NetworkCreateRequest {
    let label = (adopt::INSTANCE.to_owned(), instance.to_owned());
    NetworkCreateRequest {
        name: NAME.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(HashMap::from([label])),
        ..NetworkCreateRequest::default()
    }
}

/// Those of exactly this name, the oldest first: the engine's filter also finds names that hold it.
async fn found(cx: &Context, docker: &Docker) -> Result<Vec<Network>, WorkloadError> {
    let filters = HashMap::from([("name", vec![NAME])]);
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let mut networks = call(cx, "docker:network list", async || {
        docker.list_networks(Some(options.clone())).await
    })
    .await
    .map_err(|error| refused(&error))?;
    networks.retain(|network| network.name.as_deref() == Some(NAME));
    networks.sort_by_key(|network| (created(network), network.id.clone()));
    Ok(networks)
}

fn created(network: &Network) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(network.created.as_deref()?, &Rfc3339).ok()
}

/// Leaves one, the oldest if it can be: the engine keeps those that containers are on.
async fn only_one(cx: &Context, docker: &Docker, networks: &mut Vec<Network>) {
    for at in (0..networks.len()).rev() {
        let Some(id) = networks.get(at).filter(|one| ours(one)).map(id) else {
            continue;
        };
        if networks.len() > 1 && docker::ask(cx, docker.remove_network(id)).await.is_ok() {
            networks.remove(at);
        }
    }
}

fn ours(network: &Network) -> bool {
    let labels = network.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(adopt::INSTANCE))
}

fn id(network: &Network) -> &str {
    network.id.as_deref().unwrap_or_default()
}

fn usable(driver: String) -> Result<(), WorkloadError> {
    if driver == "bridge" {
        Ok(())
    } else {
        Err(WorkloadError::NetworkTaken { driver })
    }
}

fn refused(error: &CallError) -> WorkloadError {
    let what = format!("the network {NAME:?}");
    WorkloadError::answered(what, error, error.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bridge_will_do() {
        assert!(usable("bridge".into()).is_ok());
        assert!(usable("overlay".into()).is_err());
    }
}
