//! Network, tasks and services: made or adopted by label, in the order that `depends_on` asks for.

use crate::{
    context::Context,
    image::Images,
    imds::Identity,
    references::Resolution,
    verdict::{Failure, Reason},
};

/// What runs.
#[derive(Debug)]
pub struct Workload {
    /// The services, in the order they were started.
    pub services: Vec<Running>,
}

/// A service that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The service's name, which is the container's.
    pub name: String,
    /// Docker's id for the container.
    pub id: String,
    /// How it is asked whether it is healthy; `None`: its image's HEALTHCHECK, else running for a while.
    pub health: Option<firstlight_userdata::spec::Health>,
    /// The image has a HEALTHCHECK of its own.
    pub has_healthcheck: bool,
}

/// What went wrong with the workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {}

impl Failure for WorkloadError {
    fn reason(&self) -> Reason {
        match *self {}
    }
}

/// Brings the workload up. A service that others depend on is waited for with `healthy`; a service
/// that exits meanwhile, or a task that fails, ends it at once.
///
/// # Errors
/// See [`WorkloadError`].
pub async fn ensure<E: Failure>(
    _cx: &Context,
    _me: &Identity,
    _resolution: &Resolution,
    _images: &Images,
    _healthy: impl AsyncFn(&Running) -> Result<(), E>,
) -> Result<Workload, WorkloadError> {
    todo!()
}
