//! The words for how a launch went: stages, reasons, errors, exit codes.
//!
//! Reasons and exit codes are API: people match on them in journals and alarms. To add a reason: see
//! [`Reason`].

mod advice;
mod reason;

pub use reason::Reason;

use std::fmt;

/// A stage of a launch, in order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Instance metadata: who am I.
    Identify,
    /// Sources gathered, merged and checked.
    Configure,
    /// References fetched.
    Resolve,
    /// What ran stopped: before a warm pool, and in a drain.
    Stop,
    /// Images pulled.
    Pull,
    /// Network, tasks and services started.
    Start,
    /// Services healthy.
    Health,
    /// The verdict delivered.
    Signal,
}

impl Stage {
    /// The stable name: `resolve`.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Identify => "identify",
            Stage::Configure => "configure",
            Stage::Resolve => "resolve",
            Stage::Stop => "stop",
            Stage::Pull => "pull",
            Stage::Start => "start",
            Stage::Health => "health",
            Stage::Signal => "signal",
        }
    }

    /// The exit code when the deadline cuts this stage off.
    pub fn exit_at_deadline(self) -> Exit {
        match self {
            Stage::Identify | Stage::Configure | Stage::Resolve | Stage::Pull => Exit::Unavailable,
            Stage::Stop | Stage::Start | Stage::Health => Exit::Workload,
            Stage::Signal => Exit::Undelivered,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The process's exit code. systemd restarts none of `Usage`, `Denied`, `Spec`, `Workload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Healthy and delivered, or nobody to tell.
    Done,
    /// A bug.
    Bug,
    /// The command line is wrong.
    Usage,
    /// Something was unreachable or throttled to the end.
    Unavailable,
    /// Interrupted, undecided; the next start resumes.
    Interrupted,
    /// Decided but not delivered.
    Undelivered,
    /// Denied.
    Denied,
    /// The spec is invalid or names what does not exist.
    Spec,
    /// The workload failed: a task, an exit, never healthy.
    Workload,
}

impl Exit {
    /// The number. 64 to 78 are those of sysexits.h.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Bug => 1,
            Exit::Usage => 64,
            Exit::Unavailable => 69,
            Exit::Interrupted => 75,
            Exit::Undelivered => 76,
            Exit::Denied => 77,
            Exit::Spec => 78,
            Exit::Workload => 80,
        }
    }
}

/// An error that knows its stable reason. Every stage's error is one.
///
/// `Display` is what people read: a lowercase fragment that names the operand, holds no secret, and
/// ends in what to do.
pub trait Failure: std::error::Error {
    /// The stable reason.
    fn reason(&self) -> Reason;
}

/// A launch that failed: where, why, and in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{stage} failed ({reason}): {message}")]
pub struct LaunchError {
    /// The stage that failed.
    pub stage: Stage,
    /// Why, as one stable word.
    pub reason: Reason,
    /// Why, in words. May have several lines (a spec's errors, a container's last lines).
    pub message: String,
}

impl LaunchError {
    /// Names the stage in a stage's own error.
    pub fn at(stage: Stage, error: &impl Failure) -> LaunchError {
        LaunchError {
            stage,
            reason: error.reason(),
            message: error.to_string(),
        }
    }

    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        self.reason.exit(self.stage)
    }
}
