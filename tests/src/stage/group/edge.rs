//! The edges between the states in which an instance rests: what each is called on the way, and which hooks hold it up.
//!
//! After the Amazon EC2 Auto Scaling User Guide: "Amazon EC2 Auto Scaling instance lifecycle", "Use lifecycle hooks with a
//! warm pool" and "Replace root volumes during instance refresh". Where these are silent, the stage assumes what asks more
//! of an agent: a return to the warm pool that is abandoned leads to a termination with hooks of its own, and a replaced
//! root volume is launched through the launch hooks.
//!
//! To add an edge: a variant of [`Edge`], its line in `Edge::course`, and the order that opens it in `orders`.

use super::lifecycle::Lifecycle;
use super::terms::{Pool, Transition};

/// A way from one state of rest to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Into service.
    Launch,
    /// Into the warm pool.
    WarmEnter,
    /// Out of the warm pool, into service.
    WarmLeave,
    /// Out of service, back into the warm pool.
    WarmReturn,
    /// Out of the group and of the world.
    Terminate,
    /// The same, out of the warm pool.
    WarmTerminate,
    /// To stand by.
    EnterStandby,
    /// Back into service.
    LeaveStandby,
    /// An instance of no group joins.
    Attach,
    /// It leaves the group and runs on.
    Detach,
    /// It gets another root volume.
    ReplaceRoot,
}

/// How an edge goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The state before any hook opens.
    pub(super) before: Lifecycle,
    /// The hooks that hold it up, and the states while and after they do.
    pub(super) held: Option<(Transition, Lifecycle, Lifecycle)>,
    /// Where it leads.
    pub(super) to: Lifecycle,
}

impl Edge {
    /// How it goes, in a group with this warm pool.
    pub(super) const fn course(self, pool: Pool) -> Course {
        use Lifecycle as L;
        use Transition::{Launching, Terminating};
        let (before, held, to) = match self {
            Self::Launch | Self::WarmLeave => (
                L::Pending,
                Some((Launching, L::PendingWait, L::PendingProceed)),
                L::InService,
            ),
            Self::WarmEnter => (
                L::WarmedPending,
                Some((Launching, L::WarmedPendingWait, L::WarmedPendingProceed)),
                pool.state(),
            ),
            Self::WarmReturn => (
                L::WarmedPending,
                Some((Terminating, L::WarmedPendingWait, L::WarmedPendingProceed)),
                pool.state(),
            ),
            Self::Terminate => (
                L::Terminating,
                Some((Terminating, L::TerminatingWait, L::TerminatingProceed)),
                L::Terminated,
            ),
            Self::WarmTerminate => (
                L::WarmedTerminating,
                Some((
                    Terminating,
                    L::WarmedTerminatingWait,
                    L::WarmedTerminatingProceed,
                )),
                L::WarmedTerminated,
            ),
            Self::EnterStandby => (L::EnteringStandby, None, L::Standby),
            Self::LeaveStandby | Self::Attach => (L::Pending, None, L::InService),
            Self::Detach => (L::Detaching, None, L::Detached),
            Self::ReplaceRoot => (
                L::ReplacingRootVolume,
                Some((
                    Terminating,
                    L::ReplacingRootVolumeWait,
                    L::ReplacingRootVolumeProceed,
                )),
                L::RootVolumeReplaced,
            ),
        };
        Course { before, held, to }
    }

    /// What an ABANDON leads to; `None`: on, as a CONTINUE does.
    pub(super) const fn abandoned(self) -> Option<Self> {
        match self {
            Self::Launch | Self::WarmLeave => Some(Self::Terminate),
            Self::WarmEnter | Self::WarmReturn => Some(Self::WarmTerminate),
            Self::Terminate
            | Self::WarmTerminate
            | Self::EnterStandby
            | Self::LeaveStandby
            | Self::Attach
            | Self::Detach
            | Self::ReplaceRoot => None,
        }
    }

    /// Whether it leads into service or a warm pool, by `Pending`.
    pub(super) const fn is_entry(self) -> bool {
        matches!(
            self,
            Self::Launch | Self::WarmEnter | Self::WarmLeave | Self::LeaveStandby | Self::Attach
        )
    }

    /// Whether the machine is shut down at its end.
    pub(super) const fn is_end(self) -> bool {
        matches!(self, Self::Terminate | Self::WarmTerminate)
    }
}
