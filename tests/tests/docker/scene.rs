//! What a test stands on: names of its own, images, an instance in a group, and what came of its launch.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Finished, Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::image::Image;
use firstlight_tests::stage::{Hook, Instance, Outcome, Stage};
use serde_json::{Value, json};

/// How long a launch may take, whatever it is waiting for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) names: Names,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        names.images_of(&format!("{}/{}", ground.registry.host(), names.suffix()));
        Ok(Self {
            ground,
            engine,
            names,
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
        let host = self.ground.registry.host();
        format!("{host}/{}/{name}:{tag}", self.names.suffix())
    }

    /// The head of a spec: version, time, and the user of the registry at each host.
    pub(crate) fn head(&self, timeout: &str, hosts: &[&str]) -> String {
        let mut head = format!("firstlight: 1\ntimeout: {timeout}\nregistries:\n");
        let own = self.ground.registry.host();
        for host in hosts.iter().copied().chain([own.as_str()]) {
            let (user, password) = (&self.ground.login.user, &self.ground.login.password);
            let line = json!({"username": user, "password": password});
            writeln!(head, "  {host}: {line}").unwrap();
        }
        head
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
        let agent = Agent::on(&stage)?.timings(&timings(&json!({})));
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
