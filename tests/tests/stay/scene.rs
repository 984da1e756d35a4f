//! What a test stands on: names of its own, an image, and an agent that stays on an instance of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{PATIENCE, Play};
use firstlight_tests::harness::{Ground, Names, Running};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Instance, Lifecycle, Order, Outcome, Stage};
use firstlight_tests::wait::{until, wait_until};
use nix::sys::signal::Signal;
use serde_json::json;

/// The launch hook, and the terminate hook.
pub(crate) const UP: &str = "up";
pub(crate) const DOWN: &str = "down";
/// How long a load balancer drains, where one does.
pub(crate) const BALANCER: Duration = Duration::from_secs(3);

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) names: Names,
    pub(crate) image: String,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        let repository = format!("{}/web", names.suffix());
        names.images_of(&format!("{}/{}", ground.registry.host(), names.suffix()));
        let registry = &ground.registry;
        registry.push(&repository, "1", &webapp::image()?).await?;
        let image = format!("{}/{repository}", registry.host());
        Ok(Self {
            ground,
            engine,
            names,
            image,
        })
    }

    /// The name of one of this test's parameters.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("/{}/{name}", self.names.suffix())
    }

    pub(crate) async fn parameter(&self, name: &str, value: &str, kind: &str) -> Result<()> {
        let moto = &self.ground.moto;
        moto.put_parameter(&self.own(name), value, kind).await
    }

    /// A spec with these services, each a stem and a flow map's inside, and lines of the top level.
    pub(crate) fn spec(&self, top: &str, services: &[(&str, &str)]) -> String {
        let (host, login) = (self.ground.registry.host(), &self.ground.login);
        let login = json!({"username": login.user, "password": login.password});
        let image = &self.image;
        let service = |(stem, keys): &(&str, &str)| {
            let name = self.names.unique(stem);
            let image = if keys.contains("image:") {
                String::new()
            } else {
                format!("image: \"{image}:1\", ")
            };
            format!(
                "  {name}: {{{image}command: [worker], init: true, network_mode: none, {keys}}}\n"
            )
        };
        let services: String = services.iter().map(service).collect();
        format!(
            "firstlight: 1\ntimeout: 50s\nregistries: {{\"{host}\": {login}}}\n{top}services:\n{services}"
        )
    }

    /// An agent that stays, on an instance of its own on this stage.
    pub(crate) async fn stays(&self, stage: Builder, orders: Vec<Order>) -> Result<Life> {
        let stage = stage.moto(self.ground.moto.url());
        let play = Play::open(stage.instance(Instance::unique()), orders).await?;
        let play = play.timings(&json!({"watch_poll": 100, "restart_cap": 100}));
        let running = play.agent.start(&["run"])?;
        Ok(Life { play, running })
    }

    /// When a container was started and ended, as text that sorts, and whether it runs.
    pub(crate) async fn state(&self, stem: &str) -> Result<(String, String, bool)> {
        let name = self.names.unique(stem);
        let found = self.engine.inspect(&name).await?;
        let state = &found.with_context(|| format!("there is no container {name}"))?["State"];
        let text = |key: &str| state[key].as_str().unwrap_or_default().to_owned();
        let runs = state["Running"] == true;
        Ok((text("StartedAt"), text("FinishedAt"), runs))
    }

    pub(crate) async fn runs(&self, stem: &str) -> bool {
        self.state(stem).await.is_ok_and(|(_, _, runs)| runs)
    }

    pub(crate) async fn exists(&self, stem: &str) -> Result<bool> {
        let found = self.engine.inspect(&self.names.unique(stem)).await?;
        Ok(found.is_some())
    }

    /// Kills a container, and waits until it runs again.
    pub(crate) async fn dies_and_is_back(&self, stem: &str) -> Result<()> {
        let (before, _, _) = self.state(stem).await?;
        let name = self.names.unique(stem);
        self.engine.client().kill_container(&name, None).await?;
        until(PATIENCE, "it serves again", async || {
            let (started, _, runs) = self.state(stem).await.ok()?;
            (runs && started != before).then_some(())
        })
        .await
    }
}

/// An agent that stays.
pub(crate) struct Life {
    pub(crate) play: Play,
    pub(crate) running: Running,
}

impl Life {
    pub(crate) fn stage(&self) -> &Stage {
        &self.play.stage
    }

    /// Waits until the group has the instance there.
    pub(crate) async fn comes_to(&self, state: Lifecycle) -> Result<()> {
        let there = || self.stage().lifecycle() == Some(state);
        let waited = wait_until(PATIENCE, state.name(), there).await;
        waited.with_context(|| self.story())
    }

    /// Waits until the agent has said this.
    pub(crate) async fn says(&self, text: &str) -> Result<()> {
        let said = || self.running.output().contains(text);
        let waited = wait_until(PATIENCE, text, said).await;
        waited.with_context(|| self.story())
    }

    /// Holds what counted at the group to be CONTINUE for these hooks, in this order.
    pub(crate) fn continued(&self, hooks: &[&str]) -> Result<()> {
        let one = |hook: &&str| ((*hook).to_owned(), Outcome::Continue);
        let wanted: Vec<_> = hooks.iter().map(one).collect();
        let counted = self.stage().counted();
        ensure!(counted == wanted, "{counted:?}\n{}", self.story());
        Ok(())
    }

    /// The same, as soon as they are that many.
    pub(crate) async fn has_continued(&self, hooks: &[&str]) -> Result<()> {
        let counted = || self.stage().counted().len() >= hooks.len();
        let waited = wait_until(PATIENCE, "the group heard it", counted).await;
        waited.with_context(|| self.story())?;
        self.continued(hooks)
    }

    /// Has the agent alone leave.
    pub(crate) async fn leaves(self) -> Result<()> {
        self.running.signal(Signal::SIGTERM)?;
        let finished = self.running.finish(PATIENCE).await?;
        ensure!(finished.code.is_some(), "{finished:?}");
        Ok(())
    }

    pub(crate) fn story(&self) -> String {
        let (said, calls) = (self.running.output(), self.stage().transcript());
        // It looks at metadata all the time.
        let calls = calls.lines().filter(|line| !line.contains(" imds "));
        let calls: Vec<&str> = calls.collect();
        format!("-- said\n{said}-- calls\n{}", calls.join("\n"))
    }
}
