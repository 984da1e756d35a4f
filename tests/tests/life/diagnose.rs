//! `firstlight diagnose`: the same bundle by hand, at any point of a launch's life.

use std::os::unix::fs::PermissionsExt as _;
use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Finished;
use firstlight_tests::harness::canary::Canary;
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::stage::{Fault, Outcome};
use firstlight_tests::wait::wait_until;
use tempfile::TempDir;

use crate::evidence::Case;
use crate::hold::Hold;
use crate::scene::{PATIENCE, Play, QUICK, Scene};
use crate::withheld::{holds_back, printing, rotated};

/// Makes one in this folder, and holds it to leave with this code.
async fn diagnosed(play: &Play, folder: &Path, more: &[&str], code: i32) -> Result<Finished> {
    let file = folder.join("bundle.tar.gz").display().to_string();
    let mut arguments = vec!["diagnose", "--output", &file];
    arguments.extend(more);
    let finished = play.agent.run(&arguments, PATIENCE).await?;
    finished.expect_code(code)?;
    Ok(finished)
}

fn unpack(folder: &Path) -> Result<Bundle> {
    let file = folder.join("bundle.tar.gz");
    let mode = fs::metadata(&file)?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "{mode:o}");
    let archive = fs::read(&file)?;
    fs::remove_file(&file)?;
    Bundle::unpack(&archive)
}

/// Before anything ran, beside an agent at work, and after: it changes nothing.
#[tokio::test]
async fn through_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let folder = TempDir::new()?;
    let folder = folder.path();
    let id = play.stage.instance().id.clone();
    let finished = diagnosed(&play, folder, &[], 0).await?;
    finished.expect_said("left out: what containers print")?;
    finished.expect_said("nothing was launched")?;
    let bundle = unpack(folder)?;
    ensure!(bundle.folder == format!("firstlight-{id}-0"), "{bundle:?}");
    ensure!(
        bundle.json("host.json")?["kernel"].is_string(),
        "{bundle:?}"
    );
    ensure!(
        play.agent.status().await? == serde_json::Value::Null,
        "it left a trace"
    );

    Hold::Health.set(&scene, &play);
    let running = play.agent.start(&["launch"])?;
    let reached = || Hold::Health.reached(&scene, &play);
    wait_until(PATIENCE, "it is probed", reached).await?;
    let record = play.record();
    diagnosed(&play, folder, &[], 0).await?;
    ensure!(play.record() == record, "the record was changed");
    let bundle = unpack(folder)?;
    let story = bundle.text("story.txt")?;
    ensure!(
        story.contains("health") && story.contains("running"),
        "{story}"
    );
    bundle.text(&format!("containers/{}.log", scene.web))?;
    scene.gate.open();
    running.finish(PATIENCE).await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;

    diagnosed(&play, folder, &[], 0).await?;
    let bundle = unpack(folder)?;
    ensure!(
        bundle.text("story.txt")?.contains("verdict: CONTINUE"),
        "{bundle:?}"
    );
    let inspect = bundle.json(&format!("containers/{}.json", scene.web))?;
    ensure!(inspect["State"]["Status"] == "running", "{inspect:#}");
    Ok(())
}

/// Nothing is written over, and what cannot be written or uploaded is told by its exit code.
#[tokio::test]
async fn where_it_goes() -> Result<()> {
    let case = Case::set().await?;
    let (play, stage) = (&case.play, &case.play.stage);
    play.launch().await?.expect_code(80)?;
    let folder = TempDir::new()?;
    let folder = folder.path();
    diagnosed(play, folder, &[], 0).await?;
    let before = fs::read(folder.join("bundle.tar.gz"))?;
    diagnosed(play, folder, &[], 64).await?;
    ensure!(
        fs::read(folder.join("bundle.tar.gz"))? == before,
        "it was written over"
    );
    diagnosed(play, &folder.join("nowhere"), &[], 64).await?;

    let default = play
        .agent
        .command(&["diagnose"])
        .current_dir(folder)
        .output()
        .await?;
    let named = String::from_utf8(default.stdout)?;
    ensure!(
        folder.join(named.trim()).is_file() && named.starts_with("firstlight-i-"),
        "{named:?}"
    );

    fs::remove_file(folder.join("bundle.tar.gz"))?;
    let finished = diagnosed(play, folder, &["--upload"], 0).await?;
    let objects = case.moto().objects(&case.bucket).await?;
    let keys: Vec<&String> = objects.iter().map(|(key, _)| key).collect();
    let by_hand = keys.iter().find(|key| key.contains("-by-hand-"));
    let by_hand = by_hand.with_context(|| format!("{keys:?}"))?;
    ensure!(
        keys.len() == 2,
        "the agent's own was written over: {keys:?}"
    );
    finished.expect_said(&format!("s3://{}/{by_hand}\n", case.bucket))?;
    unpack(folder)?;

    stage.order(Fault::Deny.on("s3", "PutObject").times(1));
    diagnosed(play, folder, &["--upload"], 77)
        .await?
        .expect_said("s3:PutObject")?;
    // The file is there all the same.
    unpack(folder)?;
    stage.assert_faults_fired()?;

    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    play.launch().await?.expect_code(0)?;
    let finished = diagnosed(&play, folder, &["--upload"], 78).await?;
    finished.expect_said("the spec has no `diagnostics`")?;
    Ok(())
}

