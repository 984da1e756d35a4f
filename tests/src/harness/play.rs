//! One launch on a stage, and what must come of it: exit code, status, what a person reads, what the group heard.
//!
//! A scenario puts together what is special to it (parts, images, a spec) and plays it with this.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{Agent, Finished};
use crate::stage::{Builder, Order, Outcome, Stage};
use crate::wait::wait_until;

/// How long a launch may take, whatever it is waiting for.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The launch hook of a group that a scenario says nothing else of.
pub const HOOK: &str = "up";
/// Cases of a table that run at once. Most of their time they wait.
const AT_ONCE: usize = 6;

/// A launch that is about to happen, or has.
#[derive(Debug)]
pub struct Play {
    /// Where it happens.
    pub stage: Stage,
    /// Whose it is.
    pub agent: Agent,
}

/// What the group heard through [`HOOK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// CONTINUE
    Continue,
    /// ABANDON
    Abandon,
    /// No signal that counted.
    Nothing,
}

/// How a launch must fail.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The exit code.
    pub code: i32,
    /// The stage, by its stable name.
    pub stage: &'a str,
    /// The reason, by its stable name.
    pub reason: &'a str,
    /// Each is in the error.
    pub says: &'a [&'a str],
    /// What the group heard of it.
    pub heard: Heard,
}

impl<'a> Failure<'a> {
    /// One that the group hears of.
    #[must_use]
    pub const fn new(
        code: i32,
        stage: &'a str,
        reason: &'a str,
        says: &'a [&'a str],
    ) -> Failure<'a> {
        Failure {
            code,
            stage,
            reason,
            says,
            heard: Heard::Abandon,
        }
    }
}

/// Timings for a launch whose parts are a loopback away, with these beside.
#[must_use]
pub fn timings(more: &Value) -> Value {
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

impl Play {
    /// An agent on a stage that is set up so far, with these faults ordered.
    ///
    /// # Errors
    /// If the stage can't be opened, or the agent has not been built.
    pub async fn open(builder: Builder, orders: impl IntoIterator<Item = Order>) -> Result<Self> {
        let stage = builder.open().await?;
        for order in orders {
            stage.order(order);
        }
        let agent = Agent::on(&stage)?.timings(&timings(&json!({})));
        Ok(Self { stage, agent })
    }

    /// With other timings beside those of every test.
    #[must_use]
    pub fn timings(mut self, more: &Value) -> Self {
        self.agent = self.agent.timings(&timings(more));
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.agent = self.agent.env(name, value);
        self
    }

    /// Launches, and waits for the end, whatever it is.
    ///
    /// # Errors
    /// If there is none in time.
    pub async fn launch(&self) -> Result<Finished> {
        let launched = self.agent.run(&["launch"], PATIENCE).await;
        launched.with_context(|| self.stage.transcript())
    }

    /// Launches, and holds it to fail like this.
    ///
    /// # Errors
    /// With what happened instead.
    pub async fn fails(&self, want: Failure<'_>) -> Result<Finished> {
        let finished = self.launch().await?;
        self.failed(&finished, want).await?;
        Ok(finished)
    }

    /// The same for a launch that is over.
    ///
    /// # Errors
    /// With what happened instead.
    pub async fn failed(&self, finished: &Finished, want: Failure<'_>) -> Result<()> {
        let told = self.told(finished, want).await;
        told.with_context(|| self.story(finished))
    }

    async fn told(&self, finished: &Finished, want: Failure<'_>) -> Result<()> {
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
    ///
    /// # Errors
    /// With what happened instead.
    pub async fn succeeds(&self, heard: Heard) -> Result<Finished> {
        self.ends(0, heard).await
    }

    /// Launches, and holds it to end with this exit code and signal, all faults having happened.
    ///
    /// # Errors
    /// With what happened instead.
    pub async fn ends(&self, code: i32, heard: Heard) -> Result<Finished> {
        let finished = self.launch().await?;
        let ended = finished.expect_code(code);
        ended
            .and_then(|()| self.heard(heard))
            .and_then(|()| self.stage.assert_faults_fired())
            .with_context(|| self.story(&finished))?;
        Ok(finished)
    }

    /// Launches through trouble that `off` ends once the agent has told of it, and holds it to end with CONTINUE.
    ///
    /// Not after a number of times: how much of it the engine makes up for by itself is the engine's affair.
    ///
    /// # Errors
    /// With what happened instead.
    pub async fn outlives(&self, told: &str, off: impl FnOnce()) -> Result<()> {
        let running = self.agent.start(&["launch"])?;
        let waited = wait_until(PATIENCE, told, || running.output().contains(told)).await;
        waited.with_context(|| running.output())?;
        off();
        let finished = running.finish(PATIENCE).await?;
        let ended = finished.expect_code(0);
        ended
            .and_then(|()| self.heard(Heard::Continue))
            .with_context(|| self.story(&finished))
    }

    /// Holds what counted at the group, by whoever's hand.
    ///
    /// # Errors
    /// With what did.
    pub fn heard(&self, want: Heard) -> Result<()> {
        let hook = |outcome| vec![(HOOK.to_owned(), outcome)];
        let wanted = match want {
            Heard::Continue => hook(Outcome::Continue),
            Heard::Abandon => hook(Outcome::Abandon),
            Heard::Nothing => Vec::new(),
        };
        let counted = self.stage.counted();
        ensure!(counted == wanted, "wanted {want:?}, got {counted:?}");
        Ok(())
    }

    /// Where in the log the first call of an operation stands.
    #[must_use]
    pub fn first(&self, service: &str, operation: &str) -> Option<usize> {
        let calls = self.stage.calls();
        calls.iter().position(|call| call.is(service, operation))
    }

    /// What happened, for who has to find out why it should not have.
    #[must_use]
    pub fn story(&self, finished: &Finished) -> String {
        format!(
            "exit {:?}\n-- stderr\n{}-- calls\n{}",
            finished.code,
            finished.stderr,
            self.stage.transcript()
        )
    }
}

/// Holds each named case to what it should be, some at once, telling which ones were not.
///
/// # Errors
/// Names those cases, each with its error.
pub async fn table<N: fmt::Display, T>(
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
