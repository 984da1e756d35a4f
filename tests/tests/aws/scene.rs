//! What a test stands on: names of its own at moto and in Docker, launches in a group, and what must come of each.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Finished, Ground, Names};
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Hook, Instance, Order, Outcome, Stage};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

/// How long a launch may take, whatever it is waiting for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Cases of a table that run at once. Most of their time they wait.
const AT_ONCE: usize = 6;

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) names: Names,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let ground = Ground::shared().await?;
        let names = Names::new();
        names.images_of(&format!("{}/{}", ground.registry.host(), names.suffix()));
        Ok(Self { ground, names })
    }

    /// The name of one of this test's parameters, secrets or objects.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.names.suffix())
    }

    pub(crate) async fn parameter(&self, name: &str, value: &str, kind: &str) -> Result<()> {
        let name = format!("/{}", self.own(name));
        self.ground.moto.put_parameter(&name, value, kind).await
    }

    pub(crate) async fn secret(&self, name: &str, value: &str) -> Result<()> {
        self.ground.moto.put_secret(&self.own(name), value).await
    }

    /// The sample service's image, in the registry.
    pub(crate) async fn image(&self) -> Result<String> {
        let repository = format!("{}/web", self.names.suffix());
        let registry = &self.ground.registry;
        registry.push(&repository, "1", &webapp::image()?).await?;
        Ok(format!("{}/{repository}:1", registry.host()))
    }

    /// A spec that comes up: one service of a name of its own, from `image`. `keys` are more of the service's, a flow
    /// map's inside; `top` are lines of the top level.
    pub(crate) fn healthy(&self, image: &str, stem: &str, keys: &str, top: &str) -> String {
        let (name, host) = (self.names.unique(stem), self.ground.registry.host());
        let login =
            json!({"username": self.ground.login.user, "password": self.ground.login.password});
        format!(
            "firstlight: 1\ntimeout: 50s\nregistries: {{\"{host}\": {login}}}\n{top}services:\n  {name}: {{image: \"{image}\", \
             command: [worker], network_mode: none, pull_policy: missing, {keys}}}\n"
        )
    }

    /// An instance of its own in group `web`, whose launch hook is `up`, with this user data.
    pub(crate) fn stage(&self, user_data: impl Into<Vec<u8>>) -> Builder {
        Stage::builder()
            .instance(Instance::unique())
            .group("web", [Hook::launching("up")])
            .moto(self.ground.moto.url())
            .user_data(user_data)
    }
}

/// An instance of which metadata shows the tag that names group `web`.
pub(crate) fn tagged() -> Instance {
    let tag = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    Instance {
        tags: Some([tag].into()),
        ..Instance::unique()
    }
}

/// A spec that fails at the latest where its image is pulled. `keys` are lines of its service.
pub(crate) fn stillborn(timeout: &str, keys: &str) -> String {
    let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "firstlight: 1\ntimeout: {timeout}\nservices:\n  web:\n    image: 127.0.0.1:9/web:1\n    pull_policy: never\n{keys}"
    )
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Timings for a launch whose parts are a loopback away, with these beside.
fn timings(more: &Value) -> Value {
    let mut timings = json!({
        "imds_attempt": 1000, "aws_attempt": 1500, "backoff_base": 20, "backoff_cap": 200, "settle": 200,
        "delivery_reserve": 1000, "delivery_least": 10_000, "reconcile_poll": 100, "reconcile_patience": 500,
        "group_patience": 1000,
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
}

/// What the group heard through the hook `up`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Continue,
    Abandon,
    Nothing,
}

/// How a launch must fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    pub(crate) code: i32,
    pub(crate) stage: &'a str,
    pub(crate) reason: &'a str,
    /// Each is in the error.
    pub(crate) says: &'a [&'a str],
    pub(crate) heard: Heard,
}

