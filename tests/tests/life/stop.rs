//! SIGTERM and SIGINT: no verdict. Nobody is told, what runs stays, and the next start goes on from there.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::listens;
use firstlight_tests::stage::Outcome;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::hold::Hold;
use crate::scene::{PATIENCE, Play, QUICK, Scene};

async fn stop_at(hold: Hold, signal: Signal, code: i32) -> Result<(Scene, Play)> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", hold.job())).await?;
    hold.set(&scene, &play);
    let running = play.agent.start(&["launch"])?;
    let what = format!("{hold:?}");
    let reached = || hold.reached(&scene, &play);
    let finished = running
        .signal_when(signal, PATIENCE, &what, reached)
        .await?;
    finished.expect_code(code)?;
    let status = play.agent.status().await?;
    ensure!(status["exit_code"] == json!(code), "{hold:?}: {status:#}");
    Ok((scene, play))
}

#[tokio::test]
async fn before_the_verdict() -> Result<()> {
    for (number, hold) in Hold::BEFORE.into_iter().enumerate() {
        let signal = [Signal::SIGTERM, Signal::SIGINT][number % 2];
        let (scene, play) = stop_at(hold, signal, 75)
            .await
            .with_context(|| format!("{hold:?}"))?;
        play.told_nobody()?;
        for (name, runs) in [
            (&scene.job, hold == Hold::Task),
            (&scene.web, hold == Hold::Health),
        ] {
            ensure!(
                !runs || scene.is_running(name).await?,
                "{hold:?}: {name} was stopped"
            );
        }
        let status = play.agent.status().await?;
        let stages = status["stages"].as_array().context("no stages")?;
        let cut_off = stages
            .iter()
            .any(|stage| stage["stage"] == hold.stage() && stage["outcome"] == "cut_off");
        ensure!(
            cut_off && status["verdict"]["kind"] == "none",
            "{hold:?}: {status:#}"
        );
        let told = play.told().await?;
        ensure!(told.contains("interrupted"), "{hold:?}:\n{told}");

        let finished = hold.resume(&scene, &play).await?;
        finished
            .expect_code(0)
            .with_context(|| format!("{hold:?}"))?;
        play.counted(Outcome::Continue)?;
        scene.made(&scene.web, 1).await?;
        scene.made(&scene.job, 1).await?;
        let told = play.told().await?;
        ensure!(
            !told.contains("interrupted"),
            "{hold:?}: it has gone on since:\n{told}"
        );
    }
    Ok(())
}

/// A verdict that is decided stays so; told or not, the next start tells the rest.
#[tokio::test]
async fn while_delivering() -> Result<()> {
    for hold in [Hold::Delivery, Hold::Answer] {
        let (scene, play) = stop_at(hold, Signal::SIGTERM, 76)
            .await
            .with_context(|| format!("{hold:?}"))?;
        let told = play.told().await?;
        ensure!(
            told.contains("CONTINUE") && told.contains("not delivered"),
            "{hold:?}:\n{told}"
        );
        ensure!(
            scene.is_running(&scene.web).await?,
            "{hold:?}: it was stopped"
        );
        hold.resume(&scene, &play).await?.expect_code(0)?;
        play.counted(Outcome::Continue)?;
        play.again_changes_nothing(0).await?;
        scene.made(&scene.web, 1).await?;
    }
    Ok(())
}

/// Two agents: the second follows the first to its verdict, and can be asked to stop without harm to the first.
#[tokio::test]
async fn a_second_agent_follows() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    scene.gate.close();
    let first = play.agent.start(&["launch"])?;
    let probed = || Hold::Health.reached(&scene, &play);
    firstlight_tests::wait::wait_until(PATIENCE, "the first is at it", probed).await?;
    let calls = play.stage.calls().len();
    let (second, third) = (
        play.agent.start(&["launch"])?,
        play.agent.start(&["launch"])?,
    );
    let pid = third.pid();
    let stopped = third
        .signal_when(Signal::SIGTERM, PATIENCE, "it listens for SIGTERM", || {
            listens(pid)
        })
        .await?;
    stopped.expect_code(75)?;
    let other = play.stage.calls().split_off(calls);
    let other: Vec<String> = other
        .iter()
        .filter(|entry| !entry.is("autoscaling", "RecordLifecycleActionHeartbeat"))
        .map(ToString::to_string)
        .collect();
    ensure!(other.is_empty(), "followers called:\n{}", other.join("\n"));
    scene.gate.open();
    for finished in [
        first.finish(PATIENCE).await?,
        second.finish(PATIENCE).await?,
    ] {
        finished.expect_code(0)?;
    }
    play.counted(Outcome::Continue)?;
    ensure!(play.completions() == 1, "{}", play.stage.transcript());
    scene.made(&scene.web, 1).await?;
    scene.made(&scene.job, 1).await
}

/// The first agent dies, and the one that follows it goes on in its place.
#[tokio::test]
async fn a_second_agent_takes_over() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    scene.gate.close();
    let first = play.agent.start(&["launch"])?;
    let mut second = None;
    let both = || {
        if second.is_none() && Hold::Health.reached(&scene, &play) {
            second = play.agent.start(&["launch"]).ok();
        }
        second.as_ref().is_some_and(|second| listens(second.pid()))
    };
    first
        .kill_when(PATIENCE, "the second follows", both)
        .await?;
    scene.gate.open();
    let second = second.context("no second agent")?;
    second.finish(PATIENCE).await?.expect_code(0)?;
    play.counted(Outcome::Continue)?;
    ensure!(play.completions() == 1, "{}", play.stage.transcript());
    scene.made(&scene.web, 1).await?;
    scene.made(&scene.job, 1).await
}
