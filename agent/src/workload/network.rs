//! The bridge network that containers share and find each other on.

use super::error::WorkloadError;
use crate::{
    container::call,
    context::Context,
    docker::{CallError, Cause},
};
use bollard::{Docker, models::NetworkCreateRequest, query_parameters::InspectNetworkOptions};
use std::collections::HashMap;

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
    if let Some(driver) = found(cx, docker).await? {
        return usable(driver);
    }
    match call(cx, "docker:network create", async || {
        docker.create_network(request(instance)).await
    })
    .await
    {
        Ok(_) => Ok(()),
        // Somebody else was faster, or our first try was cut off after it was carried out.
        Err(error) if error.cause == Cause::NetworkExists => {
            usable(found(cx, docker).await?.unwrap_or_default())
        }
        Err(error) => Err(refused(&error)),
    }
}

fn request(instance: &str) -> NetworkCreateRequest {
    let label = (super::adopt::INSTANCE.to_owned(), instance.to_owned());
    NetworkCreateRequest {
        name: NAME.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(HashMap::from([label])),
        ..NetworkCreateRequest::default()
    }
}

/// Its driver, if there is one of exactly this name: the engine also finds ids that begin with it.
async fn found(cx: &Context, docker: &Docker) -> Result<Option<String>, WorkloadError> {
    let network = call(cx, "docker:network inspect", async || {
        docker
            .inspect_network(NAME, None::<InspectNetworkOptions>)
            .await
    })
    .await;
    match network {
        Ok(network) if network.name.as_deref() == Some(NAME) => {
            Ok(Some(network.driver.unwrap_or_default()))
        }
        Ok(_) => Ok(None),
        Err(error) if error.cause == Cause::NoSuchOther => Ok(None),
        Err(error) => Err(refused(&error)),
    }
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
