//! Killed as by a power cut, anywhere, then run again: one verdict, the one that was decided, and nothing done twice.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Finished;
use firstlight_tests::stage::{Fault, Outcome};
use serde_json::{Value, json};

use crate::hold::Hold;
use crate::scene::{PATIENCE, Play, QUICK, Scene};

/// Launches up to where `hold` holds it, and kills it there.
pub(crate) async fn kill_at(hold: Hold, scene: &Scene, play: &Play) -> Result<Finished> {
    hold.set(scene, play);
    let running = play.agent.start(&["launch"])?;
    let what = format!("{hold:?}");
    let finished = running
        .kill_when(PATIENCE, &what, || hold.reached(scene, play))
        .await?;
    ensure!(
        finished.code.is_none(),
        "{hold:?}: it ended by itself: {finished:#?}"
    );
    Ok(finished)
}

#[tokio::test]
async fn before_the_verdict() -> Result<()> {
    for hold in Hold::BEFORE {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.spec("60s", "", hold.job())).await?;
        kill_at(hold, &scene, &play).await?;
        play.told_nobody().with_context(|| format!("{hold:?}"))?;
        let status = play.agent.status().await?;
        let last = &status["stages"]
            .as_array()
            .context("no stages")?
            .last()
            .cloned();
        let last = last.as_ref().context("no stage")?;
        ensure!(
            last["stage"] == hold.stage() && status["exit_code"] == Value::Null,
            "{hold:?}: {status:#}"
        );
        let digest = play.record().map(|record| record.contains("@sha256:"));
        let wanted = (hold != Hold::Identify).then_some(matches!(hold.stage(), "start" | "health"));
        ensure!(
            digest == wanted,
            "{hold:?}: the digest is on record: {digest:?}"
        );

        resumed(hold, &scene, &play)
            .await
            .with_context(|| format!("{hold:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn after_the_verdict() -> Result<()> {
    for hold in [Hold::Delivery, Hold::Answer] {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
        kill_at(hold, &scene, &play).await?;
        let decided = play.agent.status().await?["verdict"].clone();
        ensure!(decided["kind"] == "continue", "{hold:?}: {decided}");
        // What has become of the service since is no matter: it was decided.
        scene.engine.kill(&scene.web).await?;

        let finished = resumed(hold, &scene, &play)
            .await
            .with_context(|| format!("{hold:?}"))?;
        let status = play.agent.status().await?;
        let outcome = if hold == Hold::Answer {
            "settled"
        } else {
            "delivered"
        };
        ensure!(
            status["delivery"] == json!([{"target": "web/up", "outcome": outcome}])
                && status["verdict"] == decided,
            "{hold:?}: {status:#}\n{finished:#?}"
        );
    }
    Ok(())
}

/// Runs a launch that was cut off to its CONTINUE: told once, nothing made twice; and once more, for nothing.
async fn resumed(hold: Hold, scene: &Scene, play: &Play) -> Result<Finished> {
    let finished = hold.resume(scene, play).await?;
    finished.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    scene.made(&scene.web, 1).await?;
    scene.made(&scene.job, 1).await?;
    play.again_changes_nothing(0).await?;
    scene.made(&scene.web, 1).await?;
    scene.made(&scene.job, 1).await?;
    play.counted(Outcome::Continue)?;
    Ok(finished)
}

/// The same for an ABANDON: a task that waits for the service fails.
#[tokio::test]
async fn a_launch_that_fails() -> Result<()> {
    // Not while its answer is lost: the group then wants the instance terminated, and nothing is sent again.
    let hold = Hold::Delivery;
    let scene = Scene::set().await?;
    let play = failing(&scene).await?;
    kill_at(hold, &scene, &play).await?;
    ensure!(
        scene.is_running(&scene.web).await?,
        "told before it is stopped"
    );
    abandoned(hold, &scene, &play).await
}

/// Killed while the failed workload is being stopped: the group knows, and the next start stops what still runs.
#[tokio::test]
async fn while_stopping_what_failed() -> Result<()> {
    let scene = Scene::set().await?;
    let play = failing(&scene).await?;
    let running = play.agent.start(&["launch"])?;
    let stopping = || scene.events.count(&scene.web, "kill") > 0;
    running
        .kill_when(PATIENCE, "the service is being stopped", stopping)
        .await?;
    play.counted(Outcome::Abandon)?;
    let told = play.completions();
    abandoned(Hold::Delivery, &scene, &play).await?;
    ensure!(
        play.completions() == told,
        "told again:\n{}",
        play.stage.transcript()
    );
    Ok(())
}

/// A launch that is going to fail while its service runs.
pub(crate) async fn failing(scene: &Scene) -> Result<Play> {
    let job = format!(
        "command: [task, \"no such column\"]\nenvironment: {{EXIT_CODE: 3}}\ndepends_on: [{}]",
        scene.web
    );
    scene.play(&scene.spec("60s", "", &job)).await
}

async fn abandoned(hold: Hold, scene: &Scene, play: &Play) -> Result<()> {
    hold.release(scene, play)?;
    // A task that would do better now is not asked again.
    let decided = play.agent.status().await?["verdict"].clone();
    ensure!(decided["reason"] == "task_failed", "{decided}");
    play.launch().await?.expect_code(80)?;
    play.counted(Outcome::Abandon)?;
    let status = play.agent.status().await?;
    ensure!(
        status["verdict"] == decided && status["exit_code"] == 80,
        "{status:#}"
    );
    for name in [&scene.web, &scene.job] {
        scene.made(name, 1).await?;
        ensure!(
            !scene.is_running(name).await?,
            "{name} runs after an ABANDON"
        );
    }
    play.again_changes_nothing(80).await
}

/// Killed again and again while the service is not healthy, and while the group does not answer.
#[tokio::test]
async fn many_times() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    scene.gate.close();
    for _ in 0..3 {
        let asked = scene.gate.asked();
        let probed = || scene.gate.asked() > asked;
        play.agent
            .start(&["launch"])?
            .kill_when(PATIENCE, "probed", probed)
            .await?;
    }
    scene.gate.open();
    play.stage
        .order(Fault::Hang.on("autoscaling", "CompleteLifecycleAction"));
    for _ in 0..3 {
        let told = play.completions();
        let again = || play.completions() > told;
        play.agent
            .start(&["launch"])?
            .kill_when(PATIENCE, "told", again)
            .await?;
    }
    resumed(Hold::Delivery, &scene, &play).await?;
    let status = play.agent.status().await?;
    // The run that did nothing counts too.
    ensure!(status["resumed"] == 7, "{status:#}");
    Ok(())
}
