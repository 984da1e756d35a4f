//! Images that cannot be had, and what runs of those that can.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard, PATIENCE};
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};

use crate::scene::Scene;

/// A service that stays, of this image.
fn worker(scene: &Scene, stem: &str, image: &str) -> String {
    let name = scene.names.unique(stem);
    format!("services:\n  {name}: {{image: \"{image}\", command: [worker]}}\n")
}

#[tokio::test]
async fn what_is_not_there() -> Result<()> {
    let scene = Scene::set().await?;
    scene.push("web", &webapp::image()?).await?;
    for (reference, word) in [
        (scene.reference("web", "2"), "manifest unknown"),
        (scene.reference("none", "1"), "unknown"),
    ] {
        let spec = scene.head("20s", &[]) + &worker(&scene, "web", &reference);
        let says = [reference.as_str(), word, "check the image's name and tag"];
        scene
            .play(&spec)
            .await?
            .fails(Failure::new(78, "pull", "image_unknown", &says))
            .await?;
    }
    scene.expect_absent(&["web"]).await
}

#[tokio::test]
async fn who_may_not() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let host = scene.ground.registry.host();
    let start = "firstlight: 1\ntimeout: 20s\n";
    for (registries, words) in [
        (
            format!("registries: {{\"{host}\": {{username: ci, password: wrong}}}}\n"),
            "check the name and the credentials",
        ),
        (String::new(), "the pull was anonymous"),
    ] {
        let spec = format!("{start}{registries}{}", worker(&scene, "web", &image));
        let says = [image.as_str(), words];
        scene
            .play(&spec)
            .await?
            .fails(Failure::new(77, "pull", "image_denied", &says))
            .await?;
    }
    scene.expect_absent(&["web"]).await
}

#[tokio::test]
async fn pull_policies() -> Result<()> {
    let scene = Scene::set().await?;
    let first = scene.push_tag("web", "1", &webapp::image()?).await?;
    let image = scene.reference("web", "1");
    let run = async |policy: &str| -> Result<(Value, String)> {
        let name = scene.names.unique("web");
        let spec = scene.head("20s", &[])
            + &format!(
                "services:\n  {name}: {{image: \"{image}\", command: [worker], pull_policy: {policy}}}\n"
            );
        let finished = scene.play(&spec).await?.succeeds(Heard::Continue).await?;
        let runs = scene.inspect("web").await?["Config"]["Image"].clone();
        scene.engine.remove(&name).await?;
        Ok((runs, finished.stderr))
    };
    let pinned = |digest: &str| json!(format!("{}@{digest}", image.trim_end_matches(":1")));
    let here = "is on this machine already: not pulled";

    let name = scene.names.unique("web");
    let never = scene.head("20s", &[])
        + &format!(
            "services:\n  {name}: {{image: \"{image}\", command: [worker], pull_policy: never}}\n"
        );
    let says = [image.as_str(), "bake it into the AMI"];
    let absent = Failure::new(78, "pull", "image_absent", &says);
    scene.play(&never).await?.fails(absent).await?;

    let (runs, said) = run("missing").await?;
    assert_eq!((runs, said.contains(here)), (pinned(&first), false));
    let second = scene
        .push_tag("web", "1", &webapp::image()?.environment("NEW", "1"))
        .await?;
    for policy in ["missing", "never"] {
        let (runs, said) = run(policy).await?;
        assert_eq!(
            (runs, said.contains(here)),
            (pinned(&first), true),
            "{policy}"
        );
    }
    let (runs, said) = run("always").await?;
    assert_eq!((runs, said.contains(here)), (pinned(&second), false));
    Ok(())
}

#[tokio::test]
async fn a_tag_that_moves_between_two_runs() -> Result<()> {
    let scene = Scene::set().await?;
    let first = scene.push_tag("web", "1", &webapp::image()?).await?;
    let image = scene.reference("web", "1");
    let never = "command: [worker], health: {tcp: {port: 9}}}";
    let spec =
        scene.head("8s", &[]) + &worker(&scene, "web", &image).replace("command: [worker]}", never);
    let play = scene.play(&spec).await?;
    let record = play.agent.root().join("var/lib/firstlight/record.json");
    let recorded = || std::fs::read_to_string(&record).unwrap_or_default();
    let pulled = || recorded().contains(&first);
    // Killed before the verdict, with the digest on record.
    play.agent
        .start(&["launch"])?
        .kill_when(PATIENCE, "the digest is on record", pulled)
        .await?;
    let second = scene
        .push_tag("web", "1", &webapp::image()?.environment("NEW", "1"))
        .await?;
    ensure!(first != second, "the tag has not moved");
    let finished = play.launch().await?;
    finished.expect_code(80)?;
    let status = play.agent.status().await?;
    let pinned = format!("{}@{first}", image.trim_end_matches(":1"));
    assert_eq!(
        scene.inspect("web").await?["Config"]["Image"],
        json!(pinned)
    );
    assert_eq!(status["images"][0]["pinned"], json!(pinned), "{status:#}");
    ensure!(recorded().contains(&first), "{status:#}");
    Ok(())
}
