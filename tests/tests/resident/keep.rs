//! Services after the verdict: what exits is started again as its `restart` says, what keeps dying is told, an engine that goes
//! away and comes back changes nothing, and a task is done for good.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::harness::Resident;
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::stage::{Hook, Stage};
use firstlight_tests::wait::until;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::play::{ENDED, LAUNCHED, Play};
use crate::scene::{DOWN, Scene, UP};

/// What the agent says when it has started a service again, the how-manieth time.
fn again(times: usize) -> String {
    format!("started again, for the {times}. time")
}

/// An agent that serves, and does not wait long before it starts a service again.
async fn serving(scene: &Scene, spec: &str) -> Result<(Play, Resident)> {
    let play = scene.play(spec).await?;
    let resident = play.serving().await?;
    Ok((play, resident))
}

/// Kills the service, and waits until it runs again.
async fn dies(scene: &Scene, resident: &mut Resident, times: usize) -> Result<()> {
    scene.engine.kill(&scene.web).await?;
    resident.says(&again(times)).await
}

/// The same container, its file still there; by a process that started it, and by one that found it.
#[tokio::test]
async fn one_that_dies() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, mut resident) = serving(&scene, &scene.plain()).await?;
    let (calls, id) = (
        play.stage.calls().len(),
        scene.inspect(&scene.web).await?["Id"].clone(),
    );
    dies(&scene, &mut resident, 1).await?;
    scene.given("hello").await?;
    // By itself, and well.
    scene.ends_itself().await?;
    resident.says(&again(2)).await?;
    scene.given("hello").await?;
    let status = play.agent.status().await?;
    ensure!(
        status["dead"][&scene.web]["restarts"] == 2
            && status["dead"][&scene.web]["keeps_dying"] == false,
        "{status:#}"
    );

    resident.stops(0).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    dies(&scene, &mut resident, 1).await?;
    scene.given("hello").await?;
    ensure!(
        scene.inspect(&scene.web).await?["Id"] == id,
        "another container"
    );
    play.asks_once(&mut resident, calls).await?;
    scene.made(&scene.job, 1).await
}

/// It died while no agent was there to see it.
#[tokio::test]
async fn one_that_died_unseen() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, resident) = serving(&scene, &scene.plain()).await?;
    resident.killed().await?;
    scene.engine.kill(&scene.web).await?;
    let mut resident = play.start()?;
    resident.says(&again(1)).await?;
    scene.given("hello").await?;
    play.counted(&[LAUNCHED])
}

/// How each `restart` treats a service that ends well, and one that is killed.
#[tokio::test]
async fn what_restart_says() -> Result<()> {
    for (restart, well, killed) in [
        ("no", false, false),
        ("on-failure", false, true),
        ("always", true, true),
    ] {
        for (kill, is_back) in [(false, well), (true, killed)] {
            let scene = Scene::set().await?;
            let (play, mut resident) =
                serving(&scene, &scene.spec("", &format!("restart: \"{restart}\""))).await?;
            if kill {
                scene.engine.kill(&scene.web).await?;
            } else {
                scene.ends_itself().await?;
            }
            if is_back {
                resident.says(&again(1)).await?;
                scene.comes_to_serve().await?;
            } else {
                resident.says("it is left, as its `restart` says").await?;
                play.looks(&mut resident).await?;
                ensure!(
                    !scene.is_running(&scene.web).await?,
                    "{restart}: it is back"
                );
                // A person starts it: it is kept as before.
                scene
                    .engine
                    .client()
                    .start_container(&scene.web, None)
                    .await?;
                scene.comes_to_serve().await?;
            }
        }
    }
    Ok(())
}

/// Five exits in ten minutes: told once, and after five more once more; the group is told where the spec wants it.
#[tokio::test]
async fn one_that_keeps_dying() -> Result<()> {
    for (top, tells) in [("", false), ("when_service_dies: unhealthy", true)] {
        let scene = Scene::set().await?;
        let (play, mut resident) = serving(&scene, &scene.spec(top, "")).await?;
        let keeps_dying = format!("{} keeps dying: 5 exits within 10 min", scene.web);
        for times in 1..=10 {
            dies(&scene, &mut resident, times).await?;
            let told = resident.process().output().matches(&keeps_dying).count();
            ensure!(told == times / 5, "told {told} times after {times} exits");
        }
        if tells {
            let twice = || play.stage.health().len() == 2;
            resident.until("the group is told", twice).await?;
        }
        play.looks(&mut resident).await?;
        let health: Vec<_> = play.stage.health();
        ensure!(
            health.len() == if tells { 2 } else { 0 }
                && health
                    .iter()
                    .all(|told| told.status == "Unhealthy" && told.respects_grace == Some(false)),
            "{health:?}"
        );
        let status = play.agent.status().await?;
        ensure!(
            status["dead"][&scene.web]["keeps_dying"] == true,
            "{status:#}"
        );
        play.counted(&[LAUNCHED])?;
    }
    Ok(())
}

/// An instance that is called unhealthy is replaced: it drains like any other.
#[tokio::test]
async fn one_that_is_replaced_for_it() -> Result<()> {
    let scene = Scene::set().await?;
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let builder = Stage::builder().group("web", hooks);
    let builder = builder.user_data(scene.spec("when_service_dies: unhealthy", ""));
    let builder = builder.plan(|plan| plan.replaces = Some(Duration::from_millis(300)));
    let play = scene.play_on(builder).await?;
    let mut resident = play.serving().await?;
    for times in 1..=4 {
        dies(&scene, &mut resident, times).await?;
    }
    scene.engine.kill(&scene.web).await?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// The engine is upgraded, or crashes, and what it ran is stopped: services run again, whatever ended them, and the task does
/// not.
#[tokio::test]
async fn an_engine_that_restarts() -> Result<()> {
    const REGISTRY: &str = "registry.test";
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let engine = PrivateEngine::start(AMPLE, &[REGISTRY]).await?;
        let scene = Scene::apart(&engine, REGISTRY).await?;
        let _proxy = Proxy::on(engine.listen(REGISTRY)?, &scene.ground.registry.host())?;
        // It is out of reach of probes from here, and the agent's files are out of its reach.
        let keys = "files: {}\nrestart: on-failure\nhealth: {command: [/webapp, probe], interval: 50ms, healthy_threshold: 1}";
        let (play, mut resident) = serving(&scene, &scene.spec("", keys)).await?;
        let (task, service) = (
            scene.inspect(&scene.job).await?,
            scene.inspect(&scene.web).await?,
        );
        engine.restart(signal)?;
        resident.says(&again(1)).await?;
        let serves = async || scene.is_running(&scene.web).await.ok()?.then_some(());
        until(PATIENCE, "it runs again", serves).await?;
        play.looks(&mut resident).await?;
        ensure!(
            scene.inspect(&scene.web).await?["Id"] == service["Id"],
            "another container"
        );
        let ended = |task: &Value| task["State"]["FinishedAt"].clone();
        ensure!(
            ended(&scene.inspect(&scene.job).await?) == ended(&task),
            "the task ran again"
        );
        play.counted(&[LAUNCHED])?;
    }
    Ok(())
}
