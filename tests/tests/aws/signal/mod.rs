//! Telling the group: whom, when, how often, and what a person reads when nobody could be told.

mod delivery;
mod stack;
mod whom;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{
    AwsError, Builder, Fault, Group, Hook, Instance, Lifecycle, Opens, Outcome, Stage,
};
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, stillborn, table, tagged};

const COMPLETE: (&str, &str) = ("autoscaling", "CompleteLifecycleAction");
const INSTANCES: (&str, &str) = ("autoscaling", "DescribeAutoScalingInstances");
const HOOKS: (&str, &str) = ("autoscaling", "DescribeLifecycleHooks");
const BEAT: (&str, &str) = ("autoscaling", "RecordLifecycleActionHeartbeat");

/// A test's image, and specs that come up from it.
struct Ready {
    scene: Scene,
    image: String,
}

impl Ready {
    async fn set() -> Result<Self> {
        let scene = Scene::set().await?;
        let image = scene.image().await?;
        Ok(Self { scene, image })
    }

    /// A spec that comes up; `signal` is its `signal:`, a flow map, or nothing.
    fn spec(&self, signal: &str) -> String {
        let top = if signal.is_empty() {
            String::new()
        } else {
            format!("signal: {signal}\n")
        };
        let stem = format!("web{}", fastrand::u32(..));
        self.scene.healthy(&self.image, &stem, "", &top)
    }

    fn stage(&self, signal: &str) -> Builder {
        self.scene.stage(self.spec(signal))
    }
}

fn called(play: &Play, (service, operation): (&str, &str)) -> usize {
    play.stage.calls_of(service, operation).len()
}

/// What the status says came of telling each.
async fn delivered(play: &Play) -> Result<Vec<(String, String)>> {
    let status = play.agent.status().await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = status["delivery"].as_array().context("no delivery")?;
    Ok(told
        .iter()
        .map(|one| (text(&one["target"]), text(&one["outcome"])))
        .collect())
}

fn up(outcome: &str) -> Vec<(String, String)> {
    vec![("web/up".to_owned(), outcome.to_owned())]
}
