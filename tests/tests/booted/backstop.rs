//! An agent that can't: killed whenever it starts, it is given up by systemd, and the backstop tells the group. And one that
//! systemd will not start again, though nothing is wrong with it.

use anyhow::{Result, ensure};
use firstlight_tests::stage::Outcome;

use crate::scene::{OWN, Scene, UNIT, property};

on_each_suite![a_crash_for_good_is_abandon, restarts_by_hand_are_no_crash];

const KILLED: &str = "[Service]\nExecStart=\nExecStart=/bin/sh -c 'kill -9 $$$$'\nRestartSec=1s\n";

async fn a_crash_for_good_is_abandon(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let killed = (format!("{UNIT}/10-killed.conf"), KILLED.as_bytes());
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots(suite, stage, &[(&killed.0, killed.1)]).await?;
    play.is_told(Outcome::Abandon).await?;
    // What the launch had started is stopped after the group was told.
    play.until("the backstop is done", async || {
        let asked = [
            "systemctl",
            "is-failed",
            "firstlight",
            "firstlight-backstop",
        ];
        let state = play.host.run(&asked).await.ok()?;
        (state.out == "failed\ninactive\n").then_some(())
    })
    .await?;
    let console = play.host.console().await?;
    ensure!(console.contains("firstlight: ABANDON"), "{console}");
    let journal = play.host.journal(&[OWN]).await?;
    let how = "(last: signal, KILL), and systemd gave it up";
    ensure!(journal.contains(how), "{journal}");
    // Once, and not before: each start that is to come may go on.
    let given_up = journal.matches("ABANDON after").count();
    let restarts = property(&play.host, "NRestarts").await?;
    // How it crashed, and not that the limit was met.
    ensure!(property(&play.host, "Result").await? == "signal");
    ensure!(given_up == 1 && restarts == "5", "{restarts}\n{journal}");
    Ok(())
}

/// More restarts than the unit's limit allows. One that fails is one that systemd refuses.
const RESTARTS: &str =
    "for turn in 1 2 3 4 5 6 7 8; do systemctl restart firstlight 2>&1 || true; done";
/// What the backstop says of it.
const AGAIN: &str = "SYSLOG_IDENTIFIER=firstlight-backstop";

/// The limit is for crashes. A person may restart a sound agent as often as they like: it is started again, and nobody is told.
async fn restarts_by_hand_are_no_crash(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    // So that the backstop, if it told anybody, would do so here.
    let document = scene.document() + "when_service_dies: unhealthy\n";
    let stage = scene.stage(document.as_bytes());
    let play = scene.boots(suite, stage, &[]).await?;
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    let container = play.container().await?;
    let said = play.host.shell(RESTARTS).await?;
    play.until("the agent was refused, and serves again", async || {
        let again = !play.host.entries(&[AGAIN]).await.ok()?.is_empty();
        let active = property(&play.host, "ActiveState").await.ok()? == "active";
        let rests = play.status().await.ok()?["resting"] == true;
        (again && active && rests).then_some(())
    })
    .await?;
    let backstop = ["systemctl", "is-active", "firstlight-backstop"];
    play.until("the backstop is done", async || {
        let state = play.host.run(&backstop).await.ok()?;
        (state.out == "inactive\n").then_some(())
    })
    .await?;
    ensure!(said.contains("Job for firstlight.service failed"), "{said}");
    play.is_told(Outcome::Continue).await?;
    let unhealthy = play.stage.health();
    ensure!(unhealthy.is_empty(), "{unhealthy:?}");
    ensure!(play.container().await? == container);
    ensure!(property(&play.host, "NRestarts").await? == "0");
    play.is_sound().await
}
