//! What happens to an instance that serves.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::stage::{Group, Outcome};
use firstlight_tests::wait::until;
use serde_json::Value;

use crate::scene::{DOWN, Scene, property};

/// How long a new agent may take to say that it has taken over.
const AGAIN: Duration = Duration::from_secs(60);

/// An upgrade in place is an agent's end and another's beginning; containers go on.
#[tokio::test]
async fn an_upgrade_stops_no_container() -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots("trixie", stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    let (container, process) = (
        play.container().await?,
        property(&play.host, "MainPID").await?,
    );
    // What dpkg does when it unpacks another version over this one.
    play.host.shell("DPKG_MAINTSCRIPT_PACKAGE=firstlight /var/lib/dpkg/info/firstlight.postinst configure 0.0.1").await?;
    let taken_over = until(AGAIN, "the new agent serves", async || {
        let now = property(&play.host, "MainPID").await.ok()?;
        let status = play.host.shell("firstlight status --json").await.ok()?;
        let rests = status.contains("\"resumed\": 1") && status.contains("\"resting\": true");
        (now != process && rests).then_some(())
    });
    if let Err(error) = taken_over.await {
        return Err(error.context(play.story().await));
    }
    ensure!(play.container().await? == container);
    ensure!(
        play.stage.counted().len() == 1,
        "{}",
        play.stage.transcript()
    );
    ensure!(property(&play.host, "ActiveState").await? == "active");
    Ok(())
}

/// The machine goes down: services are stopped while there is an engine to stop them, and nobody is told anything.
#[tokio::test]
async fn a_poweroff_drains() -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots("bookworm", stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    play.host.run(&["systemctl", "poweroff"]).await?;
    play.host.is_off().await?;
    let status = play.host.file("/var/lib/firstlight/status.json").await?;
    let status: Value = serde_json::from_slice(&status)?;
    ensure!(status["drained_at"].is_string(), "{status:#}");
    let console = play.host.console().await?;
    let stopped = |unit: &str| console.rfind(&format!("Stopped \u{1b}[0;1;39m{unit}"));
    let (agent, engine) = (stopped("firstlight.service"), stopped("docker.service"));
    ensure!(agent.is_some() && agent < engine, "{console}");
    ensure!(
        play.stage.counted().len() == 1,
        "{}",
        play.stage.transcript()
    );
    Ok(())
}

/// The group takes the instance back, and waits for it.
#[tokio::test]
async fn a_terminate_hook_is_completed() -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots("trixie", stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.stage.group(Group::terminate)?;
    let told = until(
        AGAIN,
        "the group is told that services are drained",
        async || {
            (play.stage.counted().last()? == &(DOWN.to_owned(), Outcome::Continue)).then_some(())
        },
    );
    if let Err(error) = told.await {
        return Err(error.context(play.story().await));
    }
    ensure!(play.container().await?.ends_with(" exited"));
    Ok(())
}

/// What Packer's last step makes of an instance: the next one of its image begins as if nothing had been.
#[tokio::test]
async fn cloud_inits_clean_takes_the_record_along() -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots("bookworm", stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    play.host
        .shell("test -e /var/lib/firstlight/record.json && cloud-init clean --logs")
        .await?;
    let left = "ls -A /var/lib/firstlight /run/firstlight | grep -v :$ || true";
    ensure!(play.host.shell(left).await?.is_empty());
    ensure!(property(&play.host, "ActiveState").await? == "inactive");
    ensure!(play.container().await?.ends_with(" running"));
    // It empties the folder of handlers, too; what every boot does puts ours back.
    let handler = "/var/lib/cloud/handlers/firstlight.py";
    let boot =
        format!("test ! -e {handler} && systemd-tmpfiles --create --boot && test -e {handler}");
    play.host.shell(&boot).await?;
    Ok(())
}

/// While an image is built there is a machine, and no launch: images are pulled, those too that a launch never pulls.
#[tokio::test]
async fn images_are_prefetched() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.boots("trixie", scene.stage(b""), &[]).await?;
    play.is_sound().await?;
    let spec = scene.document() + "    pull_policy: never\n";
    play.host.put("/root/web.yaml", spec.as_bytes()).await?;
    let said = play
        .host
        .shell("firstlight prefetch /root/web.yaml")
        .await?;
    let reference = format!("{}/web:1 ", scene.registry.host());
    ensure!(
        said.starts_with(&reference) && said.contains("@sha256:"),
        "{said}"
    );
    let (image, pinned) = said.split_once(' ').unwrap_or_default();
    play.host
        .shell(&format!("docker image inspect {image} {pinned}"))
        .await?;
    ensure!(play.host.shell("docker ps --all --quiet").await?.is_empty());
    let left = "ls -A /var/lib/firstlight/record.json 2>/dev/null || true";
    ensure!(play.host.shell(left).await?.is_empty());
    Ok(())
}
