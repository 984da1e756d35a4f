//! Boots that don't go as they should.

use anyhow::{Result, ensure};
use firstlight_tests::harness::journal::expect;
use firstlight_tests::host::Host;
use firstlight_tests::stage::Outcome;

use crate::scene::{OWN, Play, Scene, UNIT, property, until_is};

on_each_suite![
    an_engine_that_is_slow_to_start,
    an_engine_that_does_not_start,
    metadata_that_is_late,
    metadata_that_comes_after_the_boot,
    an_agent_that_is_killed_at_boot,
    a_machine_of_amazons,
    a_machine_of_amazons_whose_metadata_is_late,
    a_machine_that_is_anothers,
];

const DOCKER: &str = "/etc/systemd/system/docker.service.d/20-trouble.conf";
/// cloud-init's network stage, by its names before and since 24.3.
const CLOUD_INIT: [&str; 2] = ["cloud-init.service", "cloud-init-network.service"];
/// A machine without it: on one without metadata it would wait, and fail.
const ALONE: (&str, &[u8]) = ("/etc/cloud/cloud-init.disabled", b"");
/// Firmware that says whose machine it is, where the agent looks for that.
const FIRMWARE: &str = "[Service]\nProtectControlGroups=no\nProtectKernelTunables=no\nBindReadOnlyPaths=/srv/sys:/sys\n";
const VENDOR: &str = "/srv/sys/class/dmi/id/sys_vendor";
const AMAZONS: (&str, &[u8]) = (VENDOR, b"Amazon EC2\n");
/// CPU time that an agent may take where it has nothing to do, in clock ticks: a fifth of a second.
const CHEAP: u64 = 20;

async fn with_docker(scene: &Scene, suite: &str, trouble: &str, timeout: &str) -> Result<Play> {
    let document = scene.document().replace("150s", timeout);
    let files = [(DOCKER, trouble.as_bytes())];
    let stage = scene.stage(document.as_bytes());
    scene.boots(suite, stage, &files).await
}

async fn an_engine_that_is_slow_to_start(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let slow = "[Service]\nExecStartPre=/bin/sleep 10\n";
    let play = with_docker(&scene, suite, slow, "150s").await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await
}

/// The agent starts all the same, for the group must be told.
async fn an_engine_that_does_not_start(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let fails = "[Service]\nExecStart=\nExecStart=/bin/false\n";
    let play = with_docker(&scene, suite, fails, "20s").await?;
    play.is_told(Outcome::Abandon).await?;
    let console = play.host.console().await?;
    ensure!(console.contains("docker_unreachable"), "{console}");
    let why = [("REASON", "docker_unreachable")];
    expect(&play.entries().await?, "stage_failed", &why)
}

/// By so little that cloud-init, which the agent waits for, waits for it as well.
async fn metadata_that_is_late(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let host = scene.host(suite, &[]).await?;
    host.switch_on().await?;
    let stage = scene.stage(scene.document().as_bytes());
    until_one_is(&host, &CLOUD_INIT, "activating").await?;
    let stage = stage.open().await?;
    let play = Play { host, stage };
    play.is_told(Outcome::Continue).await?;
    ensure!(property(&play.host, "NRestarts").await? == "0");
    play.entries().await.map(drop)
}

/// Until one of these units is in this state.
async fn until_one_is(host: &Host, units: &[&str], state: &str) -> Result<()> {
    let asked = [&["systemctl", "is-active"], units].concat();
    let what = format!("one of {units:?} is {state}");
    firstlight_tests::wait::until(crate::scene::SOON, &what, async || {
        let said = host.run(&asked).await.ok()?;
        said.out.lines().any(|line| line == state).then_some(())
    })
    .await
}

async fn metadata_that_comes_after_the_boot(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    // It goes on without user data, which cloud-init would wait for.
    let host = scene.host(suite, &[ALONE]).await?;
    host.boot().await?;
    until_is(&host, "ActiveState", "active").await?;
    let stage = scene.stage(scene.document().as_bytes()).open().await?;
    let play = Play { host, stage };
    play.is_told(Outcome::Continue).await?;
    play.entries().await.map(drop)
}

