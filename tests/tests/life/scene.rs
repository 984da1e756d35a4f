//! What a test stands on: a service whose health is in the test's hand, a task before it, and an instance in a group.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Finished, Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::events::Events;
use firstlight_tests::parts::gate::Gate;
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::webapp;
use firstlight_tests::parts::wire::Wire;
use firstlight_tests::stage::{Hook, Instance, Outcome, Stage};
use serde_json::{Value, json};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A task that ends at once.
pub(crate) const QUICK: &str = "command: [task, done]";

/// One test's names and parts.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) proxy: Proxy,
    /// The agent's way to the engine.
    pub(crate) wire: Wire,
    /// What the service's probe asks. Open at first.
    pub(crate) gate: Gate,
    /// The service.
    pub(crate) web: String,
    /// The task.
    pub(crate) job: String,
    /// What the tag meant at first.
    pub(crate) digest: String,
    pub(crate) names: Names,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        let proxy = Proxy::before(&ground.registry.host()).await?;
        let gate = Gate::put_up().await?;
        gate.open();
        names.images_of(&proxy.host());
        let mut scene = Self {
            events: Events::of(&engine, names.suffix())?,
            web: names.unique("web"),
            job: names.unique("job"),
            digest: String::new(),
            ground,
            engine,
            wire: Wire::lay()?,
            proxy,
            gate,
            names,
        };
        scene.digest = scene.push().await?;
        scene.word("hello").await?;
        Ok(scene)
    }

    /// Pushes a new image under the tag that every spec names, and gives its digest.
    pub(crate) async fn push(&self) -> Result<String> {
        let image = webapp::image()?.ballast(1 << 20);
        let repository = format!("{}/web", self.names.suffix());
        self.ground.registry.push(&repository, "1", &image).await
    }

    /// The image that every spec names.
    pub(crate) fn image(&self) -> String {
        format!("{}/{}/web:1", self.proxy.host(), self.names.suffix())
    }

    /// What runs when the image is this one.
    pub(crate) fn pinned(&self, digest: &str) -> String {
        format!("{}@{digest}", self.image().trim_end_matches(":1"))
    }

    /// A parameter of this test's own.
    pub(crate) fn parameter(&self, name: &str) -> String {
        format!("/{}/{name}", self.names.suffix())
    }

    /// A secret of this test's own.
    pub(crate) fn secret(&self, name: &str) -> String {
        format!("{}/{name}", self.names.suffix())
    }

    /// Sets the parameter that every spec refers to.
    pub(crate) async fn word(&self, value: &str) -> Result<()> {
        let word = self.parameter("word");
        self.ground.moto.put_parameter(&word, value, "String").await
    }

    /// The head of a spec: version, time, and the user of the registry.
    pub(crate) fn head(&self, timeout: &str) -> String {
        let (user, password) = (&self.ground.login.user, &self.ground.login.password);
        let login = json!({"username": user, "password": password});
        format!(
            "firstlight: 1\ntimeout: {timeout}\nregistries:\n  {}: {login}\n",
            self.proxy.host()
        )
    }

    /// A spec: the service, with `web` among its keys, and the task before it, with `job` among its own.
    pub(crate) fn spec(&self, timeout: &str, web: &str, job: &str) -> String {
        let (image, port) = (self.image(), self.gate.port());
        let mut spec = self.head(timeout);
        writeln!(spec, "services:\n  {}:\n    image: {image}", self.web).unwrap();
        spec.push_str("    command: [worker]\n    network_mode: host\n    stop_grace_period: 1s\n");
        writeln!(
            spec,
            "    environment: {{WORD: \"{{{{ssm:{}}}}}\"}}",
            self.parameter("word")
        )
        .unwrap();
        writeln!(
            spec,
            "    health: {{http: {{port: {port}}}, interval: 50ms, healthy_threshold: 1}}"
        )
        .unwrap();
        for line in web.lines() {
            writeln!(spec, "    {line}").unwrap();
        }
        writeln!(spec, "tasks:\n  {}:\n    image: {image}", self.job).unwrap();
        for line in job.lines() {
            writeln!(spec, "    {line}").unwrap();
        }
        spec
    }

    /// An instance of its own in group `web`, whose launch hook is `up`, with this user data.
    pub(crate) async fn play(&self, spec: &str) -> Result<Play> {
        let stage = self.stage(Instance::unique(), spec).await?;
        let agent = Agent::on(&stage)?
            .timings(&timings())
            .env("DOCKER_HOST", &self.wire.host());
        Ok(Play { stage, agent })
    }

    /// The stage alone.
    pub(crate) async fn stage(&self, instance: Instance, spec: &str) -> Result<Stage> {
        Stage::builder()
            .instance(instance)
            .group("web", [Hook::launching("up")])
            .moto(self.ground.moto.url())
            .user_data(spec)
            .open()
            .await
    }

    pub(crate) async fn inspect(&self, name: &str) -> Result<Value> {
        let found = self.engine.inspect(name).await?;
        found.with_context(|| format!("there is no container {name}"))
    }

    pub(crate) async fn is_running(&self, name: &str) -> Result<bool> {
        Ok(self.inspect(name).await?["State"]["Running"] == json!(true))
    }

    /// Holds containers to have been made and started this often, no more.
    pub(crate) async fn made(&self, name: &str, times: usize) -> Result<()> {
        let counts = [("create", times), ("start", times)];
        self.events.expect(&self.engine, name, &counts).await
    }

    /// Has a task whose command is `[serve]` end well.
    pub(crate) async fn end_task(&self) -> Result<()> {
        let networks = &self.inspect(&self.job).await?["NetworkSettings"]["Networks"];
        let address = networks["firstlight"]["IPAddress"]
            .as_str()
            .context("no address")?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{address}:3000/stop");
        // It ends without an answer; before it listens there is nobody to end.
        let ended = async || {
            drop(client.get(&url).send().await);
            let running = self.is_running(&self.job).await;
            (!running.unwrap_or(true)).then_some(())
        };
        firstlight_tests::wait::until(PATIENCE, "the task ends", ended).await
    }
}

