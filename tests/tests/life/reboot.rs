//! The machine is started anew: another boot id, nothing running, nothing in memory. What was decided stands, what was
//! finished is not done again, and the launch gets no new time.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Boot;
use firstlight_tests::stage::Outcome;
use firstlight_tests::wait::wait_until;
use serde_json::json;

use crate::hold::Hold;
use crate::kill::{failing, kill_at};
use crate::scene::{PATIENCE, QUICK, Scene};

/// How long this machine is up, in seconds; a new boot of it cannot be younger.
fn uptime() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    let seconds = text.split('.').next().context("no uptime")?;
    Ok(seconds.parse()?)
}

/// A launch's time that a boot of this machine's age does not use up.
fn ample() -> Result<String> {
    Ok(format!("{}s", uptime()? + 3600))
}

/// A file of the service's own, with the word in it.
fn with_file(scene: &Scene) -> String {
    let word = scene.parameter("word");
    format!("files:\n  /run/word: {{content: \"{{{{ssm:{word}}}}}\", mode: \"0400\"}}")
}

/// Holds the service to run in this boot: made for it, of the recorded image, with this word in its file.
async fn serves(scene: &Scene, boot: &Boot, pinned: &str, word: &str) -> Result<()> {
    let web = scene.inspect(&scene.web).await?;
    let config = &web["Config"];
    ensure!(config["Image"] == pinned, "another image: {config:#}");
    ensure!(
        config["Labels"]["io.firstlight.boot"] == json!(boot.id()),
        "another boot: {config:#}"
    );
    let source = web["HostConfig"]["Mounts"][0]["Source"]
        .as_str()
        .context("no file")?;
    ensure!(source.contains(boot.id()), "{source}");
    ensure!(
        std::fs::read_to_string(source)? == word,
        "the file is stale"
    );
    ensure!(scene.is_running(&scene.web).await?, "it does not run");
    Ok(())
}

#[tokio::test]
async fn before_the_verdict() -> Result<()> {
    for hold in [Hold::Pull, Hold::Task, Hold::Health] {
        let scene = Scene::set().await?;
        let spec = scene.spec(&ample()?, &with_file(&scene), hold.job());
        let mut play = scene.play(&spec).await?;
        kill_at(hold, &scene, &play).await?;
        // A power cut stops what runs, whoever made it.
        let job = if hold == Hold::Task { 2 } else { 1 };
        let web = if hold == Hold::Health { 2 } else { 1 };
        for (name, times) in [(&scene.job, job), (&scene.web, web)] {
            if times == 2 {
                scene.engine.kill(name).await?;
            }
        }
        let boot = Boot::new()?;
        play.agent = boot.of(&play.agent)?;
        let finished = if hold == Hold::Task {
            // It was cut off, so it runs again; this time to its end.
            let running = play.agent.start(&["launch"])?;
            let again = || scene.events.count(&scene.job, "start") == 2;
            wait_until(PATIENCE, "the task runs again", again)
                .await
                .with_context(|| running.output())?;
            scene.end_task().await?;
            running.finish(PATIENCE).await?
        } else {
            hold.resume(&scene, &play).await?
        };
        finished
            .expect_code(0)
            .with_context(|| format!("{hold:?}"))?;
        play.counted(Outcome::Continue)?;
        scene.made(&scene.job, job).await?;
        scene.made(&scene.web, web).await?;
        serves(&scene, &boot, &scene.pinned(&scene.digest), "hello").await?;
        let status = play.agent.status().await?;
        ensure!(
            status["boot_id"] == json!(boot.id()) && status["resumed"] == 1,
            "{status:#}"
        );
    }
    Ok(())
}

/// The tag has moved, a secret was changed: the recorded image with the new secret, the task not again, and no signal.
#[tokio::test]
async fn after_everything() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene
        .play(&scene.spec("60s", &with_file(&scene), QUICK))
        .await?;
    play.launch().await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    let decided = play.agent.status().await?["verdict"].clone();

    ensure!(scene.push().await? != scene.digest, "the tag has not moved");
    for word in ["hello", "goodbye"] {
        if word != "hello" {
            scene.word(word).await?;
        }
        scene.engine.kill(&scene.web).await?;
        let boot = Boot::new()?;
        play.agent = boot.of(&play.agent)?;
        play.launch().await?.expect_code(0)?;
        ensure!(
            play.completions() == 1,
            "told again:\n{}",
            play.stage.transcript()
        );
        serves(&scene, &boot, &scene.pinned(&scene.digest), word).await?;
        scene
            .made(&scene.job, 1)
            .await
            .with_context(|| format!("the word is {word}"))?;
        let status = play.agent.status().await?;
        ensure!(
            status["verdict"] == decided && status["exit_code"] == 0,
            "{status:#}"
        );
    }
    scene.made(&scene.web, 3).await
}

/// Decided, and nobody told yet: it is told when it is true again.
#[tokio::test]
async fn between_verdict_and_delivery() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene
        .play(&scene.spec("60s", &with_file(&scene), QUICK))
        .await?;
    kill_at(Hold::Delivery, &scene, &play).await?;
    scene.engine.kill(&scene.web).await?;
    Hold::Delivery.release(&scene, &play)?;
    scene.gate.close();
    let told = play.completions();
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let running = play.agent.start(&["launch"])?;
    let asked = scene.gate.asked();
    let (beats, probed) = (play.stage.heartbeats().len(), || {
        scene.gate.asked() > asked + 3
    });
    wait_until(PATIENCE, "it is probed again", probed)
        .await
        .with_context(|| running.output())?;
    ensure!(
        play.completions() == told,
        "told too early:\n{}",
        play.stage.transcript()
    );
    ensure!(
        play.stage.heartbeats().len() > beats,
        "not kept waiting:\n{}",
        play.stage.transcript()
    );
    scene.gate.open();
    running.finish(PATIENCE).await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 1).await?;
    serves(&scene, &boot, &scene.pinned(&scene.digest), "hello").await
}

/// A launch that was given up stays so, told or not, and its containers stay stopped.
#[tokio::test]
async fn after_an_abandon() -> Result<()> {
    for told in [true, false] {
        let scene = Scene::set().await?;
        let mut play = failing(&scene).await?;
        if told {
            play.launch().await?.expect_code(80)?;
            play.counted(Outcome::Abandon)?;
        } else {
            kill_at(Hold::Delivery, &scene, &play).await?;
            scene.engine.kill(&scene.web).await?;
            Hold::Delivery.release(&scene, &play)?;
        }
        let boot = Boot::new()?;
        play.agent = boot.of(&play.agent)?;
        if !told {
            play.launch().await?.expect_code(80)?;
            play.counted(Outcome::Abandon)?;
        }
        play.again_changes_nothing(80).await?;
        for name in [&scene.web, &scene.job] {
            scene.made(name, 1).await?;
            ensure!(!scene.is_running(name).await?, "{name} runs");
        }
    }
    Ok(())
}

/// The new boot is older than the launch's whole time: it is over, whatever the wall clock says.
#[tokio::test]
async fn no_new_time() -> Result<()> {
    let scene = Scene::set().await?;
    let half = format!("{}s", uptime()? / 2);
    let mut play = scene.play(&scene.spec(&half, "", QUICK)).await?;
    kill_at(Hold::Pull, &scene, &play).await?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    Hold::Pull.resume(&scene, &play).await?.expect_code(69)?;
    play.counted(Outcome::Abandon)?;
    let status = play.agent.status().await?;
    ensure!(status["verdict"]["reason"] == "deadline", "{status:#}");
    scene.made(&scene.job, 0).await?;
    scene.made(&scene.web, 0).await
}
