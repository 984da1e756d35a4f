//! What a test stands on: a service with a secret, a task before it, and an instance whose group the test commands.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{self, PATIENCE};
use firstlight_tests::harness::{Agent, Ground, Names, Resident};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::events::Events;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Edge, Entry, Hook, Instance, Outcome, Stage};
use serde_json::{Value, json};

/// The launch hook.
pub(crate) const UP: &str = "up";
/// The termination hook.
pub(crate) const DOWN: &str = "down";
/// The metadata path of the target state.
pub(crate) const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";

/// One test's names and parts.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    /// The service.
    pub(crate) web: String,
    /// The task.
    pub(crate) job: String,
    pub(crate) names: Names,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        names.images_of(&format!("{}/{}", ground.registry.host(), names.suffix()));
        let scene = Self {
            events: Events::of(&engine, names.suffix())?,
            web: names.unique("web"),
            job: names.unique("job"),
            ground,
            engine,
            names,
        };
        scene.push().await?;
        let password = &scene.ground.login.password;
        let (moto, version) = (&scene.ground.moto, scene.named("version"));
        moto.put_parameter(&version, "1", "String").await?;
        for (name, value) in [("word", "hello"), ("registry", password)] {
            scene.secret(name, value).await?;
        }
        Ok(scene)
    }

    /// Pushes a new image under the tag that every spec names, and gives its digest.
    pub(crate) async fn push(&self) -> Result<String> {
        let image = webapp::image()?.ballast(64 << 10);
        let repository = format!("{}/web", self.names.suffix());
        self.ground.registry.push(&repository, "1", &image).await
    }

    /// What runs when the image is this one.
    pub(crate) fn pinned(&self, digest: &str) -> String {
        let host = self.ground.registry.host();
        format!("{host}/{}/web@{digest}", self.names.suffix())
    }

    /// The name of a parameter of this test's own: `version`, `word`, `registry`.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("/{}/{name}", self.names.suffix())
    }

    /// Sets one that is a secret: `word`, `registry`.
    pub(crate) async fn secret(&self, name: &str, value: &str) -> Result<()> {
        let (moto, name) = (&self.ground.moto, self.named(name));
        moto.put_parameter(&name, value, "SecureString").await
    }

    /// A spec: the task and the service after it, with `top` at its top level. A line of `web` replaces the service's own for
    /// that key. More services may follow.
    pub(crate) fn spec(&self, top: &str, web: &str) -> String {
        let (host, user) = (self.ground.registry.host(), &self.ground.login.user);
        let login = json!({"username": user, "password": self.reference("registry")});
        let (image, word) = (self.image(), self.reference("word"));
        let files = format!("files: {{/run/word: {{content: \"{word}\"}}}}");
        let environment = format!("environment: {{WORD: \"{word}\", INSPECT_FILES: /run/word}}");
        let own = [
            "command: [serve]",
            "init: true",
            "stop_grace_period: 2s",
            "health: {http: {port: 3000, path: /healthcheck/}, interval: 50ms, healthy_threshold: 1}",
            &files,
            &environment,
        ];
        let key = |line: &str| line.split(':').next().map(str::to_owned);
        let kept = own
            .iter()
            .filter(|own| web.lines().all(|line| key(line) != key(own)));
        let lines: Vec<&str> = kept.copied().chain(web.lines()).collect();
        format!(
            "firstlight: 1\ntimeout: {}s\nregistries: {{\"{host}\": {login}}}\n{top}\ntasks:\n  {}: {{image: {image}, \
             command: [task, done]}}\nservices:\n{}",
            ample().as_secs(),
            self.job,
            self.service(&self.web, &lines.join("\n"))
        )
    }

    /// One more service, with these lines.
    pub(crate) fn service(&self, name: &str, lines: &str) -> String {
        let head = format!("  {name}:\n    image: {}\n", self.image());
        lines
            .lines()
            .fold(head, |text, line| text + "    " + line + "\n")
    }

    /// The image that every spec names.
    fn image(&self) -> String {
        let (host, version) = (self.ground.registry.host(), self.reference("version"));
        format!("\"{host}/{}/web:{version}\"", self.names.suffix())
    }

    fn reference(&self, name: &str) -> String {
        format!("{{{{ssm:{}}}}}", self.named(name))
    }

    /// The plainest one.
    pub(crate) fn plain(&self) -> String {
        self.spec("", "")
    }

    /// An instance of its own in a group with both hooks, with this user data.
    pub(crate) async fn play(&self, spec: &str) -> Result<Play> {
        let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
        self.play_on(Stage::builder().group("web", hooks).user_data(spec))
            .await
    }

    /// An instance of its own on a stage that is set up so far.
    pub(crate) async fn play_on(&self, builder: Builder) -> Result<Play> {
        self.play_as(Instance::unique(), builder).await
    }

    pub(crate) async fn play_as(&self, instance: Instance, builder: Builder) -> Result<Play> {
        let stage = builder.instance(instance).moto(self.ground.moto.url());
        let stage = stage.open().await?;
        let agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        Ok(Play { stage, agent })
    }

    pub(crate) async fn inspect(&self, name: &str) -> Result<Value> {
        let found = self.engine.inspect(name).await?;
        found.with_context(|| format!("there is no container {name}"))
    }

    pub(crate) async fn is_running(&self, name: &str) -> Result<bool> {
        Ok(self.inspect(name).await?["State"]["Running"] == json!(true))
    }

    /// When a container ended, by the engine's clock: later times sort later.
    pub(crate) async fn ended(&self, name: &str) -> Result<String> {
        let ended = self.inspect(name).await?["State"]["FinishedAt"].take();
        Ok(ended.as_str().context("it never ended")?.to_owned())
    }

    /// Holds the service to answer from outside, and gives what it was given, by its own account.
    pub(crate) async fn serves(&self) -> Result<Value> {
        let web = self.inspect(&self.web).await?;
        let address = web["NetworkSettings"]["Networks"]["firstlight"]["IPAddress"].as_str();
        let address = address.filter(|address| !address.is_empty());
        let address = address.with_context(|| format!("{} does not run", self.web))?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{address}:3000/inspect");
        let answer = client.get(&url).timeout(PATIENCE).send().await?;
        Ok(serde_json::from_str(
            &answer.error_for_status()?.text().await?,
        )?)
    }

    /// Holds the service to run with this secret, in its environment and in its file.
    pub(crate) async fn given(&self, word: &str) -> Result<()> {
        let inside = self.serves().await?;
        let has = [
            &inside["environment"]["WORD"],
            &inside["files"]["/run/word"]["content"],
        ];
        ensure!(
            has.iter().all(|has| **has == word),
            "it has {has:?}, wanted {word:?}"
        );
        Ok(())
    }

    /// Holds containers to have been made and started this often, no more.
    pub(crate) async fn made(&self, name: &str, times: usize) -> Result<()> {
        let counts = [("create", times), ("start", times)];
        self.events.expect(&self.engine, name, &counts).await
    }

    /// Holds the service to have been made once and the task to have run once, and never since.
    pub(crate) async fn untouched(&self) -> Result<()> {
        self.made(&self.web, 1).await?;
        self.made(&self.job, 1).await?;
        self.serves().await?;
        Ok(())
    }
}

