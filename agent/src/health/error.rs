//! What can go wrong with health.

use crate::{
    container::Exit,
    docker::CallError,
    verdict::{Failure, Reason},
    workload::Running,
};

/// What went wrong with health.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// A service exited.
    #[error("service {name} {exit}")]
    Exited {
        /// Which.
        name: String,
        /// How.
        exit: Exit,
    },
    /// Services that were not healthy in time.
    #[error("not healthy when the launch's time ran out: {}", list(services))]
    Deadline {
        /// Each with what the last probe saw.
        services: Vec<(String, String)>,
    },
    /// The engine did not answer, to the end.
    #[error("watching service {name}: {message}; check that docker.service is running")]
    Lost {
        /// Which.
        name: String,
        /// The last thing that was seen.
        message: String,
        /// What it means.
        reason: Reason,
    },
    /// A probe wants an address, and the container has no network.
    #[error(
        "service {0} has no network and cannot be probed over one: give `health` a command, or another network_mode"
    )]
    NoNetwork(String),
    /// The probe itself could not be set up.
    #[error("the probe of service {name} could not be set up: {message}")]
    Setup {
        /// Which.
        name: String,
        /// Why.
        message: String,
    },
}

impl HealthError {
    pub(super) fn lost(service: &Running, error: &CallError) -> HealthError {
        HealthError::Lost {
            name: service.name.clone(),
            message: service.container.redact(&error.message),
            reason: error.reason(),
        }
    }
}

fn list(services: &[(String, String)]) -> String {
    let each = services.iter().map(|(name, saw)| format!("{name}: {saw}"));
    each.collect::<Vec<_>>().join("; ")
}

impl Failure for HealthError {
    fn reason(&self) -> Reason {
        match self {
            HealthError::Exited { .. } => Reason::ServiceExited,
            HealthError::Deadline { .. } => Reason::Deadline,
            HealthError::Lost { reason, .. } => *reason,
            HealthError::NoNetwork(_) => Reason::SpecInvalid,
            HealthError::Setup { .. } => Reason::Internal,
        }
    }
}
