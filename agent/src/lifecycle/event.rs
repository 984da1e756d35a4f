//! The machine's words: what can happen, and what can be asked of the driver.
//!
//! To add an event or an effect: a variant here; the compiler names `step.rs` and `driver.rs`.

use super::record::{Proof, Recipient, Settled, Wish};
use crate::{
    image::Images,
    verdict::{Exit, LaunchError},
};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The agent started on this record.
    Started,
    /// The work told something that must survive a crash.
    Learned(Fact),
    /// It is known whom to tell, or that it cannot be known. Comes again when the spec refines it.
    Joined(Result<Vec<Recipient>, Unjoined>),
    /// The work is done, with its proof, or has failed.
    Worked(Result<Proof, LaunchError>),
    /// No source says anything to firstlight.
    NotForUs,
    /// A delivery ended.
    Signalled(Recipient, Settled),
    /// The failed workload is stopped, as far as it could be.
    Stopped,
    /// The record could not be written; nothing after that [`Effect::Persist`] was performed.
    NotPersisted {
        /// Why not.
        error: LaunchError,
        /// A verdict is on disk, of this process or an earlier one.
        decided: bool,
    },
    /// SIGTERM.
    Terminate,
}

/// Whom the spec wants told cannot be known, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjoined {
    /// Why not.
    pub error: LaunchError,
    /// Who waits all the same, if that is known: an ABANDON through any of them ends the launch.
    pub waiting: Option<Vec<Recipient>>,
}

/// What the work tells on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The spec is read: the merged document and the launch's whole time in milliseconds.
    Configured {
        /// The merged document, references unreplaced.
        document: String,
        /// Milliseconds.
        timeout_ms: u64,
    },
    /// The references are resolved: whom the spec wants told.
    Resolved(Wish),
    /// The images are pulled.
    Pulled(Images),
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the record that came with this effect; on disk before the next effect.
    Persist,
    /// Find out whom to tell, with what the spec says of it as far as that is known. Ends in
    /// [`Event::Joined`].
    Join,
    /// Keep these waiting, until told otherwise; nobody: stop.
    Heartbeat(Vec<Recipient>),
    /// Begin the work. Ends in [`Event::Worked`] or [`Event::NotForUs`].
    Begin(Work),
    /// Cut the work off where it is.
    Abort,
    /// Tell a recipient. Ends in [`Event::Signalled`].
    Signal {
        /// Whom.
        to: Recipient,
        /// CONTINUE, or ABANDON.
        go: bool,
        /// An earlier process may have sent it already.
        again: bool,
    },
    /// Stop what was started, and keep it. Ends in [`Event::Stopped`].
    StopWorkload,
    /// Remove the record: nothing was asked of this instance, and nothing is to be remembered.
    Forget,
    /// Leave.
    Exit(Exit),
}

/// The work of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The pipeline of `launch.rs`: from the spec to healthy services.
    Launch,
}
