//! Network, tasks and services: made or adopted by label, in the order that `depends_on` asks for.
//!
//! A second run of the same launch changes nothing: what a container's labels and state say decides
//! what becomes of it. One idea a file: [`order`] and [`adopt`] decide, [`create`] says, all three
//! purely; [`files`], [`network`], [`start`], [`remove`] and [`mod@stop`] do; [`run`] is where everything
//! waits for everything, and [`mod@keep`] what goes on after the verdict.
//!
//! To add a container key: see [`create`].

mod adopt;
mod create;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) mod example;
mod files;
mod keep;
mod network;
mod order;
mod remove;
mod run;
mod start;
mod stop;

pub use adopt::{INSTANCE, digest};
pub use error::WorkloadError;
pub use keep::{Kept, keep};
pub use remove::clear;
pub use stop::{forget, stop};

use crate::{
    container::Watched, context::Context, docker, image::Images, imds::Identity,
    references::Resolution, verdict::Failure,
};
use std::sync::Arc;
use tokio::time::Instant;

/// Which launch this is, for labels and for where secret files lie.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Launch {
    /// The transition's.
    pub epoch: u64,
    /// The kernel's id for this boot.
    pub boot_id: String,
}

/// Why the workload is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// For the verdict: what has ended fails it, were it while no agent was there.
    First,
    /// After it: what has ended was stopped in a drain, or by a fault that is forgiven, and starts anew.
    Again,
}

/// What runs.
#[derive(Debug)]
pub struct Workload {
    /// The services, by name.
    pub services: Vec<Running>,
}

/// A service that was started.
#[derive(Debug, Clone)]
pub struct Running {
    /// The service's name, which is the container's.
    pub name: String,
    /// Docker's id for the container.
    pub id: String,
    /// How it is asked whether it is healthy; `None`: its image's HEALTHCHECK, else running for a while.
    pub health: Option<firstlight_userdata::spec::Health>,
    /// The image has a HEALTHCHECK of its own.
    pub has_healthcheck: bool,
    /// When it was started or adopted.
    pub since: Instant,
    /// Its output and its end.
    pub container: Arc<Watched>,
}

/// Brings the workload up. A service that others depend on is waited for with `healthy`; a service
/// that exits meanwhile, or a task that fails, ends it at once. `healthy` need not watch for exits.
/// Which launch it is stands in labels; `run` says what to make of what has ended.
///
/// Dropping it leaves every container as it is; the next call goes on from there.
///
/// # Errors
/// See [`WorkloadError`].
pub async fn ensure<E: Failure>(
    cx: &Context,
    me: &Identity,
    (launch, run): (&Launch, Run),
    resolution: &Resolution,
    images: &Images,
    healthy: impl AsyncFn(&Running) -> Result<(), E>,
) -> Result<Workload, WorkloadError> {
    let docker = docker::engine(cx).await?;
    let parts = order::plan(&resolution.spec);
    let maker = start::Maker {
        cx,
        docker,
        instance: &me.instance_id,
        ami: &me.image_id,
        launch,
        digest: &resolution.digest,
        images,
        redact: Arc::clone(&resolution.redactor),
        again: run == Run::Again,
    };
    maker.remove_stale(&parts).await?;
    files::clean(cx, launch, resolution);
    network::ensure(cx, &maker.docker, &me.instance_id).await?;
    run::all(&maker, &parts, healthy).await
}