/// What cannot be asked is left out, and said to be: metadata, references, a record that is damaged.
#[tokio::test]
async fn what_cannot_be_had() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    play.launch().await?.expect_code(0)?;
    let folder = TempDir::new()?;
    let (folder, log) = (folder.path(), format!("containers/{}.log", scene.web));

    play.stage.order(Fault::Deny.on("ssm", "GetParameters"));
    let finished = diagnosed(&play, folder, &[], 0).await?;
    finished.expect_said("left out: what containers print")?;
    let bundle = unpack(folder)?;
    ensure!(!bundle.files.contains_key(&log), "{bundle:?}");
    play.stage.assert_faults_fired()?;
    play.stage.call_off();

    play.stage
        .order(Fault::Status(404).on_metadata("api/token"));
    play.stage
        .order(Fault::Status(404).on_metadata("dynamic/instance-identity/document"));
    diagnosed(&play, folder, &[], 0).await?;
    let bundle = unpack(folder)?;
    let left_out = bundle.text("left-out.txt")?;
    ensure!(left_out.contains("who this instance is: "), "{left_out}");
    ensure!(
        bundle.text("story.txt")?.contains("verdict: CONTINUE"),
        "{bundle:?}"
    );
    ensure!(!bundle.files.contains_key(&log), "{bundle:?}");
    // A password that is written into the spec is known without asking anybody.
    let (spec, password) = (bundle.json("spec.json")?, &scene.ground.login.password);
    ensure!(!spec.to_string().contains(password.as_str()), "{spec:#}");
    let shown = spec.to_string();
    ensure!(shown.contains(".password}}"), "{shown}");
    play.stage.call_off();

    fs::write(
        play.agent.root().join("var/lib/firstlight/record.json"),
        "{",
    )?;
    diagnosed(&play, folder, &[], 0).await?;
    let bundle = unpack(folder)?;
    let left_out = bundle.text("left-out.txt")?;
    ensure!(left_out.contains("the record: "), "{left_out}");
    bundle.json(&format!("containers/{}.json", scene.web))?;
    Ok(())
}

/// A secret that was changed since everything was launched: nobody knows the one that containers print.
#[tokio::test]
async fn secrets_that_were_changed() -> Result<()> {
    let scene = Scene::set().await?;
    let (before, after) = (Canary::new(), Canary::new());
    let play = scene.play(&printing(&scene, &before).await?).await?;
    play.launch().await?.expect_code(0)?;
    let folder = TempDir::new()?;
    let folder = folder.path();
    diagnosed(&play, folder, &[], 0).await?;
    let bundle = unpack(folder)?;
    let said = bundle.text(&format!("containers/{}.log", scene.web))?;
    ensure!(said.contains("key {{ssm:"), "{said}");
    let found = before.found_in(&bundle.whole());
    ensure!(found.is_none(), "a secret is in it: {found:?}");

    rotated(&scene, &after).await?;
    diagnosed(&play, folder, &[], 0).await?;
    let bundle = unpack(folder)?;
    for other in [&scene.web, &scene.job] {
        holds_back(&bundle, &[&before, &after], other)?;
    }
    // Nobody knows what the engine was given before, either.
    let left_out = bundle.text("left-out.txt")?;
    ensure!(left_out.contains("journal-docker.log: "), "{left_out}");
    Ok(())
}
