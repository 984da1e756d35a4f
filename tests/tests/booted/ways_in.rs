//! Every way that user data can say it, from a cold boot to its verdict: the files of `userdata/ways-in`.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::host::SUITES;
use firstlight_tests::parts::repository;
use firstlight_tests::stage::Outcome;
use flate2::{Compression, write::GzEncoder};

use crate::scene::{Play, Scene};

/// A file of `userdata/ways-in`. Changed in it is only what can't be as it is here: where the image is, and the published port, for
/// metadata has that one in the host's network.
fn way_in(scene: &Scene, name: &str) -> Result<String> {
    let file = repository().join("userdata/ways-in").join(name);
    let mut text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let registry = scene.registry.host();
    for (this, that) in [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", &*registry),
        ("\"80:3000\"", "\"8080:3000\""),
    ] {
        ensure!(text.contains(this), "{this:?} is not in {name}");
        text = text.replace(this, that);
    }
    Ok(text)
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
        let stage = scene.stage(way_in(&scene, "bare.yaml")?.as_bytes());
        serves(&scene.boots(suite, stage, &[]).await?).await?;
    }
    Ok(())
}

/// A script of user data starts the unit, and waits for it: it must not wait for the script.
#[tokio::test]
async fn a_part_beside_cloud_configs_gzipped() -> Result<()> {
    for suite in SUITES {
        let scene = Scene::set().await?;
        let message = way_in(&scene, "mime.txt")?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(message.as_bytes())?;
        let stage = scene.stage(&gzip.finish()?);
        let play = scene.boots(suite, stage, &[]).await?;
        serves(&play).await?;
        // What write_files, runcmd and the script leave.
        let left = "ls /etc/profile.d/web.sh /var/log/web /var/lib/web-started";
        play.host.shell(left).await?;
    }
    Ok(())
}

/// What `write_files` puts there is there before the agent looks.
#[tokio::test]
async fn a_drop_in_that_cloud_config_writes() -> Result<()> {
    let scene = Scene::set().await?;
    let config = way_in(&scene, "write-files.yaml")?;
    let play = scene
        .boots("trixie", scene.stage(config.as_bytes()), &[])
        .await?;
    serves(&play).await
}

#[tokio::test]
async fn a_drop_in_of_the_image() -> Result<()> {
    let scene = Scene::set().await?;
    let drop_in = way_in(&scene, "drop-in.yaml")?;
    let baked = [("/etc/firstlight/launch.d/50-web.yaml", drop_in.as_bytes())];
    let play = scene.boots("bookworm", scene.stage(b""), &baked).await?;
    serves(&play).await
}

#[tokio::test]
async fn a_broken_part() -> Result<()> {
    let scene = Scene::set().await?;
    let message = way_in(&scene, "mime.txt")?;
    let script = "\n--==firstlight==\nContent-Type: text/x-shellscript\n";
    let (parts, _) = message.split_once(script).context(script)?;
    let broken = parts.replace("    image: ", "    imagine: ");
    let user_data = format!("{broken}\n--==firstlight==--\n");
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
