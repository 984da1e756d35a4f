//! What a test stands on: names of its own, images, an instance in a group, and what came of its launch.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Finished, Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::PrivateEngine;
use firstlight_tests::stage::{Hook, Instance, Outcome, Stage};
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};

/// How long a launch may take, whatever it is waiting for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How an engine of a test's own knows the registry of all.
pub(crate) const REGISTRY: &str = "registry.test";

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) names: Names,
    /// How the engine knows the registry.
    host: String,
    /// Where the engine is, if it isn't the machine's.
    docker_host: Option<String>,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        let host = ground.registry.host();
        names.images_of(&format!("{host}/{}", names.suffix()));
        Ok(Self {
            ground,
            engine,
            names,
            host,
            docker_host: None,
        })
    }

    /// The same on an engine of its own, where the registry goes by another name.
    pub(crate) async fn apart(engine: &PrivateEngine, host: &str) -> Result<Self> {
        let address = engine.address();
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::at(&address))?;
        Ok(Self {
            ground,
            engine,
            names: Names::new().on(&address),
            host: host.to_owned(),
            docker_host: Some(address),
        })
    }

    /// Pushes an image and gives its reference.
    pub(crate) async fn push(&self, name: &str, image: &Image) -> Result<String> {
        self.push_tag(name, "1", image).await?;
        Ok(self.reference(name, "1"))
    }

    /// Pushes an image and gives its digest.
    pub(crate) async fn push_tag(&self, name: &str, tag: &str, image: &Image) -> Result<String> {
        let repository = format!("{}/{name}", self.names.suffix());
        self.ground.registry.push(&repository, tag, image).await
    }

    pub(crate) fn reference(&self, name: &str, tag: &str) -> String {
        self.reference_at(&self.host, name, tag)
    }

    /// The same image, from a proxy.
    pub(crate) fn reference_at(&self, host: &str, name: &str, tag: &str) -> String {
        format!("{host}/{}/{name}:{tag}", self.names.suffix())
    }

    /// The head of a spec: version, time, and the user of the registry at each host.
    pub(crate) fn head(&self, timeout: &str, hosts: &[&str]) -> String {
        let mut head = format!("firstlight: 1\ntimeout: {timeout}\nregistries:\n");
        for host in hosts.iter().copied().chain([self.host.as_str()]) {
            writeln!(head, "  \"{host}\": {}", self.login()).unwrap();
        }
        head
    }

    /// What lets into the registry.
    pub(crate) fn login(&self) -> Value {
        let (user, password) = (&self.ground.login.user, &self.ground.login.password);
        json!({"username": user, "password": password})
    }

    /// A spec of these services, by stem, each with the registry's credentials.
    pub(crate) fn spec(&self, timeout: &str, services: &[(&str, Value)]) -> String {
        self.spec_with_tasks(timeout, services, &[])
    }

    /// The same with tasks.
    pub(crate) fn spec_with_tasks(
        &self,
        timeout: &str,
        services: &[(&str, Value)],
        tasks: &[(&str, Value)],
    ) -> String {
        let named = |containers: &[(&str, Value)]| {
            let each = containers.iter().map(|(stem, container)| {
                let mut container = container.clone();
                // The sample service has no handler for SIGTERM.
                container["stop_grace_period"] = json!("1s");
                (self.names.unique(stem), container)
            });
            Value::Object(each.collect())
        };
        let mut spec = self.head(timeout, &[]);
        writeln!(spec, "services: {}", named(services)).unwrap();
        if !tasks.is_empty() {
            writeln!(spec, "tasks: {}", named(tasks)).unwrap();
        }
        spec
    }

    /// An instance of its own in group `web`, whose launch hook is `up`, with this user data.
    pub(crate) async fn play(&self, spec: &str) -> Result<Play> {
        let stage = Stage::builder()
            .instance(Instance::unique())
            .group("web", [Hook::launching("up")])
            .moto(self.ground.moto.url())
            .user_data(spec)
            .open()
            .await?;
        let mut agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        if let Some(address) = &self.docker_host {
            agent = agent.env("DOCKER_HOST", address);
        }
        Ok(Play { stage, agent })
    }

    pub(crate) async fn inspect(&self, stem: &str) -> Result<Value> {
        let name = self.names.unique(stem);
        let found = self.engine.inspect(&name).await?;
        found.with_context(|| format!("there is no container {name}"))
    }

    /// Holds these containers to be there and to be stopped.
    pub(crate) async fn expect_stopped(&self, stems: &[&str]) -> Result<()> {
        for stem in stems {
            let running = self.inspect(stem).await?["State"]["Running"].clone();
            ensure!(running == json!(false), "{stem}: running is {running}");
        }
        Ok(())
    }

    /// Holds these containers never to have been made.
    pub(crate) async fn expect_absent(&self, stems: &[&str]) -> Result<()> {
        for stem in stems {
            let found = self.engine.inspect(&self.names.unique(stem)).await?;
            ensure!(found.is_none(), "{stem} was made");
        }
        Ok(())
    }
}

