//! What a lifecycle state means to an instance that launches.

/// What `LifecycleState` of DescribeAutoScalingInstances says. Source: "Amazon EC2 Auto Scaling
/// instance lifecycle", Amazon EC2 Auto Scaling User Guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The hook does not wait yet.
    Early,
    /// A hook waits.
    Waiting,
    /// No hook waits any more.
    Passed,
    /// The instance is being taken away.
    Leaving,
    /// A state that this version does not know.
    Unknown,
}

impl Phase {
    /// What `state` means.
    pub(super) fn of(state: &str) -> Phase {
        match state.strip_prefix("Warmed:").unwrap_or(state) {
            "Pending" => Phase::Early,
            "Pending:Wait" => Phase::Waiting,
            "Pending:Proceed" | "Pending:Retained" | "InService" | "Stopped" | "Running"
            | "Hibernated" | "EnteringStandby" | "Standby" | "Detaching" | "Detached" => {
                Phase::Passed
            }
            "Terminated" => Phase::Leaving,
            other if other.starts_with("Terminating") => Phase::Leaving,
            _ => Phase::Unknown,
        }
    }
}
