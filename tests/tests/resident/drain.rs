//! Out of the group: it serves until nobody sends requests any more, stops in order within the grace periods while the hook is
//! kept waiting, and lets go.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Resident;
use firstlight_tests::stage::{Builder, Edge, Fault, Group, Hook, Lifecycle, Outcome, Stage};
use serde_json::json;

use crate::play::{ENDED, LAUNCHED, Play};
use crate::scene::{DOWN, Scene, UP};

/// A group whose balancer takes this long to let go of the instance.
fn balanced(spec: &str, takes: Duration) -> Builder {
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let builder = Stage::builder().group("web", hooks).user_data(spec);
    builder.plan(|plan| plan.deregister = takes)
}

/// Has the service answer again and again while `on` holds, and gives how often it did.
async fn answers_while(scene: &Scene, mut on: impl FnMut() -> bool) -> Result<usize> {
    let mut answered = 0;
    while on() {
        let served = scene.serves().await;
        // What was asked in the last moment may find nobody there.
        if let Err(error) = served.as_ref().map(|_| ()) {
            ensure!(
                !on(),
                "it serves no more, after {answered} answers: {error:#}"
            );
            break;
        }
        answered += 1;
    }
    Ok(answered)
}

/// The balancer sends requests for a while yet: they are answered. Then what depends on others stops before these, the one
/// that does not listen at the end of its grace period, with the hook kept waiting meanwhile.
#[tokio::test]
async fn on_terminate() -> Result<()> {
    let scene = Scene::set().await?;
    let db = scene.names.unique("db");
    // Without `init` it is deaf to SIGTERM, and is killed when its grace is over.
    let spec = scene.spec(
        "",
        &format!("depends_on: [{db}]\ninit: false\nstop_grace_period: 3s"),
    ) + &scene.service(&db, "command: [worker]\ninit: true");
    let play = scene
        .play_on(balanced(&spec, Duration::from_secs(3)))
        .await?;
    let play = play.timings(&json!({"heartbeat_most": 300, "settle": 200}));
    let mut resident = play.serving().await?;
    play.stage.group(Group::terminate)?;
    let waiting = || play.stage.lifecycle() == Some(Lifecycle::Terminating);
    let answered = answers_while(&scene, waiting).await?;
    ensure!(
        answered > 3,
        "{answered} answers while the balancer drained it"
    );
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])?;
    ensure!(!scene.is_running(&db).await?, "the database runs");
    scene
        .events
        .expect(&scene.engine, &scene.web, &[("die", 1)])
        .await?;
    scene
        .events
        .expect(&scene.engine, &db, &[("die", 1)])
        .await?;
    let (web, db) = (scene.ended(&scene.web).await?, scene.ended(&db).await?);
    ensure!(web <= db, "{web} after {db}");
    let beats = play.stage.heartbeats();
    let down = beats.iter().filter(|(_, hook)| hook == DOWN).count();
    ensure!(down >= 3, "{down} heartbeats during 3 s of grace");
    // What is over is over.
    let calls = play.stage.calls().len();
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    resident.stops(0).await?;
    Ok(())
}

/// The role may not ask the group: it serves on for the delay.
#[tokio::test]
async fn unguided() -> Result<()> {
    const DELAY: Duration = Duration::from_secs(3);
    let scene = Scene::set().await?;
    let top = "signal: {group: web, launching: up, terminating: down}\ndrain: {delay: 3s}";
    let play = scene
        .play_on(balanced(&scene.spec(top, ""), Duration::ZERO))
        .await?;
    for operation in ["DescribeAutoScalingInstances", "DescribeLifecycleHooks"] {
        play.stage.order(Fault::Deny.on("autoscaling", operation));
    }
    let mut resident = play.serving().await?;
    let began = Instant::now();
    play.stage.group(Group::terminate)?;
    let answered = answers_while(&scene, || began.elapsed() < DELAY).await?;
    ensure!(answered > 3, "{answered} answers during the delay");
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// `drain.on` does not name it: it serves until the machine is taken away, and tells nobody.
#[tokio::test]
async fn not_wanted() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("drain: {on: [spot]}", "")).await?;
    let mut resident = play.serving().await?;
    let calls = play.stage.calls().len();
    play.stage.group(Group::terminate)?;
    resident
        .says("the group wants this instance Terminated")
        .await?;
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    play.counted(&[LAUNCHED, (Edge::Terminate, &[])])?;
    scene.untouched().await
}