/// A launch's time that is not over in another boot, which is as old as this machine's is.
fn ample() -> Duration {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split('.').next().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default()) + Duration::from_secs(3600)
}

/// Timings of an agent whose parts are a loopback away, with these beside.
pub(crate) fn timings(more: &Value) -> Value {
    let mut timings = play::timings(&json!({"watch_poll": 100, "heartbeat_least": 300}));
    for (name, value) in more.as_object().into_iter().flatten() {
        timings[name] = value.clone();
    }
    timings
}

/// An instance on its stage, and the agent on it.
pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) agent: Agent,
}

impl Play {
    /// With other timings beside those of every test.
    pub(crate) fn timings(mut self, more: &Value) -> Self {
        self.agent = self.agent.timings(&timings(more));
        self
    }

    /// Starts the agent, and does not wait.
    pub(crate) fn start(&self) -> Result<Resident> {
        Resident::start(&self.agent)
    }

    /// Starts the agent and waits until it serves and rests, in its first transition, with CONTINUE.
    pub(crate) async fn serving(&self) -> Result<Resident> {
        let mut resident = self.start()?;
        let rested = resident.rests(1).await;
        rested.with_context(|| self.stage.transcript())?;
        self.counted(&[(Edge::Launch, &[(UP, Outcome::Continue)])])?;
        Ok(resident)
    }

    /// Holds the edges that the group took the instance along to be these, each with the verdicts that counted on it; and
    /// no verdict to have been refused, or timed out.
    pub(crate) fn counted(&self, wanted: &[(Edge, &[(&str, Outcome)])]) -> Result<()> {
        let passages = self.stage.passages();
        let found: Vec<(Edge, Vec<(&str, Outcome)>)> = passages
            .iter()
            .map(|passage| {
                let verdicts = passage.verdicts.iter();
                let told = verdicts.map(|verdict| (verdict.hook.as_str(), verdict.outcome));
                (passage.edge, told.collect())
            })
            .collect();
        let wanted: Vec<(Edge, Vec<(&str, Outcome)>)> = wanted
            .iter()
            .map(|(edge, told)| (*edge, told.to_vec()))
            .collect();
        let told: usize = wanted.iter().map(|(_, told)| told.len()).sum();
        ensure!(
            found == wanted && self.completions() == told,
            "wanted {wanted:?} and nothing else told, got {found:?} of {:?}\n{}",
            self.stage.verdicts(),
            self.stage.transcript()
        );
        Ok(())
    }

    /// How often the group was told a verdict, or tried to be.
    pub(crate) fn completions(&self) -> usize {
        let told = self
            .stage
            .calls_of("autoscaling", "CompleteLifecycleAction");
        told.len()
    }

    /// Waits until the agent has looked at metadata once more from the beginning of a look to its end.
    pub(crate) async fn looks(&self, resident: &mut Resident) -> Result<()> {
        let before = self.looked();
        resident
            .until("it looks once more", || self.looked() >= before + 2)
            .await
    }

    fn looked(&self) -> usize {
        let calls = self.stage.calls();
        calls.iter().filter(|call| call.call.names(TARGET)).count()
    }

    /// The calls since there were so many, but for metadata.
    pub(crate) fn since(&self, number: usize) -> Vec<Entry> {
        let calls = self.stage.calls().split_off(number);
        calls
            .into_iter()
            .filter(|call| call.call.service != "imds")
            .collect()
    }

    /// Holds there to have been none.
    pub(crate) fn silent_since(&self, number: usize) -> Result<()> {
        let calls: Vec<String> = self.since(number).iter().map(ToString::to_string).collect();
        ensure!(calls.is_empty(), "there were calls:\n{}", calls.join("\n"));
        Ok(())
    }
}
