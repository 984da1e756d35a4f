//! The states of an instance in its group, in the words of DescribeAutoScalingInstances.
//!
//! To add a state: a variant of [`Lifecycle`] and its name.

use std::fmt;

/// Where the instance stands in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    /// On its way into service; no hook is open.
    Pending,
    /// Waiting for its launch hooks.
    PendingWait,
    /// The hooks are done, the instance is being put into service.
    PendingProceed,
    /// In service.
    InService,
    /// On its way out; no hook is open yet.
    Terminating,
    /// Waiting for its termination hooks.
    TerminatingWait,
    /// The termination hooks are done.
    TerminatingProceed,
    /// Gone. Describe lists it no more.
    Terminated,
    /// On its way to stand by.
    EnteringStandby,
    /// Standing by: in the group, and given no traffic.
    Standby,
    /// On its way out of the group.
    Detaching,
    /// Out of the group, and running. Describe lists it no more.
    Detached,
    /// On its way into the warm pool; no hook is open.
    WarmedPending,
    /// Waiting for launch hooks on the way in, for termination hooks on the way back.
    WarmedPendingWait,
    /// The hooks are done, the instance is being put into the warm pool.
    WarmedPendingProceed,
    /// In the warm pool, stopped.
    WarmedStopped,
    /// In the warm pool, running.
    WarmedRunning,
    /// In the warm pool, hibernated.
    WarmedHibernated,
    /// On its way out of the warm pool and of the world; no hook is open yet.
    WarmedTerminating,
    /// Waiting for its termination hooks.
    WarmedTerminatingWait,
    /// The termination hooks are done.
    WarmedTerminatingProceed,
    /// Gone. Describe lists it no more.
    WarmedTerminated,
    /// About to get another root volume; no hook is open yet.
    ReplacingRootVolume,
    /// Waiting for its termination hooks.
    ReplacingRootVolumeWait,
    /// The hooks are done, the root volume is being replaced.
    ReplacingRootVolumeProceed,
    /// The same instance has another root volume.
    RootVolumeReplaced,
    /// One the stage does not play, such as `Terminating:Retained`.
    Other(&'static str),
}

impl Lifecycle {
    /// The API's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::PendingWait => "Pending:Wait",
            Self::PendingProceed => "Pending:Proceed",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
            Self::Terminated => "Terminated",
            Self::EnteringStandby => "EnteringStandby",
            Self::Standby => "Standby",
            Self::Detaching => "Detaching",
            Self::Detached => "Detached",
            Self::WarmedPending => "Warmed:Pending",
            Self::WarmedPendingWait => "Warmed:Pending:Wait",
            Self::WarmedPendingProceed => "Warmed:Pending:Proceed",
            Self::WarmedStopped => "Warmed:Stopped",
            Self::WarmedRunning => "Warmed:Running",
            Self::WarmedHibernated => "Warmed:Hibernated",
            Self::WarmedTerminating => "Warmed:Terminating",
            Self::WarmedTerminatingWait => "Warmed:Terminating:Wait",
            Self::WarmedTerminatingProceed => "Warmed:Terminating:Proceed",
            Self::WarmedTerminated => "Warmed:Terminated",
            Self::ReplacingRootVolume => "ReplacingRootVolume",
            Self::ReplacingRootVolumeWait => "ReplacingRootVolume:Wait",
            Self::ReplacingRootVolumeProceed => "ReplacingRootVolume:Proceed",
            Self::RootVolumeReplaced => "RootVolumeReplaced",
            Self::Other(name) => name,
        }
    }

    /// Whether Describe lists an instance in this state.
    #[must_use]
    pub const fn is_listed(self) -> bool {
        !matches!(
            self,
            Self::Terminated | Self::WarmedTerminated | Self::Detached
        )
    }

    /// Whether it is in the warm pool, or on the way into it or out of it to its end.
    #[must_use]
    pub fn is_warm(self) -> bool {
        self.name().starts_with("Warmed:")
    }

    /// Whether the group has given it up.
    #[must_use]
    pub const fn is_ending(self) -> bool {
        matches!(
            self,
            Self::Terminating
                | Self::TerminatingWait
                | Self::TerminatingProceed
                | Self::Terminated
                | Self::WarmedTerminating
                | Self::WarmedTerminatingWait
                | Self::WarmedTerminatingProceed
                | Self::WarmedTerminated
        )
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
