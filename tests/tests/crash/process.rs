//! An agent that runs under a journal, and what it told there.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use firstlight_tests::harness::{Entry, Finished, Mailbox, Running, Traced};
use nix::unistd::Pid;

use crate::point::{Deed, Point, effect};
use crate::run::PATIENCE;
use crate::world::World;

/// An agent, and its journal.
pub(crate) struct Process {
    agent: Kind,
    pub(crate) mailbox: Arc<Mailbox>,
}

enum Kind {
    Free(Box<Running>),
    Traced(Traced),
}

impl Process {
    /// One that nobody harms, or whose requests are held.
    pub(crate) fn start(world: &World, command: &str) -> Result<Self> {
        let mailbox = Mailbox::open()?;
        let place = world.place().journal(mailbox.folder());
        let agent = world.agent().clone().at(place).start(&[command])?;
        Ok(Self {
            agent: Kind::Free(Box::new(agent)),
            mailbox: Arc::new(mailbox),
        })
    }

    /// One that is to be killed at this point. It counts from where `armed` is told to.
    pub(crate) async fn start_for(
        world: &World,
        command: &str,
        point: &Point,
        armed: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self> {
        let Deed::Effect(name) = point.deed.clone() else {
            return Self::start(world, command);
        };
        let mut left = point.passed;
        let reached = move |letter: &[u8]| {
            let told = Entry::read(letter).ok().and_then(|entry| effect(&entry));
            if !armed() || told.as_ref() != Some(&name) {
                return false;
            }
            let reached = left == 0;
            left = left.saturating_sub(1);
            reached
        };
        let mailbox = Arc::new(Mailbox::unattended()?);
        let journal = Arc::clone(&mailbox);
        let (place, arguments) = (world.place(), [command]);
        let traced = Traced::start(world.agent(), place, &arguments, journal, reached);
        Ok(Self {
            agent: Kind::Traced(traced.await?),
            mailbox,
        })
    }

    pub(crate) const fn pid(&self) -> Pid {
        match &self.agent {
            Kind::Free(running) => running.pid(),
            Kind::Traced(traced) => traced.pid(),
        }
    }

    /// Waits until it is killed at this point, which was ordered, or ends by itself before.
    pub(crate) async fn killed(self, world: &World, point: &Point) -> Result<Finished> {
        let what = point.to_string();
        let mailbox = self.mailbox;
        let killed = match self.agent {
            Kind::Free(running) => {
                let reached = point.reached(world);
                running.kill_at(PATIENCE, &what, reached).await
            }
            Kind::Traced(traced) => traced.killed(PATIENCE, &what).await,
        };
        killed.with_context(|| format!("{}{}", told(&mailbox), world.stage.transcript()))
    }

    /// Waits for its end.
    pub(crate) async fn ends(self) -> Result<Finished> {
        let Kind::Free(running) = self.agent else {
            anyhow::bail!("what is traced is killed");
        };
        let mailbox = self.mailbox;
        let finished = running.finish(PATIENCE).await;
        finished.with_context(|| told(&mailbox))
    }
}

/// What an agent told its journal, a line an entry.
pub(crate) fn told(mailbox: &Mailbox) -> String {
    let entries = mailbox.entries().unwrap_or_default();
    let words = entries.iter().filter_map(|entry| entry.get("MESSAGE"));
    words.map(|words| format!("{words}\n")).collect()
}
