//! What stays out of evidence: the text of whoever was given secrets that are not known.

use anyhow::{Result, ensure};
use firstlight_tests::harness::canary::Canary;
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::stage::Fault;
use firstlight_tests::wait::until;
use serde_json::json;

use crate::evidence::Case;
use crate::hold::Hold;
use crate::kill::kill_at;
use crate::scene::{PATIENCE, QUICK, Scene};

/// A launch that was interrupted had resolved its secrets, and the next process cannot: what containers print stays out.
#[tokio::test]
async fn secrets_that_are_not_known_any_more() -> Result<()> {
    let scene = Scene::set().await?;
    let spec = scene.spec("60s", "", QUICK);
    let spec = spec.replacen("environment: {", "environment: {PRINT: printed, ", 1);
    ensure!(spec.contains("PRINT: printed"), "{spec}");
    let case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    let (scene, play) = (&case.scene, &case.play);
    kill_at(Hold::Health, scene, play).await?;
    Hold::Health.release(scene, play)?;
    let word = scene.parameter("word");
    play.stage
        .order(Fault::Deny.on("ssm", "GetParameters").naming(&word));
    play.launch().await?.expect_code(77)?;
    case.abandoned()?;
    let (_, bundle) = case.bundle().await?;
    let (web, left_out) = (&scene.web, bundle.text("left-out.txt")?);
    ensure!(
        left_out.contains(
            "what containers print, the engine's journal: secrets in them would not be known"
        ),
        "{left_out}"
    );
    ensure!(
        !bundle.files.contains_key(&format!("containers/{web}.log")),
        "{bundle:?}"
    );
    ensure!(
        !bundle.files.contains_key("journal-docker.log"),
        "{bundle:?}"
    );
    bundle.json(&format!("containers/{web}.json"))?;
    let status = play.agent.status().await?;
    ensure!(status["last_lines"] == json!([]), "{status:#}");
    Ok(())
}

/// A service and a finished task that print a secret.
pub(crate) async fn printing(scene: &Scene, canary: &Canary) -> Result<String> {
    let key = scene.parameter("key");
    rotated(scene, canary).await?;
    let printed = format!("PRINT: \"key {{{{ssm:{key}}}}}\"");
    let job = format!("{QUICK}\nenvironment: {{{printed}}}");
    let spec = scene.spec("60s", "", &job);
    let spec = spec.replacen("environment: {", &format!("environment: {{{printed}, "), 1);
    ensure!(spec.matches("PRINT: ").count() == 2, "{spec}");
    Ok(spec)
}

/// Gives it another value.
pub(crate) async fn rotated(scene: &Scene, canary: &Canary) -> Result<()> {
    let key = scene.parameter("key");
    let moto = &scene.ground.moto;
    moto.put_parameter(&key, canary.value(), "SecureString")
        .await
}

/// Holds a bundle to have none of these, and what this container printed to be left out.
pub(crate) fn holds_back(bundle: &Bundle, canaries: &[&Canary], other: &str) -> Result<()> {
    for canary in canaries {
        let found = canary.found_in(&bundle.whole());
        ensure!(found.is_none(), "a secret is in it: {found:?}");
    }
    ensure!(
        !bundle
            .files
            .contains_key(&format!("containers/{other}.log")),
        "{bundle:?}"
    );
    let left_out = bundle.text("left-out.txt")?;
    let why = format!("containers/{other}.log: it was given other values than are known now");
    ensure!(left_out.contains(&why), "{left_out}");
    Ok(())
}

/// A secret that was changed after a task had printed it, and of which this process knows the new value alone.
#[tokio::test]
async fn secrets_that_were_changed() -> Result<()> {
    let scene = Scene::set().await?;
    let (before, after) = (Canary::new(), Canary::new());
    let spec = printing(&scene, &before).await?;
    let case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    let (scene, play) = (&case.scene, &case.play);
    kill_at(Hold::Health, scene, play).await?;
    rotated(scene, &after).await?;
    let first = scene.inspect(&scene.web).await?["Id"].clone();
    let running = play.agent.start(&["launch"])?;
    // The task is not run again, and the service is made anew.
    let anew = async || {
        let found = scene.inspect(&scene.web).await.ok()?;
        (found["Id"] != first && found["State"]["Running"] == true).then_some(())
    };
    until(PATIENCE, "the service is made anew", anew).await?;
    scene.engine.kill(&scene.web).await?;
    running.finish(PATIENCE).await?.expect_code(80)?;
    case.abandoned()?;
    scene.made(&scene.job, 1).await?;
    let (_, bundle) = case.bundle().await?;
    holds_back(&bundle, &[&before, &after], &scene.job)?;
    let said = bundle.text(&format!("containers/{}.log", scene.web))?;
    let wanted = format!("key {{{{ssm:{}}}}}", scene.parameter("key"));
    ensure!(said.contains(&wanted), "{said}");
    Ok(())
}
