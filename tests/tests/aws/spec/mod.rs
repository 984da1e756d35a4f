//! Specs that cannot be read, are wrong, or lie where they may not: told to the group all the same, because group, hook
//! and heartbeats come first.

mod includes;
mod sources;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{AwsError, Fault, Order};
use serde_json::{Value, json};

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, gzip, table};

const GOOD: &str = "firstlight: 1\nservices: {web: {image: \"127.0.0.1:9/web:1\"}}\n";

fn wrong<'a>(reason: &'a str, says: &'a [&'a str]) -> Failure<'a> {
    Failure {
        code: 78,
        stage: "configure",
        reason,
        says,
        heard: Heard::Abandon,
    }
}

/// Whom to tell was known before anybody was told.
fn asked_first(play: &Play) -> Result<()> {
    let hooks = play.first("autoscaling", "DescribeLifecycleHooks");
    let told = play.first("autoscaling", "CompleteLifecycleAction");
    ensure!(
        hooks.is_some() && hooks < told,
        "{}",
        play.stage.transcript()
    );
    Ok(())
}
