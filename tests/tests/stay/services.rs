//! Services that die after the verdict.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::stage::{Hook, Lifecycle, Stage};
use firstlight_tests::wait::wait_until;
use nix::sys::signal::Signal;

use crate::scene::{Scene, UP};

#[tokio::test]
async fn one_that_keeps_dying_is_told_as_the_spec_wants() -> Result<()> {
    for (top, told) in [("", 0), ("when_service_dies: unhealthy\n", 1)] {
        let scene = Scene::set().await?;
        let dies = "environment: {PRINT: goodbye, EXIT_AFTER_MS: 1000, EXIT_CODE: 7}";
        let spec = scene.spec(top, &[("web", dies)]);
        let stage = Stage::builder().group("web", [Hook::launching(UP)]);
        let life = scene.stays(stage.user_data(spec), vec![]).await?;
        life.comes_to(Lifecycle::InService).await?;
        life.says("for the 1. time: it exited with code 7; its last lines:")
            .await?;
        life.says("keeps dying: 5 exits within 10 min").await?;
        let health = || life.stage().health();
        wait_until(PATIENCE, "the group knows", || health().len() >= told).await?;
        let right = health()
            .iter()
            .all(|health| health.status == "Unhealthy" && health.respects_grace == Some(false));
        ensure!(health().len() == told && right, "{:?}", health());
        life.continued(&[UP])?;
        life.leaves().await?;
    }
    Ok(())
}

/// The agent is upgraded: services stay, and the next one keeps them, without the secrets of what they print.
#[tokio::test]
async fn another_agent_keeps_what_one_started() -> Result<()> {
    let scene = Scene::set().await?;
    let spec = scene.spec(
        "",
        &[("web", "environment: {PRINT: \"the password is hunter2\"}")],
    );
    let stage = Stage::builder().group("web", [Hook::launching(UP)]);
    let mut life = scene.stays(stage.user_data(spec), vec![]).await?;
    life.comes_to(Lifecycle::InService).await?;
    life.running.signal(Signal::SIGTERM)?;
    let next = life.play.agent.start(&["run"])?;
    let before = std::mem::replace(&mut life.running, next);
    before.finish(PATIENCE).await?;
    ensure!(scene.runs("web").await, "{}", life.story());
    scene.dies_and_is_back("web").await?;
    life.says("for the 1. time: it exited with code 137\n")
        .await?;
    ensure!(
        !life.running.output().contains("hunter2"),
        "{}",
        life.story()
    );
    life.continued(&[UP])?;
    life.leaves().await
}