/// Several hooks wait, and none is said to be ours, or one that is not there: it drains, says so, and leaves them to whose they
/// are.
#[tokio::test]
async fn nobody_can_be_told() -> Result<()> {
    for (top, says) in [
        (
            "",
            "several terminate hooks (down, logs) and the spec names none",
        ),
        (
            "signal: {terminating: other}",
            "group web has no terminate hook other (it has: down, logs)",
        ),
    ] {
        let scene = Scene::set().await?;
        let hooks = [
            Hook::launching(UP),
            Hook::terminating(DOWN),
            Hook::terminating("logs"),
        ];
        let builder = Stage::builder()
            .group("web", hooks)
            .user_data(scene.spec(top, ""));
        let play = scene.play_on(builder).await?;
        let mut resident = play.serving().await?;
        play.stage.group(Group::terminate)?;
        resident.says(says).await?;
        resident.rests(2).await?;
        play.counted(&[LAUNCHED, (Edge::Terminate, &[])])?;
        ensure!(!scene.is_running(&scene.web).await?, "it runs");
    }
    Ok(())
}

/// The balancer still sends requests, and the service dies: it is started again as before.
#[tokio::test]
async fn a_service_that_dies_meanwhile() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene
        .play_on(balanced(&scene.plain(), Duration::from_secs(3600)))
        .await?;
    let mut resident = play.serving().await?;
    play.stage.group(Group::terminate)?;
    resident.says("serving on until").await?;
    scene.engine.kill(&scene.web).await?;
    resident.says("started again, for the 1. time").await?;
    scene.given("hello").await?;
    play.counted(&[LAUNCHED, (Edge::Terminate, &[])])
}

/// One of several is named: that one is told, and the other is not ours.
#[tokio::test]
async fn the_hook_that_is_named() -> Result<()> {
    let scene = Scene::set().await?;
    let hooks = [
        Hook::launching(UP),
        Hook::terminating(DOWN),
        Hook::terminating("logs"),
    ];
    let spec = scene.spec("signal: {terminating: logs}", "");
    let play = scene
        .play_on(Stage::builder().group("web", hooks).user_data(spec))
        .await?;
    let mut resident = play.serving().await?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, (Edge::Terminate, &[("logs", Outcome::Continue)])])
}

/// Nothing tells when the balancer is done: it serves until the machine is shut down, or much too much time is over.
#[tokio::test]
async fn no_hook() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = Stage::builder().group("web", [Hook::launching(UP)]);
    let play = scene.play_on(builder.user_data(scene.plain())).await?;
    let play = play.timings(&json!({"drain_most": 2000}));
    let mut resident = play.serving().await?;
    play.stage.group(Group::terminate)?;
    resident.says("serving on until").await?;
    scene.serves().await?;
    resident.says("did not say in time").await?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, (Edge::Terminate, &[])])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// Out of standby, where nobody sends requests.
#[tokio::test]
async fn from_standby() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    play.stage.group(Group::enter_standby)?;
    resident
        .says("the group wants this instance Standby")
        .await?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, (Edge::EnterStandby, &[]), ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// Killed in the middle of it: the next process drains to the end.
#[tokio::test]
async fn killed_meanwhile() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene
        .play_on(balanced(&scene.plain(), Duration::from_secs(3)))
        .await?;
    let mut resident = play.serving().await?;
    play.stage.group(Group::terminate)?;
    resident.says("transition 2 of this instance").await?;
    resident.killed().await?;
    scene.serves().await.context("it was stopped too early")?;
    let mut resident = play.start()?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// The group ends an instance whose launch is under way: no launch hook hears of it any more, and nothing goes on running.
#[tokio::test]
async fn during_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("", NEVER_HEALTHY)).await?;
    let mut resident = probed(&scene, &play).await?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[(Edge::Launch, &[]), ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// Keys of a service that runs and is never healthy.
pub(crate) const NEVER_HEALTHY: &str = "environment: {HEALTH_STATUS: 503}";

/// An agent whose launch waits for its service to become healthy.
pub(crate) async fn probed(scene: &Scene, play: &Play) -> Result<Resident> {
    let mut resident = play.start()?;
    resident.says("answered 503").await?;
    ensure!(scene.is_running(&scene.web).await?, "it does not run");
    Ok(resident)
}
