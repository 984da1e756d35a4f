//! What a test stands on: a service with a secret, a task before it, and an instance whose group the test commands.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::harness::{Agent, Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::events::Events;
use firstlight_tests::parts::private_engine::PrivateEngine;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Hook, Instance, Stage};
use firstlight_tests::wait::{until, wait_until};
use serde_json::{Value, json};

use crate::play::{Play, timings};

/// The launch hook.
pub(crate) const UP: &str = "up";
/// The termination hook.
pub(crate) const DOWN: &str = "down";
/// What EC2 leaves of an instance's time, more than a test takes.
pub(crate) const MINUTES: Duration = Duration::from_secs(120);
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
    /// How the engine knows the registry.
    host: String,
    /// Where the engine is, if it isn't the machine's.
    docker_host: Option<String>,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let host = ground.registry.host();
        let scene = Self::with(ground, engine, Names::new(), host).await?;
        let images = format!("{}/{}", scene.host, scene.names.suffix());
        scene.names.images_of(&images);
        Ok(scene)
    }

    /// The same on an engine of its own, where the registry goes by this name.
    pub(crate) async fn apart(engine: &PrivateEngine, host: &str) -> Result<Self> {
        let address = engine.address();
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::at(&address))?;
        let names = Names::new().on(&address);
        let mut scene = Self::with(ground, engine, names, host.to_owned()).await?;
        scene.docker_host = Some(address);
        Ok(scene)
    }

    async fn with(ground: Arc<Ground>, engine: Engine, names: Names, host: String) -> Result<Self> {
        let scene = Self {
            events: Events::of(&engine, names.suffix())?,
            web: names.unique("web"),
            job: names.unique("job"),
            ground,
            engine,
            names,
            host,
            docker_host: None,
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
        format!("{}/{}/web@{digest}", self.host, self.names.suffix())
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
        let (host, user) = (&self.host, &self.ground.login.user);
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
        let (host, version) = (&self.host, self.reference("version"));
        format!("\"{host}/{}/web:{version}\"", self.names.suffix())
    }

    /// A reference to a parameter of this test's own.
    pub(crate) fn reference(&self, name: &str) -> String {
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
        let mut agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        if let Some(address) = &self.docker_host {
            agent = agent.env("DOCKER_HOST", address);
        }
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
        let answer = self.ask("inspect").await?.error_for_status()?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// The same of one that was started a moment ago.
    pub(crate) async fn comes_to_serve(&self) -> Result<Value> {
        until(PATIENCE, "it serves", async || self.serves().await.ok()).await
    }

    /// Has the service end by itself, and well.
    pub(crate) async fn ends_itself(&self) -> Result<()> {
        let before = self.events.count(&self.web, "die");
        // It ends without an answer.
        let cut_off = self.ask("stop").await.is_err();
        ensure!(cut_off, "it goes on");
        let died = || self.events.count(&self.web, "die") > before;
        wait_until(PATIENCE, "it has ended", died).await
    }

    async fn ask(&self, path: &str) -> Result<reqwest::Response> {
        let web = self.inspect(&self.web).await?;
        let address = web["NetworkSettings"]["Networks"]["firstlight"]["IPAddress"].as_str();
        let address = address.filter(|address| !address.is_empty());
        let address = address.with_context(|| format!("{} does not run", self.web))?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{address}:3000/{path}");
        Ok(client.get(&url).timeout(PATIENCE).send().await?)
    }

    /// Holds the service to run with this secret, in its environment and in its file.
    pub(crate) async fn given(&self, word: &str) -> Result<()> {
        let inside = self.comes_to_serve().await?;
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
