//! What happens to an instance that serves.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::until;

use crate::scene::{Scene, property};

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
    let adopted = until(AGAIN, "the new agent has adopted what runs", async || {
        let journal = play
            .host
            .journal(&["FIRSTLIGHT_EVENT=container"])
            .await
            .ok()?;
        journal.contains("adopted").then_some(())
    });
    if let Err(error) = adopted.await {
        return Err(error.context(play.story().await));
    }
    ensure!(
        property(&play.host, "MainPID").await? != process,
        "the old agent runs on"
    );
    ensure!(play.container().await? == container);
    ensure!(
        play.stage.counted().len() == 1,
        "{}",
        play.stage.transcript()
    );
    ensure!(property(&play.host, "ActiveState").await? == "active");
    Ok(())
}