/// Timings for a launch whose parts are a loopback away, with these beside.
pub(crate) fn timings(more: &Value) -> Value {
    let mut timings = json!({
        "backoff_base": 50, "backoff_cap": 400, "settle": 500, "delivery_reserve": 1000, "delivery_least": 10_000,
        "reconcile_poll": 100,
    });
    let given = more.as_object().into_iter().flatten();
    for (name, value) in given {
        timings[name] = value.clone();
    }
    timings
}

/// A launch that is about to happen, or has.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) agent: Agent,
}

/// How a launch must have failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    pub(crate) code: i32,
    pub(crate) stage: &'a str,
    pub(crate) reason: &'a str,
    /// Each is in the error.
    pub(crate) says: &'a [&'a str],
}

impl Play {
    /// With other timings beside those of every test.
    pub(crate) fn timings(mut self, more: &Value) -> Self {
        self.agent = self.agent.timings(&timings(more));
        self
    }

    pub(crate) async fn launch(&self) -> Result<Finished> {
        self.agent.run(&["launch"], PATIENCE).await
    }

    /// Launches, and holds it to fail like this: by its code, its status, what a person reads, and one ABANDON.
    pub(crate) async fn fails(&self, want: Failure<'_>) -> Result<Finished> {
        let finished = self.launch().await?;
        self.failed(&finished, want).await?;
        Ok(finished)
    }

    pub(crate) async fn failed(&self, finished: &Finished, want: Failure<'_>) -> Result<()> {
        finished.expect_code(want.code)?;
        let status = self.agent.status().await?;
        let error = &status["error"];
        let got = (&error["stage"], &error["reason"]);
        ensure!(
            got == (&json!(want.stage), &json!(want.reason)),
            "wanted {want:?}, got {error:#}\n{finished:#?}"
        );
        let message = error["message"].as_str().context("no message")?;
        for said in want.says {
            ensure!(message.contains(said), "{said:?} is not in {message:?}");
        }
        let read: Vec<&str> = message
            .lines()
            .filter(|line| !finished.stderr.contains(line))
            .collect();
        ensure!(
            read.is_empty(),
            "{read:?} was not printed:\n{}",
            finished.stderr
        );
        ensure!(
            status["exit_code"] == json!(want.code)
                && status["verdict"]["reason"] == json!(want.reason),
            "{status:#}"
        );
        self.signalled(Outcome::Abandon)?;
        self.stage.assert_faults_fired()
    }

    /// Launches, and holds it to end with CONTINUE.
    pub(crate) async fn succeeds(&self) -> Result<Finished> {
        let finished = self.launch().await?;
        finished.expect_code(0)?;
        self.signalled(Outcome::Continue)?;
        self.stage.assert_faults_fired()?;
        Ok(finished)
    }

    /// Launches through trouble that `off` ends once the agent has told of it, and holds it to end with CONTINUE.
    ///
    /// Not after a number of times: how much of it the engine makes up for by itself is the engine's affair.
    pub(crate) async fn outlives(&self, told: &str, off: impl FnOnce()) -> Result<()> {
        let running = self.agent.start(&["launch"])?;
        let waited = wait_until(PATIENCE, told, || running.output().contains(told)).await;
        waited.with_context(|| running.output())?;
        off();
        running.finish(PATIENCE).await?.expect_code(0)?;
        self.signalled(Outcome::Continue)
    }

    /// Holds the group to have got this one signal.
    pub(crate) fn signalled(&self, outcome: Outcome) -> Result<()> {
        let verdicts = self.stage.verdicts();
        ensure!(
            self.stage.counted() == [("up".to_owned(), outcome)] && verdicts.len() == 1,
            "wanted {outcome:?} for up once, got {verdicts:?}\n{}",
            self.stage.transcript()
        );
        Ok(())
    }
}