/// Timings for a launch whose parts are a loopback away.
pub(crate) fn timings() -> Value {
    json!({
        "backoff_base": 50, "backoff_cap": 400, "settle": 500, "delivery_reserve": 1000, "delivery_least": 10_000,
        "reconcile_poll": 100,
    })
}

/// A launch that is about to happen, or has.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) agent: Agent,
}

impl Play {
    pub(crate) async fn launch(&self) -> Result<Finished> {
        self.agent.run(&["launch"], PATIENCE).await
    }

    /// Holds the group to have counted this one verdict.
    pub(crate) fn counted(&self, outcome: Outcome) -> Result<()> {
        ensure!(
            self.stage.counted() == [("up".to_owned(), outcome)],
            "wanted {outcome:?} for up once, got {:?}\n{}",
            self.stage.verdicts(),
            self.stage.transcript()
        );
        Ok(())
    }

    /// Holds nobody to have been told a verdict, counted or not.
    pub(crate) fn told_nobody(&self) -> Result<()> {
        let told = self.completions();
        ensure!(told == 0, "told {told} times:\n{}", self.stage.transcript());
        Ok(())
    }

    /// How often the group was told a verdict, or tried to be.
    pub(crate) fn completions(&self) -> usize {
        self.stage
            .calls_of("autoscaling", "CompleteLifecycleAction")
            .len()
    }

    /// Runs once more, after everything is said and done: the same code, and no call to anybody who was told.
    pub(crate) async fn again_changes_nothing(&self, code: i32) -> Result<()> {
        let before = self.stage.calls().len();
        self.launch().await?.expect_code(code)?;
        let calls = self.stage.calls().split_off(before);
        let said: Vec<String> = calls
            .iter()
            .filter(|entry| entry.call.service != "imds")
            .map(ToString::to_string)
            .collect();
        ensure!(
            said.is_empty(),
            "calls after everything was said:\n{}",
            said.join("\n")
        );
        Ok(())
    }

    /// The agent's record.
    pub(crate) fn record(&self) -> Option<String> {
        record(self.agent.root())
    }

    /// What `firstlight status` tells a person.
    pub(crate) async fn told(&self) -> Result<String> {
        let finished = self.agent.run(&["status"], PATIENCE).await?;
        finished.expect_code(0)?;
        Ok(finished.stdout)
    }
}

pub(crate) fn record(root: &Path) -> Option<String> {
    std::fs::read_to_string(root.join("var/lib/firstlight/record.json")).ok()
}
