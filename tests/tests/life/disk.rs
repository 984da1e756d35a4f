//! The state folder's disk fills up during a launch: a verdict that is not on disk is never CONTINUE, and one that is
//! stays.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Disk, Running};
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::wait_until;
use serde_json::json;

use crate::hold::Hold;
use crate::scene::{PATIENCE, Play, QUICK, Scene, timings};

/// A launch on a small disk, held up where its service is not healthy yet.
async fn probed(scene: &Scene) -> Result<(Play, Disk, Running)> {
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let disk = Disk::below(&play.agent)?;
    scene.gate.close();
    let running = play.agent.start(&["launch"])?;
    let reached = || Hold::Health.reached(scene, &play);
    wait_until(PATIENCE, "it is probed", reached)
        .await
        .with_context(|| running.output())?;
    Ok((play, disk, running))
}

/// The room that is kept back is enough for the verdict.
#[tokio::test]
async fn full_before_the_verdict() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, disk, running) = probed(&scene).await?;
    disk.fill()?;
    scene.gate.open();
    running.finish(PATIENCE).await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    let record = play.record().context("no record")?;
    ensure!(
        record.contains("\"delivered\""),
        "the delivery is not on record: {record}"
    );
    play.again_changes_nothing(0).await
}

/// Not even that room is left: CONTINUE could be followed by another verdict after a crash, so it is not sent.
#[tokio::test]
async fn too_full_for_the_verdict() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, disk, running) = probed(&scene).await?;
    disk.fill_whole()?;
    scene.gate.open();
    let finished = running.finish(PATIENCE).await?;
    finished.expect_code(69)?;
    for said in [
        "cannot write the record",
        "No space left on device",
        "state_unusable",
    ] {
        finished.expect_said(said)?;
    }
    play.counted(Outcome::Abandon)?;
    ensure!(
        !scene.is_running(&scene.web).await?,
        "it runs after an ABANDON"
    );
    // The group has its verdict. Whatever a later start makes of it, no other counts.
    disk.free()?;
    play.launch().await?;
    play.counted(Outcome::Abandon)
}

/// The verdict is on disk, and only the note that it was delivered is lost: the next start finds out.
#[tokio::test]
async fn full_after_the_verdict() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    // The answer that never comes is not waited for long.
    let mut quick = timings();
    quick["aws_attempt"] = json!(500);
    play.agent = play.agent.timings(&quick);
    let disk = Disk::below(&play.agent)?;
    Hold::Delivery.set(&scene, &play);
    let running = play.agent.start(&["launch"])?;
    let reached = || Hold::Delivery.reached(&scene, &play);
    wait_until(PATIENCE, "it is being delivered", reached)
        .await
        .with_context(|| running.output())?;
    disk.fill_whole()?;
    Hold::Delivery.release(&scene, &play)?;
    let finished = running.finish(PATIENCE).await?;
    finished.expect_code(0)?;
    finished.expect_said("cannot write the record")?;
    play.counted(Outcome::Continue)?;
    ensure!(scene.is_running(&scene.web).await?, "it was stopped");

    disk.free()?;
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    play.again_changes_nothing(0).await?;
    scene.made(&scene.web, 1).await
}
