//! The machine's words: what can happen, and what can be asked of the driver.
//!
//! To add an event or an effect: a variant here; the compiler names `step.rs` and `driver.rs`.

use super::{
    notice::{Conduct, Notice, Notices},
    proof::Proof,
    record::{Recipient, Settled, Wish},
};
use crate::{
    image::Images,
    imds::TargetState,
    verdict::{Exit, LaunchError},
};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The agent started on this record.
    Started,
    /// The group wants the instance elsewhere than before, or metadata tells it for the first time.
    Target(TargetState),
    /// What EC2 announces is another than before: all of it.
    Noticed(Notices),
    /// The machine slept, in hibernation perhaps, or metadata was silent: something may have been missed.
    Missed,
    /// The work told something that must survive a crash.
    Learned(Fact),
    /// It is known whom to tell, or that it cannot be known. Comes again when the spec refines it.
    Joined(Result<Joined, Unjoined>),
    /// Where the instance stands in its group, asked by [`Effect::Look`]: `Pending:Wait`; `None` outside
    /// one, where it cannot be known, and where others' hooks alone hold it.
    Found(Option<String>),
    /// The work is done, with its proof, or has failed.
    Worked(Result<Proof, LaunchError>),
    /// No source says anything to firstlight.
    NotForUs,
    /// A delivery ended.
    Signalled(Recipient, Settled),
    /// The evidence of a failure is safe, as far as it could be had.
    Collected,
    /// The failed workload is stopped, as far as it could be.
    Stopped,
    /// The record could not be written; nothing after that [`Effect::Persist`] was performed.
    NotPersisted {
        /// Why not.
        error: LaunchError,
        /// A verdict is on disk, of this process or an earlier one.
        decided: bool,
    },
    /// SIGTERM, for the agent alone: services stay.
    Terminate,
    /// SIGTERM, for the machine is being shut down: services are drained.
    ShuttingDown,
}

/// Who waits for the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Whom to tell.
    pub recipients: Vec<Recipient>,
    /// The instance is in a group, as far as is known.
    pub member: bool,
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
        /// What it says of the time after the verdict.
        conduct: Conduct,
    },
    /// The references are resolved: whom the spec wants told.
    Resolved(Wish),
    /// The images are pulled.
    Pulled(Images),
    /// A service exits again and again; its name.
    Dying(String),
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
    /// Containers may be started: where the group wants the instance is known.
    Permit,
    /// Begin the work, in place of what is under way. Ends in [`Event::Worked`] or [`Event::NotForUs`].
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
    /// Tell nobody anything for now: what is on its way is cut off where it is, and may have arrived.
    Withhold,
    /// Keep evidence of a failure where it outlives the instance. Ends in [`Event::Collected`], in bounded
    /// time.
    Evidence,
    /// Stop what was started, and keep it. Ends in [`Event::Stopped`].
    StopWorkload,
    /// Ask the group where the instance stands. Ends in [`Event::Found`], in bounded time.
    Look,
    /// Tell the group that this instance is unhealthy.
    ReportUnhealthy,
    /// Remove the record: nothing was asked of this instance, and nothing is to be remembered.
    Forget,
    /// Nothing more is to be done for now: who came for this alone, or was asked to leave, leaves.
    Rest(Exit),
    /// Leave.
    Exit(Exit),
}

impl Effect {
    /// The name of every kind of effect, as the journal tells it.
    pub const NAMES: [&str; 18] = [
        "persist",
        "join",
        "heartbeat",
        "permit",
        "begin_launch",
        "begin_prepare",
        "begin_drain",
        "begin_keep",
        "abort",
        "signal",
        "withhold",
        "evidence",
        "stop_workload",
        "look",
        "report_unhealthy",
        "forget",
        "rest",
        "exit",
    ];

    /// Its name in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Effect::Persist => "persist",
            Effect::Join => "join",
            Effect::Heartbeat(_) => "heartbeat",
            Effect::Permit => "permit",
            Effect::Begin(Work::Launch) => "begin_launch",
            Effect::Begin(Work::Prepare) => "begin_prepare",
            Effect::Begin(Work::Drain(_)) => "begin_drain",
            Effect::Begin(Work::Keep) => "begin_keep",
            Effect::Abort => "abort",
            Effect::Signal { .. } => "signal",
            Effect::Withhold => "withhold",
            Effect::Evidence => "evidence",
            Effect::StopWorkload => "stop_workload",
            Effect::Look => "look",
            Effect::ReportUnhealthy => "report_unhealthy",
            Effect::Forget => "forget",
            Effect::Rest(_) => "rest",
            Effect::Exit(_) => "exit",
        }
    }
}

/// What the agent works at; one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The pipeline of `launch.rs`: from the spec to healthy services.
    Launch,
    /// The same up to pulled images, with nothing started: for a warm pool.
    Prepare,
    /// The pipeline of `drain.rs`: to stopped services. It cannot fail.
    Drain(Why),
    /// Watching the services of a launch, and starting again those that exit. It does not end.
    Keep,
}

/// Why services are drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The group takes the instance out of service: when its balancer is done with it. At the latest
    /// where EC2 announced an end, in milliseconds since 1970.
    Group {
        /// Milliseconds since 1970.
        by_ms: Option<u64>,
    },
    /// EC2 announced something that the spec wants a drain for.
    Notice {
        /// What.
        notice: Notice,
        /// When it happens, in milliseconds since 1970, where that was told.
        by_ms: Option<u64>,
    },
    /// The machine is being shut down: now.
    Shutdown,
}
