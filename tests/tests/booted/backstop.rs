//! An agent that can't: killed whenever it starts, it is given up by systemd, and the backstop tells the group.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::until;

use crate::scene::Scene;

const KILLED: &str =
    "[Service]\nExecStart=\nExecStart=/bin/sh -c 'kill -9 $$$$'\nRestartSec=100ms\n";

/// How long it may take after the group was told: what the launch had started is stopped.
const DONE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_crash_for_good_is_abandon() -> Result<()> {
    let scene = Scene::set().await?;
    let files = [(
        "/etc/systemd/system/firstlight.service.d/10-killed.conf",
        KILLED.as_bytes(),
    )];
    let stage = scene.stage(scene.document().as_bytes());
    let play = scene.boots("bookworm", stage, &files).await?;
    play.is_told(Outcome::Abandon).await?;
    let done = until(DONE, "the backstop is done", async || {
        let asked = [
            "systemctl",
            "is-failed",
            "firstlight",
            "firstlight-backstop",
        ];
        let state = play.host.run(&asked).await.ok()?;
        (state.out == "failed\ninactive\n").then_some(())
    });
    if let Err(error) = done.await {
        return Err(error.context(play.story().await));
    }
    let console = play.host.console().await?;
    ensure!(console.contains("firstlight: ABANDON"), "{console}");
    let journal = play.host.journal(&["--unit=firstlight-backstop"]).await?;
    let how = "(last: signal, KILL), and systemd gave it up";
    ensure!(journal.contains(how), "{journal}");
    Ok(())
}
