//! The state folder's disk is full, or takes no writes: a verdict that is not on disk is never CONTINUE, and one that is
//! stays.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Running};
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::wait_until;
use nix::mount::{MsFlags, mount};
use serde_json::json;

use crate::hold::Hold;
use crate::scene::{PATIENCE, Play, QUICK, Scene, timings};

/// A small disk below the state folder. It goes with the agent's root folder.
struct Disk(PathBuf);

impl Disk {
    fn below(agent: &Agent) -> Result<Self> {
        let folder = agent.root().join("var/lib/firstlight");
        fs::create_dir_all(&folder)?;
        let disk = Self(folder);
        disk.mount(MsFlags::empty())?;
        Ok(disk)
    }

    fn mount(&self, flags: MsFlags) -> Result<()> {
        let options = Some("size=256k,mode=0700");
        mount(Some("tmpfs"), &self.0, Some("tmpfs"), flags, options)
            .context("mounting a small disk")
    }

    /// Takes all the room there is; `whole`: and what the agent keeps back.
    fn fill(&self, whole: bool) -> Result<()> {
        if whole {
            fs::remove_file(self.0.join("reserve")).context("no reserve was kept")?;
        }
        let mut file = File::create(self.0.join(format!("filler-{whole}")))?;
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn free(&self) -> Result<()> {
        for whole in [false, true] {
            let file = self.0.join(format!("filler-{whole}"));
            if file.exists() {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

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
    disk.fill(false)?;
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
    disk.fill(false)?;
    disk.fill(true)?;
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

#[tokio::test]
async fn full_from_the_start() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let disk = Disk::below(&play.agent)?;
    disk.fill(false)?;
    let finished = play.launch().await?;
    finished.expect_code(69)?;
    finished.expect_said("cannot write the record")?;
    play.counted(Outcome::Abandon)?;
    scene.made(&scene.web, 0).await?;
    scene.made(&scene.job, 0).await
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
    disk.fill(false)?;
    disk.fill(true)?;
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

/// Nothing can be remembered, so nothing is begun and nobody is told; with a disk that can be written the launch goes on.
#[tokio::test]
async fn read_only() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let disk = Disk::below(&play.agent)?;
    disk.mount(MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY)?;
    let finished = play.launch().await?;
    finished.expect_code(69)?;
    let folder = disk.0.display().to_string();
    for said in [
        "cannot open the record's folder",
        &folder,
        "Read-only file system",
        "must be on a writable disk",
    ] {
        finished.expect_said(said)?;
    }
    ensure!(play.stage.calls().is_empty(), "{}", play.stage.transcript());
    scene.made(&scene.web, 0).await?;
    disk.mount(MsFlags::MS_REMOUNT)?;
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)
}
