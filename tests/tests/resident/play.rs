//! One instance on its stage and the agent on it: what the group was told, and what was asked.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use firstlight_tests::harness::play;
use firstlight_tests::harness::{Agent, Resident};
use firstlight_tests::stage::{Edge, Entry, Outcome, Stage};
use serde_json::{Value, json};

use crate::scene::{DOWN, TARGET, UP};

/// An edge, and what counted on it: each hook with its verdict.
pub(crate) type Told = (Edge, &'static [(&'static str, Outcome)]);

/// Into service.
pub(crate) const LAUNCHED: Told = (Edge::Launch, &[(UP, Outcome::Continue)]);
/// Into service, and given up.
pub(crate) const GIVEN_UP: Told = (Edge::Launch, &[(UP, Outcome::Abandon)]);
/// Into the warm pool.
pub(crate) const ENTERED: Told = (Edge::WarmEnter, &[(UP, Outcome::Continue)]);
/// Out of it into service.
pub(crate) const LEFT: Told = (Edge::WarmLeave, &[(UP, Outcome::Continue)]);
/// Back into it.
pub(crate) const RETURNED: Told = (Edge::WarmReturn, &[(DOWN, Outcome::Continue)]);
/// To its end.
pub(crate) const ENDED: Told = (Edge::Terminate, &[(DOWN, Outcome::Continue)]);

/// Timings of an agent whose parts are a loopback away, with these beside.
pub(crate) fn timings(more: &Value) -> Value {
    let mut timings = play::timings(&json!({
        "watch_poll": 100, "heartbeat_least": 300, "restart_cap": 100, "reconcile_patience": 20_000,
    }));
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
        self.counted(&[LAUNCHED])?;
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

    /// The files below the agent's tmpfs.
    pub(crate) fn secret_files(&self) -> Result<Vec<PathBuf>> {
        let (mut files, mut folders) = (Vec::new(), vec![self.agent.root().join("run")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        Ok(files)
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

    /// Waits until the agent has asked its group where it stands, as every start does once; and holds it to have asked nothing
    /// else since there were so many calls.
    pub(crate) async fn asks_once(&self, resident: &mut Resident, number: usize) -> Result<()> {
        let asked = || self.since(number).iter().any(Entry::succeeded);
        resident.until("it asks the group", asked).await?;
        let calls = self.since(number);
        let asks = |call: &Entry| call.is("autoscaling", "DescribeAutoScalingInstances");
        let calls: Vec<String> = match calls.as_slice() {
            [only] if asks(only) => return Ok(()),
            other => other.iter().map(ToString::to_string).collect(),
        };
        bail!("it asked more than that:\n{}", calls.join("\n"))
    }

    /// Holds there to have been none.
    pub(crate) fn silent_since(&self, number: usize) -> Result<()> {
        let calls: Vec<String> = self.since(number).iter().map(ToString::to_string).collect();
        ensure!(calls.is_empty(), "there were calls:\n{}", calls.join("\n"));
        Ok(())
    }
}