async fn an_agent_that_is_killed_at_boot(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots(suite, stage, &[]).await?;
    play.until("an agent is killed", async || {
        let process = property(&play.host, "MainPID").await.ok()?;
        let kill = ["kill", "-9", &process];
        let is_there = process != "0";
        (is_there && play.host.run(&kill).await.ok()?.code == Some(0)).then_some(())
    })
    .await?;
    until_is(&play.host, "NRestarts", "1").await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await
}

/// Whether the lock is held when systemd takes the unit for started: `flock` can't have it then.
const AT_READY: &str = "[Service]\nExecStartPost=+/bin/sh -c 'flock --nonblock /var/lib/firstlight/lock true || touch /var/tmp/held'\n";

/// Firmware that says what it says on an instance: all is as in any boot.
async fn a_machine_of_amazons(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let told = (format!("{UNIT}/10-firmware.conf"), FIRMWARE.as_bytes());
    let told = [(told.0.as_str(), told.1), AMAZONS];
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots(suite, stage, &told).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    ensure!(property(&play.host, "NRestarts").await? == "0");
    Ok(())
}

/// There, nobody asks metadata whether this is an instance: READY says that record and lock are open, and no more.
async fn a_machine_of_amazons_whose_metadata_is_late(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let [firmware, ready] = ["firmware", "ready"].map(|of| format!("{UNIT}/10-{of}.conf"));
    let files: [(&str, &[u8]); 4] = [
        (&firmware, FIRMWARE.as_bytes()),
        (&ready, AT_READY.as_bytes()),
        AMAZONS,
        ALONE,
    ];
    let host = scene.host(suite, &files).await?;
    host.boot().await?;
    until_is(&host, "ActiveState", "active").await?;
    host.shell("ls /var/tmp/held").await?;
    let stage = scene.stage(scene.document().as_bytes()).open().await?;
    let play = Play { host, stage };
    play.is_told(Outcome::Continue).await?;
    play.entries().await.map(drop)
}

/// An image with the agent may boot anywhere. Boot does not wait, nothing fails, and the unit ends by itself.
async fn a_machine_that_is_anothers(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let told = (format!("{UNIT}/10-firmware.conf"), FIRMWARE.as_bytes());
    let told = [(told.0.as_str(), told.1), (VENDOR, b"QEMU\n"), ALONE];
    let host = scene.host(suite, &told).await?;
    host.boot().await?;
    ended_quietly(&host, "a machine of \"QEMU\"").await
}

/// Where no firmware tells, as in a container, the agent looks for metadata for a minute, and that costs next to nothing. Both
/// suites at once: it is all waiting.
#[tokio::test]
async fn a_machine_that_nobody_knows() -> Result<()> {
    let scene = Scene::set().await?;
    let unknown = async |suite| {
        let host = scene.host(suite, &[ALONE]).await?;
        host.boot().await?;
        let process = property(&host, "MainPID").await?;
        let spent = cpu(&host, &process).await?;
        ended_quietly(&host, "nothing says that this is an EC2 instance").await?;
        ensure!(spent <= CHEAP, "{suite}: {spent} ticks of CPU");
        anyhow::Ok(())
    };
    tokio::try_join!(unknown("bookworm"), unknown("trixie")).map(drop)
}

/// CPU time that a process has taken so far, in clock ticks; 0 when it has ended. Fields 14 and 15 of proc_pid_stat(5).
async fn cpu(host: &Host, process: &str) -> Result<u64> {
    let stat = ["cat", &format!("/proc/{process}/stat")];
    let stat = host.run(&stat).await?.out;
    let fields = stat.split(' ').skip(13).take(2);
    fields.map(|ticks| Ok(ticks.parse::<u64>()?)).sum()
}

/// The unit has ended, and left a line.
async fn ended_quietly(host: &Host, says: &str) -> Result<()> {
    ensure!(host.shell("systemctl is-system-running").await? == "running");
    until_is(host, "ActiveState", "inactive").await?;
    ensure!(property(host, "Result").await? == "success");
    let said = host.journal(&[OWN]).await?;
    ensure!(
        said.lines().count() == 1 && said.contains(says) && said.contains("nothing to do"),
        "{said}"
    );
    let left = host.shell("ls -A /var/lib/firstlight /run/firstlight");
    ensure!(left.await? == "/run/firstlight:\n\n/var/lib/firstlight:");
    Ok(())
}
