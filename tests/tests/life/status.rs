//! `firstlight status`, for people and for programs, at each point of a launch's life.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::STAGES;
use firstlight_tests::stage::Fault;
use firstlight_tests::wait::wait_until;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::hold::Hold;
use crate::kill::{failing, kill_at};
use crate::scene::{PATIENCE, Play, QUICK, Scene};

/// Holds `status` to say each of these, and `status --json` to have these members at these pointers.
async fn expect(play: &Play, says: &[&str], members: &[(&str, Value)]) -> Result<Value> {
    let told = play.told().await?;
    let missing: Vec<&&str> = says.iter().filter(|said| !told.contains(**said)).collect();
    ensure!(missing.is_empty(), "{missing:?} are not in\n{told}");
    let status = play.agent.status().await?;
    for (pointer, wanted) in members {
        let found = status.pointer(pointer);
        ensure!(
            found == Some(wanted),
            "{pointer}: wanted {wanted}, got {found:?}\n{status:#}"
        );
    }
    Ok(status)
}

#[tokio::test]
async fn through_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let told = play.told().await?;
    ensure!(
        told == "firstlight has not run on this instance yet\n",
        "{told}"
    );
    ensure!(play.agent.status().await? == Value::Null, "not null");

    play.stage
        .order(Fault::Throttle.on("ssm", "GetParameters").times(2));
    let id = play.stage.instance().id.clone();
    scene.gate.close();
    let running = play.agent.start(&["launch"])?;
    let reached = || Hold::Health.reached(&scene, &play);
    wait_until(PATIENCE, "it is probed", reached)
        .await
        .with_context(|| running.output())?;
    // The stage's beginning is written before its first probe is sent.
    expect(
        &play,
        &[
            &id,
            "health",
            "running",
            "verdict: none yet",
            "the agent is at it",
            "throttled 2 times",
        ],
        &[
            ("/exit_code", Value::Null),
            ("/verdict/kind", json!("none")),
            ("/resumed", json!(0)),
            ("/throttles/ssm:GetParameters", json!(2)),
        ],
    )
    .await?;
    scene.gate.open();
    running.finish(PATIENCE).await?.expect_code(0)?;
    play.stage.assert_faults_fired()?;

    let pinned = scene.pinned(&scene.digest);
    let says = [
        id.as_str(),
        "verdict: CONTINUE after ",
        "web/up: delivered",
        "exit code: 0",
        &pinned,
        &scene.image(),
    ];
    let members = [
        ("/schema", json!(1)),
        ("/instance_id", json!(id)),
        ("/group", json!("web")),
        ("/epoch", json!(1)),
        ("/error", Value::Null),
        ("/verdict/kind", json!("continue")),
        ("/verdict/reason", Value::Null),
        (
            "/delivery",
            json!([{"target": "web/up", "outcome": "delivered"}]),
        ),
        ("/exit_code", json!(0)),
    ];
    let status = expect(&play, &says, &members).await?;
    let stages = status["stages"].as_array().context("no stages")?;
    let names: Vec<&str> = stages
        .iter()
        .filter_map(|stage| stage["stage"].as_str())
        .collect();
    ensure!(names == STAGES, "{status:#}");
    let timed = |stage: &Value| {
        stage["milliseconds"].is_u64()
            && stage["outcome"] == "done"
            && stage["started_at"].is_string()
    };
    ensure!(stages.iter().all(timed), "{status:#}");
    let states = status["containers"]
        .as_array()
        .context("no containers")?
        .iter();
    let states: Vec<(&Value, &Value)> = states
        .map(|found| (&found["name"], &found["state"]))
        .collect();
    let wanted = (
        json!(scene.job),
        json!("finished"),
        json!(scene.web),
        json!("healthy"),
    );
    ensure!(
        states == [(&wanted.0, &wanted.1), (&wanted.2, &wanted.3)],
        "{states:?}"
    );
    Ok(())
}

#[tokio::test]
async fn of_a_failure() -> Result<()> {
    let scene = Scene::set().await?;
    let play = failing(&scene).await?;
    play.launch().await?.expect_code(80)?;
    let says = [
        "start ",
        "failed",
        "task_failed at start:",
        "exited with code 3",
        "no such column",
        "verdict: ABANDON after ",
        "web/up: delivered",
        "exit code: 80",
        "stopped",
    ];
    let members = [
        ("/error/stage", json!("start")),
        ("/error/reason", json!("task_failed")),
        ("/verdict/kind", json!("abandon")),
        ("/verdict/reason", json!("task_failed")),
        ("/exit_code", json!(80)),
    ];
    expect(&play, &says, &members).await?;
    Ok(())
}

#[tokio::test]
async fn of_an_interruption() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    kill_at(Hold::Health, &scene, &play).await?;
    let says = ["verdict: none yet", "the agent is at it, or was killed"];
    expect(&play, &says, &[("/exit_code", Value::Null)]).await?;

    let asked = scene.gate.asked();
    let running = play.agent.start(&["launch"])?;
    let probed = || scene.gate.asked() > asked;
    running
        .signal_when(Signal::SIGTERM, PATIENCE, "probed", probed)
        .await?
        .expect_code(75)?;
    let says = [
        "resumed     1 times",
        "cut off",
        "none yet; interrupted",
        "exit code: 75",
    ];
    let members = [
        ("/exit_code", json!(75)),
        ("/resumed", json!(1)),
        ("/verdict/kind", json!("none")),
    ];
    expect(&play, &says, &members).await?;

    Hold::Delivery.set(&scene, &play);
    scene.gate.open();
    let running = play.agent.start(&["launch"])?;
    let reached = || Hold::Delivery.reached(&scene, &play);
    wait_until(PATIENCE, "it is being delivered", reached).await?;
    expect(
        &play,
        &["verdict: CONTINUE", "being delivered"],
        &[("/exit_code", Value::Null)],
    )
    .await?;
    running.signal(Signal::SIGTERM)?;
    running.finish(PATIENCE).await?.expect_code(76)?;
    let says = ["verdict: CONTINUE", "not delivered", "exit code: 76"];
    expect(
        &play,
        &says,
        &[("/exit_code", json!(76)), ("/delivery", json!([]))],
    )
    .await?;

    Hold::Delivery.resume(&scene, &play).await?.expect_code(0)?;
    let members = [
        ("/exit_code", json!(0)),
        ("/resumed", json!(3)),
        ("/error", Value::Null),
    ];
    expect(
        &play,
        &[
            "verdict: CONTINUE",
            "web/up: delivered",
            "resumed     3 times",
        ],
        &members,
    )
    .await?;
    Ok(())
}
