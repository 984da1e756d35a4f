//! What happens to an instance that serves.

use anyhow::{Result, ensure};
use firstlight_tests::host::verify;
use firstlight_tests::parts::repository;
use firstlight_tests::stage::{Group, Lifecycle, Outcome};
use serde_json::Value;

use crate::scene::{DOWN, Play, Scene, property};

on_each_suite![
    an_upgrade_stops_no_container,
    a_poweroff_drains,
    a_terminate_hook_is_completed,
    cloud_inits_clean_takes_the_record_along,
    an_image_is_made_of_one_that_served,
];

/// Makes a newer package of what is installed, and installs that.
const UPGRADE: &str = "set -e
mkdir -p /root/newer/DEBIAN
cd /root/newer
dpkg --listfiles firstlight | sed 1d | cut -c2- | tar -C / --create --no-recursion --files-from - | tar --extract
for file in postinst prerm postrm conffiles; do cp /var/lib/dpkg/info/firstlight.$file DEBIAN/$file; done
dpkg --status firstlight | sed '/^Status:/d; /^Conffiles:/d; /^ \\/etc\\//d; s/^Version: .*/Version: 99.0/' >DEBIAN/control
dpkg-deb -Znone --build . /root/newer.deb
dpkg --install /root/newer.deb";

async fn serving(scene: &Scene, suite: &str) -> Result<Play> {
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots(suite, stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    Ok(play)
}

/// An upgrade in place is an agent's end and another's beginning; containers go on.
async fn an_upgrade_stops_no_container(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = serving(&scene, suite).await?;
    let container = play.container().await?;
    let process = property(&play.host, "MainPID").await?;
    play.host.shell(UPGRADE).await?;
    let version = "dpkg-query --show --showformat '${Version}' firstlight";
    ensure!(play.host.shell(version).await? == "99.0");
    play.until("the new agent serves", async || {
        let now = property(&play.host, "MainPID").await.ok()?;
        let status = play.status().await.ok()?;
        let rests = status["resumed"] == 1 && status["resting"] == true;
        (now != process && rests).then_some(())
    })
    .await?;
    ensure!(play.container().await? == container);
    // Nobody is told again.
    play.is_told(Outcome::Continue).await?;
    ensure!(property(&play.host, "NRestarts").await? == "0");
    play.is_sound().await
}

/// Switches it off, as its group's or a person's `shutdown` does; what its console shows of that.
async fn goes_down(play: &Play) -> Result<()> {
    // It may go down before it has answered.
    play.host.run(&["systemctl", "poweroff"]).await?;
    play.host.is_off().await?;
    let console = play.host.console().await?;
    let stopped = |unit: &str| console.rfind(&format!("Stopped \u{1b}[0;1;39m{unit}"));
    let (agent, engine) = (stopped("firstlight.service"), stopped("docker.service"));
    ensure!(agent.is_some() && agent < engine, "{console}");
    Ok(())
}

/// The machine goes down: services are stopped while there is an engine to stop them, and nobody is told anything.
async fn a_poweroff_drains(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = serving(&scene, suite).await?;
    // What the unit's file promises a drain; systemd shows its own limit for one that it can't read.
    ensure!(property(&play.host, "TimeoutStopUSec").await? == "20min");
    goes_down(&play).await?;
    let status = play.host.file("/var/lib/firstlight/status.json").await?;
    let status: Value = serde_json::from_slice(&status)?;
    ensure!(status["drained_at"].is_string(), "{status:#}");
    ensure!(
        status["verdict"]["kind"] == "continue" && status["transition"] == "launch",
        "{status:#}"
    );
    play.is_told(Outcome::Continue).await
}

/// The group takes the instance back, and waits for it; then EC2 switches it off.
async fn a_terminate_hook_is_completed(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = serving(&scene, suite).await?;
    play.stage.group(Group::terminate)?;
    play.until("the group is told that services are drained", async || {
        (play.stage.counted().last()? == &(DOWN.to_owned(), Outcome::Continue)).then_some(())
    })
    .await?;
    ensure!(play.container().await?.ends_with(" exited"));
    ensure!(play.stage.lifecycle() != Some(Lifecycle::TerminatingWait));
    play.is_sound().await?;
    goes_down(&play).await?;
    ensure!(
        play.stage.counted().len() == 2,
        "{}",
        play.stage.transcript()
    );
    Ok(())
}

/// What Packer's last step makes of an instance: the next one of its image begins as if nothing had been.
async fn cloud_inits_clean_takes_the_record_along(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = serving(&scene, suite).await?;
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

/// What is left of the workload goes by the engine's own means: `ami/clean` is for what was never asked for.
const EMPTY_ENGINE: &str =
    "systemctl stop firstlight; docker rm --force --volumes web; docker image prune --all --force";
/// As on a builder, where all that runs goes on writing to the journal until it is switched off.
const WRITES: &str = "logger 'after it was cleaned' && journalctl --sync";

/// What a builder is at its end: a machine that has booted, runs, and must leave nothing of its own in the image.
async fn an_image_is_made_of_one_that_served(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = serving(&scene, suite).await?;
    play.host.shell(EMPTY_ENGINE).await?;
    let journal = "ls -A /var/log/journal";
    ensure!(!play.host.shell(journal).await?.is_empty());
    let clean = std::fs::read(repository().join("ami/clean"))?;
    play.host.put("/root/clean", &clean).await?;
    play.host.shell("bash /root/clean 2>&1").await?;
    play.host.shell(WRITES).await?;
    let left = play.host.shell(journal).await?;
    ensure!(left.is_empty(), "{left}");
    let spoiled = verify(play.host.name(), &[])?;
    ensure!(spoiled.is_empty(), "{spoiled:?}");
    Ok(())
}
