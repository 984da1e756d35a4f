//! What people see: journal, terminal, console, systemd, status file.
//!
//! Stages say what happened through [`Report`]; where it shows is decided here alone.

use crate::{
    retry::Class,
    verdict::{LaunchError, Stage},
};
use std::{fmt, time::Duration};

/// A handle on everything people see. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Report {}

/// How far one image's pull is. Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullProgress {
    /// Downloaded so far.
    pub downloaded: u64,
    /// To download in all, as far as known.
    pub total: u64,
    /// Layers unpacked so far.
    pub extracted_layers: u32,
    /// Layers in all, as far as known.
    pub layers: u32,
}

impl Report {
    /// A stage begins.
    pub fn stage_started(&self, _stage: Stage) {}
    /// A stage is over.
    pub fn stage_ended(&self, _stage: Stage, _took: Duration, _error: Option<&LaunchError>) {}
    /// A call failed and will be tried again, `left` before its deadline.
    pub fn retrying(
        &self,
        _what: &str,
        _class: Class,
        _attempt: u32,
        _error: &dyn fmt::Display,
        _left: Duration,
    ) {
    }
    /// How far a pull is.
    pub fn pull(&self, _image: &str, _progress: PullProgress) {}
    /// A pull is over; `pinned` names the digest.
    pub fn pulled(&self, _image: &str, _pinned: &str, _progress: PullProgress, _took: Duration) {}
    /// A container was made, started, adopted, or became healthy.
    pub fn container(&self, _name: &str, _id: &str, _what: ContainerEvent) {}
    /// A line that a task printed, secrets already replaced.
    pub fn task_line(&self, _task: &str, _line: &str) {}
    /// What a probe saw, when it differs from what the last one saw.
    pub fn probe(&self, _service: &str, _saw: &str) {}
    /// Something to know, in words.
    pub fn info(&self, _message: &str) {}
    /// Something to worry about, with a stable name.
    pub fn warn(&self, _what: &'static str, _message: &str) {}
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerEvent {
    /// Made and started.
    Started,
    /// Found running with the right label, and left alone.
    Adopted,
    /// Healthy.
    Healthy,
    /// A task that exited 0.
    Finished,
    /// Stopped by the agent.
    Stopped,
}
