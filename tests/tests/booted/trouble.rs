//! Boots that don't go as they should.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::host::Host;
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::until;

use crate::scene::{Play, Scene, property};

const DOCKER: &str = "/etc/systemd/system/docker.service.d/20-trouble.conf";
/// How long a unit may take to be where it is going.
const SOON: Duration = Duration::from_secs(120);

/// Until a property of the agent's unit is this.
async fn until_is(host: &Host, name: &str, value: &str) -> Result<()> {
    until(SOON, &format!("the unit's {name} is {value}"), async || {
        (property(host, name).await.ok()? == value).then_some(())
    })
    .await
}

async fn with_docker(scene: &Scene, trouble: &str, timeout: &str) -> Result<Play> {
    let document = scene.document().replace("150s", timeout);
    let files = [(DOCKER, trouble.as_bytes())];
    scene
        .boots("bookworm", scene.stage(document.as_bytes()), &files)
        .await
}

#[tokio::test]
async fn an_engine_that_is_slow_to_start() -> Result<()> {
    let scene = Scene::set().await?;
    let play = with_docker(&scene, "[Service]\nExecStartPre=/bin/sleep 10\n", "150s").await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await
}

/// The agent starts all the same, for the group must be told.
#[tokio::test]
async fn an_engine_that_does_not_start() -> Result<()> {
    let scene = Scene::set().await?;
    let play = with_docker(
        &scene,
        "[Service]\nExecStart=\nExecStart=/bin/false\n",
        "40s",
    )
    .await?;
    play.is_told(Outcome::Abandon).await?;
    let console = play.host.console().await?;
    ensure!(console.contains("docker_unreachable"), "{console}");
    Ok(())
}

#[tokio::test]
async fn metadata_that_is_late() -> Result<()> {
    let scene = Scene::set().await?;
    // It goes on without user data, which cloud-init would wait for.
    let alone: [(&str, &[u8]); 1] = [("/etc/cloud/cloud-init.disabled", b"")];
    let host = scene.host("trixie", &alone).await?;
    host.boot().await?;
    until_is(&host, "ActiveState", "active").await?;
    let stage = scene.stage(scene.document().as_bytes()).open().await?;
    Play { host, stage }.is_told(Outcome::Continue).await
}

#[tokio::test]
async fn an_agent_that_is_killed_at_boot() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene
        .boots("bookworm", scene.stage(scene.document().as_bytes()), &[])
        .await?;
    let killed = until(SOON, "an agent is killed", async || {
        let process = property(&play.host, "MainPID").await.ok()?;
        let kill = ["kill", "-9", &process];
        let is_there = process != "0";
        (is_there && play.host.run(&kill).await.ok()?.code == Some(0)).then_some(())
    });
    killed.await?;
    until_is(&play.host, "NRestarts", "1").await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await
}

/// An image with the agent may boot anywhere. Boot does not wait, nothing fails, and the unit ends by itself.
#[tokio::test]
async fn a_machine_that_is_not_ec2s() -> Result<()> {
    let scene = Scene::set().await?;
    let alone: [(&str, &[u8]); 1] = [("/etc/cloud/cloud-init.disabled", b"")];
    let host = scene.host("bookworm", &alone).await?;
    host.boot().await?;
    ensure!(host.shell("systemctl is-system-running").await? == "running");
    until_is(&host, "ActiveState", "inactive").await?;
    ensure!(property(&host, "Result").await? == "success");
    let said = host.journal(&["_SYSTEMD_UNIT=firstlight.service"]).await?;
    ensure!(
        said.lines().count() == 1 && said.contains("nothing to do"),
        "{said}"
    );
    Ok(())
}
