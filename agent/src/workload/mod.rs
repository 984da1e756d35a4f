//! Network, tasks and services: made or adopted by label, in the order that `depends_on` asks for.
//!
//! A second run of the same launch changes nothing: what a container's labels and state say decides
//! what becomes of it. One idea a file: [`order`] and [`adopt`] decide, [`create`] says, all three
//! purely; [`files`], [`network`], [`start`], [`remove`] and [`mod@stop`] do; [`run`] is where everything
//! waits for everything.
//!
//! To add a container key: see [`create`].

mod adopt;
mod create;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) mod example;
mod files;
mod network;
mod order;
mod remove;
mod run;
mod start;
mod stop;

pub use adopt::INSTANCE;
pub use error::WorkloadError;
pub use stop::{clear, stop};

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

/// Services to keep.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The launch that started them.
    pub launch: Option<Launch>,
    /// The merged spec.
    pub document: Option<String>,
    /// What this process knows of them.
    pub workload: Option<std::rc::Rc<Workload>>,
}

/// Keeps services.
pub async fn keep(
    cx: &Context,
    me: &Identity,
    kept: &Kept,
    tell: impl Fn(String),
) -> std::convert::Infallible {
    let _ = (cx, me, kept, tell);
    std::future::pending().await
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
///
/// Dropping it leaves every container as it is; the next call goes on from there.
///
/// # Errors
/// See [`WorkloadError`].
pub async fn ensure<E: Failure>(
    cx: &Context,
    me: &Identity,
    launch: &Launch,
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
        launch,
        digest: &resolution.digest,
        images,
        redact: Arc::clone(&resolution.redactor),
    };
    maker.remove_stale(&parts).await?;
    files::clean(cx, launch, resolution);
    network::ensure(cx, &maker.docker, &me.instance_id).await?;
    run::all(&maker, &parts, healthy).await
}
