//! An agent that can't: killed whenever it starts, it is given up by systemd, and the backstop tells the group.

use anyhow::{Result, ensure};
use firstlight_tests::stage::Outcome;

use crate::scene::{OWN, Scene, UNIT, property};

on_each_suite![a_crash_for_good_is_abandon];

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
    ensure!(given_up == 1 && restarts == "5", "{restarts}\n{journal}");
    Ok(())
}
