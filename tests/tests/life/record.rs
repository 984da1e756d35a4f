//! The record: whose it is, and what comes of one that cannot be read.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{Instance, Outcome};
use serde_json::{Value, json};

use crate::hold::Hold;
use crate::kill::kill_at;
use crate::scene::{Play, QUICK, Scene};

/// An image that was made of a launched instance carries its record, and so does a root volume that was replaced.
#[tokio::test]
async fn of_another_is_discarded() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    play.launch().await?.expect_code(0)?;
    let first = play.stage.instance().clone();
    let others = [
        ("another instance", Instance::unique()),
        (
            "another image",
            Instance {
                image: "ami-0fedcba9876543210".to_owned(),
                ..first.clone()
            },
        ),
    ];
    for (number, (what, other)) in others.into_iter().enumerate() {
        let spec = scene.spec("60s", &format!("labels: {{turn: \"{number}\"}}"), QUICK);
        play = moved(&scene, play, other, &spec).await?;
        play.launch().await?.expect_code(0).context(what)?;
        play.counted(Outcome::Continue).context(what)?;
        let web = scene.inspect(&scene.web).await?;
        ensure!(
            web["Config"]["Labels"]["turn"] == json!(number.to_string()),
            "{what}: its own spec: {web:#}"
        );
        // The task is that instance's own too.
        scene.made(&scene.job, number + 2).await.context(what)?;
        let status = play.agent.status().await?;
        ensure!(
            status["resumed"] == 0
                && status["instance_id"] == play.stage.instance().id.as_str()
                && status["image_id"] == play.stage.instance().image.as_str(),
            "{what}: {status:#}"
        );
        play.again_changes_nothing(0).await.context(what)?;
    }
    Ok(())
}

/// The launch template is edited while a launch is under way: the recorded spec holds.
#[tokio::test]
async fn holds_the_spec() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene
        .play(&scene.spec("60s", "labels: {turn: first}", QUICK))
        .await?;
    kill_at(Hold::Resolve, &scene, &play).await?;
    Hold::Resolve.release(&scene, &play)?;
    let me = play.stage.instance().clone();
    play = moved(
        &scene,
        play,
        me,
        &scene.spec("60s", "labels: {turn: second}", QUICK),
    )
    .await?;
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    let web = scene.inspect(&scene.web).await?;
    ensure!(web["Config"]["Labels"]["turn"] == "first", "{web:#}");
    Ok(())
}

async fn moved(scene: &Scene, play: Play, to: Instance, spec: &str) -> Result<Play> {
    let stage = scene.stage(to, spec).await?;
    let agent = play.agent.moved_to(&stage);
    Ok(Play { stage, agent })
}

/// Nothing is guessed: nobody is told, nothing is touched, and with the record back the launch goes on.
#[tokio::test]
async fn damaged() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    kill_at(Hold::Health, &scene, &play).await?;
    Hold::Health.release(&scene, &play)?;
    let file = play.agent.root().join("var/lib/firstlight/record.json");
    let whole = fs::read_to_string(&file)?;
    let newer = whole.replacen("\"schema\": 1", "\"schema\": 2", 1);
    ensure!(newer != whole, "no schema in {whole}");
    for (what, text, word) in [
        ("half of it", &whole[..whole.len() / 2], "EOF"),
        ("nothing", "", "EOF"),
        (
            "zeroes, as some file systems leave",
            "\0\0\0\0",
            "expected value",
        ),
        (
            "a newer agent's",
            newer.as_str(),
            "schema 2, this version knows 1",
        ),
    ] {
        fs::write(&file, text)?;
        let finished = play.launch().await?;
        finished.expect_code(69).context(what)?;
        let path = file.display().to_string();
        for said in [
            word,
            &path,
            "cannot be understood",
            "remove the file to decide afresh",
        ] {
            finished.expect_said(said).context(what)?;
        }
        ensure!(
            fs::read_to_string(&file)? == text,
            "{what}: it was written over"
        );
        play.told_nobody().context(what)?;
        let status = play.agent.status().await?;
        ensure!(
            status["error"]["reason"] == "state_unusable" && status["verdict"]["kind"] == "none",
            "{what}: {status:#}"
        );
        ensure!(
            scene.is_running(&scene.web).await?,
            "{what}: the service was stopped"
        );
    }
    fs::write(&file, &whole)?;
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    scene.made(&scene.web, 1).await?;
    scene.made(&scene.job, 1).await
}

/// The status is for people; a broken one is said to be so, and decides nothing.
#[tokio::test]
async fn a_damaged_status() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    kill_at(Hold::Health, &scene, &play).await?;
    Hold::Health.release(&scene, &play)?;
    let file = play.agent.root().join("var/lib/firstlight/status.json");
    fs::write(&file, "{\"schema\": 1,")?;
    for arguments in [&["status"][..], &["status", "--json"]] {
        let finished = play.agent.run(arguments, crate::scene::PATIENCE).await?;
        finished.expect_code(69)?;
        finished.expect_said("is damaged")?;
        ensure!(finished.stdout.is_empty(), "{finished:#?}");
    }
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    let status: Value = play.agent.status().await?;
    ensure!(status["verdict"]["kind"] == "continue", "{status:#}");
    Ok(())
}
