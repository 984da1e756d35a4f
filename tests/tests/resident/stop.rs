//! SIGTERM: the agent alone goes and leaves everything as it is; with the machine it drains first.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Boot};
use firstlight_tests::stage::{Edge, Fault, Group, Hook, Opens, Stage};
use tempfile::TempDir;

use crate::drain::{NEVER_HEALTHY, probed};
use crate::play::{ENDED, LAUNCHED};
use crate::scene::{Scene, UP};

/// A stand-in for systemd's own answer to what the machine is at.
struct Systemd(TempDir);

impl Systemd {
    fn that_says(state: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("firstlight-systemd-")?;
        let program = folder.path().join("systemctl");
        fs::write(
            &program,
            format!("#!/bin/sh\n[ \"$*\" = is-system-running ] && echo {state}\n"),
        )?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(Self(folder))
    }

    fn of(&self, agent: &Agent) -> Result<Agent> {
        let search = std::env::var("PATH").context("no PATH")?;
        let search = format!("{}:{search}", self.0.path().display());
        Ok(agent.clone().env("PATH", &search))
    }
}

/// Stopped, upgraded, or killed: services stay, and the next process goes on from there.
#[tokio::test]
async fn the_agent_alone() -> Result<()> {
    for state in ["running", "degraded", "starting"] {
        let scene = Scene::set().await?;
        let mut play = scene.play(&scene.plain()).await?;
        let systemd = Systemd::that_says(state)?;
        play.agent = systemd.of(&play.agent)?;
        let resident = play.serving().await?;
        let before = scene.inspect(&scene.web).await?;
        resident.stops(0).await?;
        ensure!(
            scene.inspect(&scene.web).await? == before,
            "{state}: it was touched"
        );
        let status = play.agent.status().await?;
        ensure!(
            status["exit_code"] == 0 && status["resting"] == false,
            "{status:#}"
        );
        let calls = play.stage.calls().len();
        let mut resident = play.start()?;
        resident.rests(1).await?;
        play.looks(&mut resident).await?;
        play.asks_once(&mut resident, calls).await?;
        scene.untouched().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_agent_alone_during_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    play.stage.order(Fault::Hang.on("ssm", "GetParameters"));
    let mut resident = play.start()?;
    let asked = || !play.stage.calls_of("ssm", "GetParameters").is_empty();
    resident.until("it resolves", asked).await?;
    resident.stops(75).await?;
    play.counted(&[(Edge::Launch, &[])])?;
    play.stage.call_off();
    play.serving().await?;
    scene.untouched().await
}

/// What depends on others stops before these, nobody is told, and the next boot serves again.
#[tokio::test]
async fn with_the_machine() -> Result<()> {
    let scene = Scene::set().await?;
    let db = scene.names.unique("db");
    let spec = scene.spec("", &format!("depends_on: [{db}]"))
        + &scene.service(&db, "command: [worker]\ninit: true");
    let mut play = scene.play(&spec).await?;
    let systemd = Systemd::that_says("stopping")?;
    play.agent = systemd.of(&play.agent)?;
    play.serving().await?.stops(0).await?;
    for name in [&scene.web, &db] {
        ensure!(!scene.is_running(name).await?, "{name} runs");
    }
    let (web, db) = (scene.ended(&scene.web).await?, scene.ended(&db).await?);
    ensure!(web <= db, "{web} after {db}");
    play.counted(&[LAUNCHED])?;

    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[LAUNCHED])?;
    scene.given("hello").await?;
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 1).await
}

/// SIGTERM is no verdict, here as elsewhere: what runs is stopped, and the launch goes on in the next boot.
#[tokio::test]
async fn with_the_machine_during_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.spec("", NEVER_HEALTHY)).await?;
    let systemd = Systemd::that_says("stopping")?;
    play.agent = systemd.of(&play.agent)?;
    probed(&scene, &play).await?.stops(75).await?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    play.counted(&[(Edge::Launch, &[])])?;

    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    probed(&scene, &play).await?;
    play.counted(&[(Edge::Launch, &[])])?;
    scene.made(&scene.job, 1).await
}

/// Decided, and the group takes no verdict yet: drained with the machine, it is told in the next boot, when it is true again.
#[tokio::test]
async fn with_the_machine_between_verdict_and_delivery() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = Stage::builder().group("web", [Hook::launching(UP)]);
    let builder = builder.opens(Opens::AfterCompletions(u32::MAX));
    let mut play = scene.play_on(builder.user_data(scene.plain())).await?;
    let systemd = Systemd::that_says("stopping")?;
    play.agent = systemd.of(&play.agent)?;
    let mut resident = play.start()?;
    resident
        .until("it signals", || play.completions() > 0)
        .await?;
    resident.stops(76).await?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");

    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let told = play.completions();
    let mut resident = play.start()?;
    resident
        .until("it is told again", || play.completions() > told)
        .await?;
    scene
        .serves()
        .await
        .context("told before it was true again")?;
    ensure!(
        play.stage.counted().is_empty(),
        "{:?}",
        play.stage.verdicts()
    );
    Ok(())
}

/// The group ends the instance, and the machine goes down before the balancer is done: there is no more time, and the hook is
/// told as soon as it listens.
#[tokio::test]
async fn with_the_machine_on_the_way_out() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    let systemd = Systemd::that_says("stopping")?;
    play.agent = systemd.of(&play.agent)?;
    let mut resident = play.serving().await?;
    // The group does not say how far it is.
    play.stage
        .order(Fault::Hang.on("autoscaling", "DescribeAutoScalingInstances"));
    play.stage.group(Group::terminate)?;
    resident.says("serving on until").await?;
    play.stage.call_off();
    resident.stops(0).await?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    play.counted(&[LAUNCHED, ENDED])
}
