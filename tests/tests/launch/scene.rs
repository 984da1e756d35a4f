//! What a test stands on: names of its own, images, an instance, and what came of its launch.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use bollard::exec::StartExecOptions;
use bollard::models::ExecConfig;
use firstlight_tests::harness::{Agent, Finished, Ground, Names, STAGES};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::image::Image;
use firstlight_tests::stage::{Builder, Entry, Hook, Instance, Outcome, Stage};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a launch may take, whatever it is waiting for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The launch hook of an instance that a test says nothing else of.
pub(crate) const HOOK: &str = "up";

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
        let scene = Self {
            ground,
            engine,
            names,
        };
        scene.names.images_of(&scene.folder());
        Ok(scene)
    }

    /// Where this test's images are: registry and folder.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}", self.ground.registry.host(), self.names.suffix())
    }

    /// Pushes an image as `name:tag` and gives its reference and its digest.
    pub(crate) async fn push(
        &self,
        name: &str,
        tag: &str,
        image: &Image,
    ) -> Result<(String, String)> {
        let repository = format!("{}/{name}", self.names.suffix());
        let digest = self.ground.registry.push(&repository, tag, image).await?;
        Ok((format!("{}/{name}:{tag}", self.folder()), digest))
    }

    /// The line of a spec that opens the registry.
    pub(crate) fn registries(&self) -> String {
        let (user, password) = (&self.ground.login.user, &self.ground.login.password);
        let login = json!({"username": user, "password": password});
        format!(
            "registries: {{\"{}\": {login}}}\n",
            self.ground.registry.host()
        )
    }

    /// Bakes that line into an image, for user data that lacks it.
    pub(crate) fn bake_registries(&self, play: &Play) -> Result<()> {
        let text = format!("firstlight: 1\n{}", self.registries());
        play.agent.drop_in("10-registries.yaml", &text)
    }

    /// The head of a spec: its version, its time, and the registry.
    pub(crate) fn head(&self) -> String {
        format!("firstlight: 1\ntimeout: 80s\n{}", self.registries())
    }

    /// An instance of its own in group `web`, whose launch hook is [`HOOK`], with this user data.
    pub(crate) async fn play(&self, user_data: impl Into<Vec<u8>>) -> Result<Play> {
        let member = Stage::builder().group("web", [Hook::launching(HOOK)]);
        self.play_on(member.user_data(user_data)).await
    }

    /// An instance of its own on a stage that is set up so far.
    pub(crate) async fn play_on(&self, stage: Builder) -> Result<Play> {
        self.play_as(stage, Instance::unique()).await
    }

    pub(crate) async fn play_as(&self, stage: Builder, instance: Instance) -> Result<Play> {
        let opened = SystemTime::now().into();
        let stage = stage.instance(instance).moto(self.ground.moto.url());
        let stage = stage.open().await?;
        let agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        Ok(Play {
            stage,
            agent,
            opened,
        })
    }

    /// `docker inspect` of a container by its name's stem.
    pub(crate) async fn inspect(&self, stem: &str) -> Result<Value> {
        let name = self.names.unique(stem);
        let found = self.engine.inspect(&name).await?;
        found.with_context(|| format!("there is no container {name}"))
    }

    /// Starts one more process in a container, and leaves it running.
    pub(crate) async fn exec(&self, stem: &str, variable: &str, words: &[&str]) -> Result<()> {
        let owned = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        let config = ExecConfig {
            env: owned(&[variable]),
            cmd: owned(words),
            ..ExecConfig::default()
        };
        let client = self.engine.client();
        let exec = client.create_exec(&self.names.unique(stem), config).await?;
        let detached = StartExecOptions {
            detach: true,
            ..StartExecOptions::default()
        };
        client.start_exec(&exec.id, Some(detached)).await?;
        Ok(())
    }

    /// What the sample service in a container was given, by its own account.
    pub(crate) async fn inside(&self, stem: &str, port: u16) -> Result<Value> {
        let inspected = self.inspect(stem).await?;
        let address = inspected["NetworkSettings"]["Networks"]["firstlight"]["IPAddress"].as_str();
        let address = address.with_context(|| format!("{stem} has no address"))?;
        asked(&format!("http://{address}:{port}/inspect")).await
    }
}

/// The JSON at a URL.
pub(crate) async fn asked(url: &str) -> Result<Value> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(url).timeout(PATIENCE).send().await?;
    let text = answer.error_for_status()?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("{url} answered {text}"))
}

/// A time as Docker and the status file write it.
pub(crate) fn time(value: &Value) -> Result<OffsetDateTime> {
    let text = value
        .as_str()
        .with_context(|| format!("{value} is no time"))?;
    OffsetDateTime::parse(text, &Rfc3339).with_context(|| format!("{text} is no time"))
}