impl Play {
    pub(crate) async fn open(
        builder: Builder,
        orders: impl IntoIterator<Item = Order>,
    ) -> Result<Self> {
        let stage = builder.open().await?;
        for order in orders {
            stage.order(order);
        }
        let agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        Ok(Self { stage, agent })
    }

    /// With other timings beside those of every test.
    pub(crate) fn timings(mut self, more: &Value) -> Self {
        self.agent = self.agent.timings(&timings(more));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.agent = self.agent.env(name, value);
        self
    }

    pub(crate) async fn launch(&self) -> Result<Finished> {
        self.agent
            .run(&["launch"], PATIENCE)
            .await
            .with_context(|| self.stage.transcript())
    }

    /// Launches, and holds it to fail like this.
    pub(crate) async fn fails(&self, want: Failure<'_>) -> Result<Finished> {
        let finished = self.launch().await?;
        self.failed(&finished, want)
            .await
            .with_context(|| self.story(&finished))?;
        Ok(finished)
    }

    async fn failed(&self, finished: &Finished, want: Failure<'_>) -> Result<()> {
        finished.expect_code(want.code)?;
        let status = self.agent.status().await?;
        let error = &status["error"];
        let got = (&error["stage"], &error["reason"]);
        let wanted = (&json!(want.stage), &json!(want.reason));
        ensure!(got == wanted, "wanted {wanted:?}, got {error:#}");
        let message = error["message"].as_str().context("no message")?;
        for said in want.says {
            ensure!(message.contains(said), "{said:?} is not in {message:?}");
        }
        for line in message.lines() {
            ensure!(finished.stderr.contains(line), "{line:?} was not printed");
        }
        let ended = (&status["exit_code"], &status["verdict"]["reason"]);
        let wanted = (&json!(want.code), &json!(want.reason));
        ensure!(ended == wanted, "wanted {wanted:?}, got {ended:?}");
        self.heard(want.heard)?;
        self.stage.assert_faults_fired()
    }

    /// Launches, and holds it to end with exit code 0 and this signal.
    pub(crate) async fn succeeds(&self, heard: Heard) -> Result<Finished> {
        self.ends(0, heard).await
    }

    /// Launches, and holds it to end with this exit code and signal, all faults having happened.
    pub(crate) async fn ends(&self, code: i32, heard: Heard) -> Result<Finished> {
        let finished = self.launch().await?;
        finished
            .expect_code(code)
            .and_then(|()| self.heard(heard))
            .and_then(|()| self.stage.assert_faults_fired())
            .with_context(|| self.story(&finished))?;
        Ok(finished)
    }

    /// Holds what counted at the group, by whoever's hand.
    fn heard(&self, want: Heard) -> Result<()> {
        let up = |outcome| vec![("up".to_owned(), outcome)];
        let wanted = match want {
            Heard::Continue => up(Outcome::Continue),
            Heard::Abandon => up(Outcome::Abandon),
            Heard::Nothing => Vec::new(),
        };
        let counted = self.stage.counted();
        ensure!(counted == wanted, "wanted {want:?}, got {counted:?}");
        Ok(())
    }

    /// What happened, for who has to find out why it should not have.
    pub(crate) fn story(&self, finished: &Finished) -> String {
        format!(
            "exit {:?}\n-- stderr\n{}-- calls\n{}",
            finished.code,
            finished.stderr,
            self.stage.transcript()
        )
    }

    /// Where in the log the first call of an operation stands.
    pub(crate) fn first(&self, service: &str, operation: &str) -> Option<usize> {
        let calls = self.stage.calls();
        calls.iter().position(|call| call.is(service, operation))
    }
}

/// Holds a named case to what it should be, telling which one was not.
pub(crate) async fn table<N: std::fmt::Display, T>(
    cases: impl IntoIterator<Item = (N, T)>,
    run: impl AsyncFn(T) -> Result<()>,
) -> Result<()> {
    let run = &run;
    let failed: Vec<String> = stream::iter(cases)
        .map(async |(name, case)| {
            let error = run(case).await.err()?;
            Some(format!("== {name}\n{error:#}"))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
