//! One instance's way through a transition.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use firstlight_tests::harness::Mailbox;
use firstlight_tests::wait::{until, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::end::{End, Left};
use crate::point::effects;
use crate::process::{Process, told};
use crate::transition::{Done, Says, Step, Transition};
use crate::world::World;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds of looks at metadata that pass before nothing more is expected to happen.
const ROUNDS: usize = 2;

/// One instance on its way.
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) transition: &'static Transition,
    pub(crate) left: Left,
    /// The step that is under way.
    at: Cell<usize>,
}

impl Run {
    /// Up to where an agent starts whose doings count.
    pub(crate) async fn set(transition: &'static Transition, folder: &str) -> Result<Self> {
        let mut world = World::set(transition, folder).await?;
        (transition.arrange)(&world);
        if transition.reboots {
            let launched = world.agent().run(&["launch"], PATIENCE).await?;
            launched.expect_code(0)?;
            world.reboot().await?;
        }
        Ok(Self {
            world,
            transition,
            left: Left::default(),
            at: Cell::new(0),
        })
    }

    /// Waits until the agent with this journal has come so far.
    pub(crate) async fn until(&self, mailbox: &Mailbox, done: Done) -> Result<()> {
        let reached = || done(&self.world, &effects(mailbox).unwrap_or_default());
        let waited = wait_until(PATIENCE, "it has come so far", reached).await;
        waited.with_context(|| format!("{}{}", told(mailbox), self.world.stage.transcript()))
    }

    /// Does every step, each when the one before has come to what it should.
    pub(crate) async fn play(&self, mailbox: &Mailbox) -> Result<()> {
        for (number, step) in self.transition.steps.iter().enumerate() {
            self.at.set(number);
            (step.act)(&self.world)?;
            self.comes_to(mailbox, step).await?;
        }
        Ok(())
    }

    /// Brings all to its end after the transition.
    pub(crate) async fn play_sequel(&self, mailbox: &Mailbox) -> Result<()> {
        let Some(sequel) = self.transition.sequel else {
            return Ok(());
        };
        self.at.set(self.transition.steps.len());
        (sequel.act)(&self.world)?;
        self.comes_to(mailbox, sequel).await
    }

    /// Waits until a step has come to what it should.
    async fn comes_to(&self, mailbox: &Mailbox, step: &Step) -> Result<()> {
        if step.dies {
            self.dies(mailbox, step.done).await?;
        }
        self.until(mailbox, step.done).await
    }

    /// Kills the service whenever it is kept, until that is enough and it is back.
    async fn dies(&self, mailbox: &Mailbox, enough: Done) -> Result<()> {
        let World { engine, web, .. } = &self.world;
        let dies = until(PATIENCE, "it has died often enough", async || {
            let effects = effects(mailbox).unwrap_or_default();
            let runs = engine.inspect(web).await.ok()??["State"]["Running"] == true;
            let enough = enough(&self.world, &effects);
            if runs && !enough && effects.iter().any(|effect| effect == "begin_keep") {
                // It may have been stopped meanwhile.
                drop(engine.kill(web).await);
            }
            (runs && enough).then_some(())
        });
        dies.await.with_context(|| told(mailbox))
    }

    /// Once the transition's verdict is decided, has what decided it be another.
    pub(crate) async fn turn(&mut self) -> Result<()> {
        let Transition { prelude, says, .. } = self.transition;
        if prelude.is_none() && self.left.has_decided() {
            self.world.turn(*says).await?;
            self.left.without_task = *says == Says::Fails;
        }
        Ok(())
    }

    /// Waits for what the step that was begun should come to, and does all that is left.
    pub(crate) async fn go_on(&self, mailbox: &Mailbox) -> Result<()> {
        let Transition { steps, sequel, .. } = self.transition;
        let mut left = steps.iter().chain(*sequel).skip(self.at.get());
        self.comes_to(mailbox, left.next().context("no step")?)
            .await?;
        for step in left {
            (step.act)(&self.world)?;
            self.comes_to(mailbox, step).await?;
        }
        Ok(())
    }

    /// Waits for this agent's end, having asked it to leave if it stays.
    pub(crate) async fn finish(&mut self, process: Process) -> Result<()> {
        self.leave(process.pid()).await?;
        let mailbox = Arc::clone(&process.mailbox);
        self.left.add(process.ends().await?, mailbox);
        Ok(())
    }

    /// What came of it. Tidies up: done on the way out of scope, that would hold up every other run.
    pub(crate) async fn end(&self, countable: bool) -> Result<End> {
        let countable = countable && !self.left.without_task;
        let end = End::of(&self.world, &self.left, countable).await?;
        if let Err(error) = self.world.names.tidy(&self.world.engine).await {
            eprintln!("tidying up: {error:#}");
        }
        Ok(end)
    }

    /// Whether what is done to containers is done as often as in other runs. An agent that does not know that the machine
    /// is going down starts again what another was stopping for it.
    pub(crate) fn is_countable(&self) -> bool {
        let dies = self.transition.steps.iter().any(|step| step.dies);
        !dies && !self.transition.shuts_down
    }

    /// Asks an agent that stays to leave, when it has looked around some more: what it might do beyond its end is seen too.
    pub(crate) async fn leave(&self, agent: Pid) -> Result<()> {
        if self.transition.leaves() {
            return Ok(());
        }
        let last = "meta-data/events/maintenance/scheduled";
        let looks = || {
            let calls = self.world.stage.calls();
            calls.iter().filter(|entry| entry.call.names(last)).count()
        };
        let before = looks();
        wait_until(PATIENCE, "it looks around", || looks() >= before + ROUNDS).await?;
        Ok(kill(agent, Signal::SIGTERM)?)
    }
}
