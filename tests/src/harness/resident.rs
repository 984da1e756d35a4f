//! An agent that stays: `firstlight run`, and how far it is.
//!
//! It is at rest when its status says so: everything asked of it so far is done, and it watches.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::play::PATIENCE;
use super::{Agent, Finished, Mailbox, Place, Running};

/// An agent that stays; it is killed when dropped.
#[derive(Debug)]
pub struct Resident {
    running: Running,
    agent: Agent,
    /// Where its lines go, if not to its output.
    journal: Option<Arc<Mailbox>>,
}

impl Resident {
    /// Starts it.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(agent: &Agent) -> Result<Self> {
        Ok(Self {
            running: agent.start(&["run"])?,
            agent: agent.clone(),
            journal: None,
        })
    }

    /// The same under systemd's journal, which this mailbox is. It is for one agent: what is in there already was not said
    /// by the next.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn journalled(agent: &Agent, journal: &Arc<Mailbox>) -> Result<Self> {
        let place = Place::new().journal(journal.folder());
        let mut resident = Self::start(&agent.clone().at(place))?;
        resident.agent = agent.clone();
        resident.journal = Some(Arc::clone(journal));
        Ok(resident)
    }

    /// The process.
    #[must_use]
    pub const fn process(&self) -> &Running {
        &self.running
    }

    /// Waits until something holds, while the agent runs.
    ///
    /// # Errors
    /// If it doesn't in time, or the agent ended.
    pub async fn until(&mut self, what: &str, condition: impl FnMut() -> bool) -> Result<()> {
        self.running.until(PATIENCE, what, condition).await
    }

    /// Waits until the agent has written this.
    ///
    /// # Errors
    /// If it doesn't in time, or ended.
    pub async fn says(&mut self, said: &str) -> Result<()> {
        self.says_times(said, 1).await
    }

    /// Waits until the agent has written this so often.
    ///
    /// # Errors
    /// If it doesn't in time, or ended.
    pub async fn says_times(&mut self, said: &str, times: usize) -> Result<()> {
        let Some(journal) = self.journal.clone() else {
            return self.running.says(PATIENCE, said, times).await;
        };
        let what = format!("the journal has {said:?}, {times} times");
        let has = || journal.text().matches(said).count() >= times;
        let waited = self.until(&what, has).await;
        waited.with_context(|| journal.text())
    }

    /// Waits until it is at rest in the transition of this epoch.
    ///
    /// # Errors
    /// If it isn't in time, or ended.
    pub async fn rests(&mut self, epoch: u64) -> Result<()> {
        // What an earlier process wrote last is not news.
        self.says(&format!("transition {epoch} of this instance"))
            .await?;
        let agent = self.agent.clone();
        let mut status = Value::Null;
        let what = format!("it is at rest in epoch {epoch}");
        let rests = || {
            status = agent.last_status().unwrap_or_default();
            status["epoch"] == epoch && status["resting"] == true
        };
        let rested = self.until(&what, rests).await;
        rested.with_context(|| format!("its status is {status:#}"))
    }

    /// Asks the agent alone to stop, as an upgrade does, and holds it to leave with this code.
    ///
    /// # Errors
    /// If it does not leave in time, or with another.
    pub async fn stops(self, code: i32) -> Result<Finished> {
        self.running.signal(Signal::SIGTERM)?;
        let finished = self.running.finish(PATIENCE).await?;
        finished.expect_code(code)?;
        Ok(finished)
    }

    /// Waits until it leaves of its own accord.
    ///
    /// # Errors
    /// If it does not in time.
    pub async fn ends(self) -> Result<Finished> {
        self.running.finish(PATIENCE).await
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// If it has ended by itself.
    pub async fn killed(self) -> Result<Finished> {
        self.running.signal(Signal::SIGKILL)?;
        self.running.finish(PATIENCE).await
    }
}
