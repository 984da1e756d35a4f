//! What people see: journal, terminal, console, systemd, status file; and what of it outlives the instance.
//!
//! Stages say what happened through [`Report`]; where it shows is decided here alone. What is said
//! holds no secret: callers have replaced every one before. Nothing here can fail a launch or hold it
//! up; what cannot be shown is not shown.
//!
//! To add something to say: a method on [`Report`] and an event in [`fields`]. To add a place where it
//! shows: a file here and a field in `Shown`.

mod console;
mod evidence;
pub mod fields;
pub mod logger;
mod outcome;
mod page;
mod resident;
mod ring;
mod shown;
mod stages;
pub mod status;
pub mod story;
mod systemd;
mod terminal;
pub mod words;

pub use evidence::Hidden;

use crate::context::Paths;
use fields::{Event, Field};
use log::Level;
use logger::Logger;
use shown::{Places, Shown};
use status::Status;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A handle on everything people see. Cheap to clone. The default shows nothing but log lines.
#[derive(Debug, Clone, Default)]
pub struct Report(Arc<Mutex<Shown>>);

/// Sends log lines where they belong and gives the report of an agent that launches.
///
/// `root` is where the console is looked for: `ROOT/dev/console`.
pub fn init(root: &Path, paths: &Paths) -> Report {
    let terminal = log_lines().map(|(bars, colour)| terminal::Terminal::new(bars, colour));
    let before = status::read(&paths.var)
        .ok()
        .flatten()
        .map(|(_, status)| status);
    let before = before.map(Status::resume);
    Report(Arc::new(Mutex::new(Shown {
        earlier_stages: before.as_ref().map_or(0, |status| status.stages.len()),
        status: before.unwrap_or_default(),
        terminal,
        agent: Some(Places {
            var: paths.var.clone(),
            console: root.join("dev/console"),
        }),
        ..Shown::default()
    })))
}

/// Sends log lines where they belong and gives the report of a command that only looks.
pub fn looking() -> Report {
    log_lines();
    Report::default()
}

/// Tells systemd that boot may go on, where no agent is at work yet that could be told of.
pub(crate) fn up() {
    // Nobody listening is as good.
    systemd::ready().ok();
}

/// Installs the log; the bars, on a terminal.
fn log_lines() -> Option<(indicatif::MultiProgress, bool)> {
    let logger = Logger::detect();
    let (bars, finest) = (logger.bars(), logger.finest());
    // A second installation is refused, and the first one serves.
    log::set_boxed_logger(Box::new(logger)).ok()?;
    log::set_max_level(finest);
    bars
}

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

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl ContainerEvent {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerEvent::Started => "started",
            ContainerEvent::Adopted => "adopted",
            ContainerEvent::Healthy => "healthy",
            ContainerEvent::Finished => "finished",
            ContainerEvent::Stopped => "stopped",
        }
    }
}

impl Report {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        // A panic elsewhere leaves what is shown no worse than stale.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent's lock and record are open: boot may go on.
    pub fn ready(&self) {
        let shown = self.shown();
        if shown.agent.is_some() {
            shown.unheard("systemd", systemd::ready());
        }
    }

    /// Something to know, in words.
    pub fn info(&self, message: &str) {
        self.shown().say(Event::Info, Level::Info, &[], message);
    }

    /// Something to worry about, with a stable name.
    pub fn warn(&self, what: &'static str, message: &str) {
        self.shown().say(
            Event::Warning,
            Level::Warn,
            &[(Field::Warning, &what)],
            message,
        );
    }
}

#[cfg(test)]
mod tests;
