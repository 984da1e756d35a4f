//! Every way that user data can say it, from a cold boot to its verdict.

use std::io::Write as _;

use anyhow::{Result, ensure};
use firstlight_tests::host::SUITES;
use firstlight_tests::stage::Outcome;
use flate2::{Compression, write::GzEncoder};

use crate::scene::{Play, Scene};

/// A MIME message with these parts.
fn mime(parts: &[(&str, &str)]) -> String {
    let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==\"\n\n";
    let part = |(kind, body): &(&str, &str)| format!("--==\nContent-Type: {kind}\n\n{body}\n");
    let parts: String = parts.iter().map(part).collect();
    format!("{head}{parts}--==--\n")
}

async fn serves(play: &Play) -> Result<()> {
    play.is_told(Outcome::Continue).await?;
    play.is_sound().await?;
    ensure!(play.container().await?.ends_with(" running"));
    let status = play.host.shell("firstlight status").await?;
    ensure!(status.contains("CONTINUE"), "{status}");
    let console = play.host.console().await?;
    ensure!(console.contains("firstlight: CONTINUE"), "{console}");
    // The journal's fields are there, so it was not spoken to by way of stderr.
    let verdicts = play.host.journal(&["FIRSTLIGHT_EVENT=verdict"]).await?;
    ensure!(verdicts.contains("CONTINUE"), "{verdicts}");
    Ok(())
}

#[tokio::test]
async fn a_bare_document() -> Result<()> {
    for suite in SUITES {
        let scene = Scene::set().await?;
        let stage = scene.stage(scene.document().as_bytes());
        serves(&scene.boots(suite, stage, &[]).await?).await?;
    }
    Ok(())
}

/// A script of user data starts the unit, and waits for it: it must not wait for the script.
#[tokio::test]
async fn a_part_beside_cloud_configs_gzipped() -> Result<()> {
    let config = "#cloud-config\nwrite_files:\n- {path: /root/written, content: written}\nruncmd:\n- [touch, /root/run]\n";
    let script = "#!/bin/sh\nsystemctl start firstlight && touch /root/started\n";
    for suite in SUITES {
        let scene = Scene::set().await?;
        let document = scene.document();
        let message = mime(&[
            ("text/cloud-config", config),
            ("text/firstlight", &document),
            ("text/x-shellscript", script),
        ]);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(message.as_bytes())?;
        let stage = scene.stage(&gzip.finish()?);
        let play = scene.boots(suite, stage, &[]).await?;
        serves(&play).await?;
        let written = "ls /root/written /root/run /root/started";
        play.host.shell(written).await?;
    }
    Ok(())
}

/// What `write_files` puts there is there before the agent looks.
#[tokio::test]
async fn a_drop_in_that_cloud_config_writes() -> Result<()> {
    let scene = Scene::set().await?;
    let lines = scene.document().replace('\n', "\n    ");
    let path = "/etc/firstlight/launch.d/10-web.yaml";
    let config =
        format!("#cloud-config\nwrite_files:\n- path: {path}\n  content: |\n    {lines}\n");
    let play = scene
        .boots("trixie", scene.stage(config.as_bytes()), &[])
        .await?;
    serves(&play).await
}

#[tokio::test]
async fn a_broken_part() -> Result<()> {
    let scene = Scene::set().await?;
    let user_data = mime(&[(
        "text/firstlight",
        "firstlight: 1\nservices:\n  web: {imagine: x}\n",
    )]);
    let play = scene
        .boots("bookworm", scene.stage(user_data.as_bytes()), &[])
        .await?;
    play.is_told(Outcome::Abandon).await?;
    play.is_sound().await?;
    let (console, journal) = (
        play.host.console().await?,
        play.host.journal(&["--unit=firstlight"]).await?,
    );
    for text in [console, journal] {
        ensure!(
            text.contains("spec_invalid") && text.contains("imagine"),
            "{text}"
        );
    }
    Ok(())
}

/// Nothing to do, nobody to tell, and the unit ends.
#[tokio::test]
async fn no_user_data() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.boots("trixie", scene.stage(b""), &[]).await?;
    play.is_sound().await?;
    let state = play
        .host
        .run(&["systemctl", "is-active", "firstlight"])
        .await?;
    ensure!(
        state.out.trim() == "inactive" && play.stage.counted().is_empty(),
        "{}",
        play.story().await
    );
    Ok(())
}