/// A port that no outgoing connection takes, and nobody listens on.
pub(crate) fn host_port() -> Result<u16> {
    let mut tried = std::iter::repeat_with(|| fastrand::u16(10_000..30_000)).take(100);
    let free = |port: &u16| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok();
    tried.find(free).context("no free port")
}

/// Timings for a launch whose parts are a loopback away, with these beside.
fn timings(more: &Value) -> Value {
    let mut timings = json!({
        "backoff_base": 50, "backoff_cap": 400, "settle": 300, "delivery_reserve": 1000, "reconcile_poll": 100,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        timings[name] = value.clone();
    }
    timings
}

/// A launch that is about to happen, or has.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) agent: Agent,
    /// Just before the stage opened.
    opened: OffsetDateTime,
}

impl Play {
    pub(crate) async fn launch(&self) -> Result<Finished> {
        self.agent.run(&["launch"], PATIENCE).await
    }

    /// With other timings beside those of every test.
    pub(crate) fn timings(mut self, more: &Value) -> Self {
        self.agent = self.agent.timings(&timings(more));
        self
    }

    /// Launches, and holds it to end with one CONTINUE for [`HOOK`].
    pub(crate) async fn succeeds(&self) -> Result<Finished> {
        self.succeeds_for(HOOK).await
    }

    /// Launches, and holds it to end well: exit code 0, one CONTINUE for this hook as the last call of all, and a status
    /// that tells every stage with its time.
    pub(crate) async fn succeeds_for(&self, hook: &str) -> Result<Finished> {
        let finished = self.launch().await?;
        self.succeeded(&finished, hook).await?;
        Ok(finished)
    }

    /// The same for a launch that is over.
    pub(crate) async fn succeeded(&self, finished: &Finished, hook: &str) -> Result<()> {
        finished.expect_code(0)?;
        let verdicts = self.stage.verdicts();
        ensure!(
            self.stage.counted() == [(hook.to_owned(), Outcome::Continue)] && verdicts.len() == 1,
            "wanted one CONTINUE for {hook}, got {verdicts:?}\n{}",
            self.stage.transcript()
        );
        let calls = self.stage.calls();
        let last = calls.iter().rfind(|call| call.call.operation != HEARTBEAT);
        ensure!(
            last.is_some_and(|call| ["CompleteLifecycleAction", "SignalResource"]
                .contains(&call.call.operation.as_str())),
            "the verdict is not the last call:\n{}",
            self.stage.transcript()
        );
        self.stage.assert_faults_fired()?;
        told_well(&self.agent.status().await?)
    }

    /// Holds these calls to stand in the log in this order, whatever is between them. Each is `service operation`, and
    /// maybe one more word that the call names.
    pub(crate) fn expect_order(&self, wanted: &[&str]) -> Result<()> {
        let calls = self.stage.calls();
        let mut left = calls.iter();
        for line in wanted {
            let mut words = line.split(' ');
            let (service, operation) = (words.next().unwrap(), words.next().unwrap());
            let naming = words.next();
            let is = |call: &&Entry| {
                call.is(service, operation) && naming.is_none_or(|what| call.call.names(what))
            };
            ensure!(
                left.any(|call| is(&call)),
                "{line:?} is missing, or not after what precedes it in {wanted:?}:\n{}",
                self.stage.transcript()
            );
        }
        Ok(())
    }

    /// When the group heard the verdict, or a little before: never after.
    pub(crate) fn completed(&self) -> Result<OffsetDateTime> {
        let calls = self
            .stage
            .calls_of("autoscaling", "CompleteLifecycleAction");
        let call = calls.first().context("no verdict was sent")?;
        Ok(self.opened + call.at)
    }
}

const HEARTBEAT: &str = "RecordLifecycleActionHeartbeat";

/// Holds a status to tell of a launch that went well, stage by stage.
pub(crate) fn told_well(status: &Value) -> Result<()> {
    let stages = status["stages"].as_array().context("no stages")?;
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].clone()).collect();
    ensure!(names == STAGES, "{status:#}");
    let mut before = time(&status["started_at"])?;
    for stage in stages {
        let began = time(&stage["started_at"])?;
        ensure!(
            stage["outcome"] == "done" && stage["milliseconds"].is_u64() && began >= before,
            "{stage:#} in {status:#}"
        );
        before = began;
    }
    let verdict = &status["verdict"];
    ensure!(
        verdict["kind"] == "continue"
            && verdict["milliseconds"].as_u64() > Some(0)
            && status["exit_code"] == 0
            && status["error"].is_null(),
        "{status:#}"
    );
    Ok(())
}
