//! An agent that can't: killed whenever it starts, it is given up by systemd, and the backstop tells the group.

use anyhow::{Result, ensure};
use firstlight_tests::stage::Outcome;

use crate::scene::Scene;

const KILLED: &str =
    "[Service]\nExecStart=\nExecStart=/bin/sh -c 'kill -9 $$$$'\nRestartSec=100ms\n";

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
    let console = play.host.console().await?;
    ensure!(console.contains("firstlight: ABANDON"), "{console}");
    let journal = play.host.journal(&["--unit=firstlight-backstop"]).await?;
    ensure!(
        journal.contains("systemd gave it up (last: signal, 9)"),
        "{journal}"
    );
    let state = play
        .host
        .run(&[
            "systemctl",
            "is-failed",
            "firstlight",
            "firstlight-backstop",
        ])
        .await?;
    ensure!(state.out == "failed\ninactive\n", "{}", play.story().await);
    Ok(())
}
