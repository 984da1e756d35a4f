//! Every way in which a spec comes to an instance, from a cold boot to its verdict: the files of `userdata/ways-in`.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::host::verify;
use firstlight_tests::parts::repository;
use firstlight_tests::stage::{Lifecycle, Outcome};
use flate2::{Compression, write::GzEncoder};

use crate::scene::{OWN, Play, Scene, property, until_is};
use crate::told;

on_each_suite![
    a_bare_document,
    a_part_beside_cloud_configs_gzipped,
    a_drop_in_that_cloud_config_writes,
    a_drop_in_of_the_image,
    a_broken_part,
    no_user_data_as_where_an_image_is_built,
];

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
    ensure!(play.stage.lifecycle() == Some(Lifecycle::InService));
    ensure!(play.container().await?.ends_with(" running"));
    told::of_a_launch(play).await
}

async fn a_bare_document(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let stage = scene.stage(way_in(&scene, "bare.yaml")?.as_bytes());
    serves(&scene.boots(suite, stage, &[]).await?).await
}

/// A script of user data starts the unit, and waits for it: it must not wait for the script.
async fn a_part_beside_cloud_configs_gzipped(suite: &str) -> Result<()> {
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
    Ok(())
}

/// What `write_files` puts there is there before the agent looks.
async fn a_drop_in_that_cloud_config_writes(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let config = way_in(&scene, "write-files.yaml")?;
    let stage = scene.stage(config.as_bytes());
    serves(&scene.boots(suite, stage, &[]).await?).await
}

/// The whole spec is baked, and the launch template says nothing. What the instance is made of is seen on it.
async fn a_drop_in_of_the_image(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let drop_in = way_in(&scene, "drop-in.yaml")?;
    let baked = [("/etc/firstlight/launch.d/50-web.yaml", drop_in.as_bytes())];
    let play = scene.boots(suite, scene.stage(b""), &baked).await?;
    serves(&play).await?;
    let spoiled = verify(play.host.name(), &["--booted"])?;
    ensure!(spoiled.is_empty(), "{spoiled:?}");
    Ok(())
}

/// Its error is where people look, and the group doesn't wait for its time-out. What is cloud-init's was done all the same.
async fn a_broken_part(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let message = way_in(&scene, "mime.txt")?;
    // Its script would start the unit once more, in vain.
    let script = "\n--==firstlight==\nContent-Type: text/x-shellscript\n";
    let (parts, _) = message.split_once(script).context(script)?;
    let broken = parts.replace("    ports: ", "    enviroment: {A: b}\n    ports: ");
    let user_data = format!("{broken}\n--==firstlight==--\n");
    let stage = scene.stage(user_data.as_bytes());
    let play = scene.boots(suite, stage, &[]).await?;
    play.is_told(Outcome::Abandon).await?;
    play.is_sound().await?;
    play.host.shell("ls -d /var/log/web").await?;
    let console = play.host.console().await?;
    let journal = play.host.journal(&[OWN]).await?;
    for text in [console, journal] {
        for said in [
            "spec_invalid",
            "unknown key `enviroment`",
            "did you mean `environment`?",
        ] {
            ensure!(text.contains(said), "{said:?} is not in\n{text}");
        }
    }
    Ok(())
}

/// Nothing to do, nobody to tell: a line on the console, and the unit ends. So it is where an image is built.
async fn no_user_data_as_where_an_image_is_built(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.boots(suite, scene.stage(b""), &[]).await?;
    play.is_sound().await?;
    until_is(&play.host, "ActiveState", "inactive").await?;
    ensure!(property(&play.host, "Result").await? == "success");
    ensure!(property(&play.host, "NRestarts").await? == "0");
    let story = play.story().await;
    ensure!(play.stage.counted().is_empty(), "{story}");
    let console = play.host.console().await?;
    let id = &play.stage.instance().id;
    let line = format!("firstlight: nothing to do on {id}: no source holds a spec");
    ensure!(console.matches(&line).count() == 1, "{console}");
    ensure!(!console.contains("firstlight: undecided"), "{console}");
    prefetches(&scene, &play).await?;
    let left = "docker ps --all --quiet; ls -A /run/firstlight; ls /var/lib/firstlight/record.json 2>/dev/null || true";
    let left = play.host.shell(left).await?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

/// While an image is built there is a machine, and no launch: images are pulled, those too that a launch never pulls.
async fn prefetches(scene: &Scene, play: &Play) -> Result<()> {
    let spec = scene.document() + "    pull_policy: never\n";
    play.host.put("/root/web.yaml", spec.as_bytes()).await?;
    let said = "firstlight prefetch /root/web.yaml";
    let said = play.host.shell(said).await?;
    let reference = format!("{}/web:1 ", scene.registry.host());
    ensure!(
        said.starts_with(&reference) && said.contains("@sha256:"),
        "{said}"
    );
    let (image, pinned) = said.split_once(' ').unwrap_or_default();
    let inspect = format!("docker image inspect {image} {pinned}");
    play.host.shell(&inspect).await.map(drop)
}
