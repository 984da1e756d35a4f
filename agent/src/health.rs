//! Probes: when a service counts as healthy.

use crate::{
    context::Context,
    verdict::{Failure, Reason},
    workload::{Running, Workload},
};

/// Proof that every service is healthy. Only [`wait`] makes one.
#[derive(Debug)]
pub struct Healthy(());

/// What went wrong with health.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {}

impl Failure for HealthError {
    fn reason(&self) -> Reason {
        match *self {}
    }
}

/// Waits until one service is healthy.
///
/// # Errors
/// It exited, or the deadline passed; says what the last probe saw.
pub async fn wait_one(_cx: &Context, _service: &Running) -> Result<(), HealthError> {
    todo!()
}

/// Waits until every service is healthy at once.
///
/// # Errors
/// The first that exits, or those that were not healthy at the deadline.
pub async fn wait(_cx: &Context, _workload: &Workload) -> Result<Healthy, HealthError> {
    todo!()
}
