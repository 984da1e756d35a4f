//! What EC2 announces: an interruption drains, advice is told, and each does what `drain.on` says of it; what is taken back is
//! as if it had never been.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use firstlight_tests::harness::Resident;
use firstlight_tests::stage::{Edge, Fault, Group, SpotAction};

use crate::drain::{NEVER_HEALTHY, probed};
use crate::play::{ENDED, GIVEN_UP, LAUNCHED};
use crate::scene::{MINUTES, Scene};

const SPOT: &str = "meta-data/spot/instance-action";
const REBALANCE: &str = "meta-data/events/recommendations/rebalance";
const MAINTENANCE: &str = "meta-data/events/maintenance/scheduled";

/// Waits until the service is stopped.
async fn drained(scene: &Scene, resident: &mut Resident) -> Result<()> {
    let died = || scene.events.count(&scene.web, "die") > 0;
    resident.until("it is drained", died).await
}

/// So near that services are stopped at once.
pub(crate) const SOON: Duration = Duration::from_secs(12);

/// Load balancers know nothing of it: it serves on until the group acts, and is drained as the group says.
#[tokio::test]
async fn an_interruption() -> Result<()> {
    for action in [
        SpotAction::Terminate,
        SpotAction::Stop,
        SpotAction::Hibernate,
    ] {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.plain()).await?;
        let mut resident = play.serving().await?;
        play.stage.spot_notice(action, MINUTES);
        resident.says("spot").await?;
        play.looks(&mut resident).await?;
        scene.untouched().await?;
        play.counted(&[LAUNCHED])?;
        play.stage.group(Group::terminate)?;
        resident.rests(2).await?;
        play.counted(&[LAUNCHED, ENDED])?;
    }
    Ok(())
}

/// With the end near it is drained, and tells nobody; when the group ends it there is nothing left to do but to let go.
#[tokio::test]
async fn an_interruption_that_is_near() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    play.stage.spot_notice(SpotAction::Terminate, SOON);
    drained(&scene, &mut resident).await?;
    play.looks(&mut resident).await?;
    play.counted(&[LAUNCHED])?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])
}

/// Where the group may not be asked it serves on for the delay, but never so long that the end comes first.
#[tokio::test]
async fn an_interruption_with_a_delay() -> Result<()> {
    for (delay, left, at_least) in [(3, 120, 3), (600, 20, 0)] {
        let scene = Scene::set().await?;
        let top = format!("drain: {{delay: {delay}s}}");
        let play = scene.play(&scene.spec(&top, "")).await?;
        let mut resident = play.serving().await?;
        let describe = Fault::Deny.on("autoscaling", "DescribeAutoScalingInstances");
        play.stage.order(describe);
        let began = Instant::now();
        play.stage
            .spot_notice(SpotAction::Terminate, Duration::from_secs(left));
        drained(&scene, &mut resident).await?;
        let took = began.elapsed().as_secs();
        ensure!(
            (at_least..left).contains(&took),
            "drained after {took} s: delay {delay} s, {left} s left"
        );
    }
    Ok(())
}

/// Told once, and not acted on.
#[tokio::test]
async fn advice() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    let calls = play.stage.calls().len();
    play.stage.rebalance();
    resident.says("rebalance").await?;
    play.stage.maintenance("system-reboot", MINUTES);
    resident.says("scheduled event").await?;
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    scene.untouched().await
}

/// Named in `drain.on`, each drains.
#[tokio::test]
async fn advice_that_is_heeded() -> Result<()> {
    for named in ["rebalance", "maintenance"] {
        let scene = Scene::set().await?;
        let play = scene
            .play(&scene.spec(&format!("drain: {{on: [{named}]}}"), ""))
            .await?;
        let mut resident = play.serving().await?;
        // Not named.
        play.stage.spot_notice(SpotAction::Terminate, MINUTES);
        resident.says("spot").await?;
        play.looks(&mut resident).await?;
        scene.untouched().await?;
        match named {
            "rebalance" => play.stage.rebalance(),
            _ => play.stage.maintenance("instance-retirement", MINUTES),
        }
        drained(&scene, &mut resident).await?;
        play.counted(&[LAUNCHED])?;
    }
    Ok(())
}

/// The instance is kept after all: it serves again, and nobody is told.
#[tokio::test]
async fn taken_back() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    play.stage.spot_notice(SpotAction::Stop, SOON);
    drained(&scene, &mut resident).await?;
    play.looks(&mut resident).await?;
    play.stage.set_metadata(SPOT, None);
    let again = || scene.events.count(&scene.web, "start") > 1;
    resident.until("it is started again", again).await?;
    play.counted(&[LAUNCHED])?;
    scene.given("hello").await?;
    // The task is done for good.
    scene.made(&scene.job, 1).await
}

/// Before anything serves: the launch is given up, so that the group looks for another instance at once.
#[tokio::test]
async fn an_interruption_during_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("", NEVER_HEALTHY)).await?;
    let mut resident = probed(&scene, &play).await?;
    play.stage.spot_notice(SpotAction::Terminate, MINUTES);
    resident.says("reclaimed").await?;
    resident.rests(2).await?;
    play.counted(&[GIVEN_UP, ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// What is no interruption ends no launch, unless it is named.
#[tokio::test]
async fn advice_during_a_launch() -> Result<()> {
    for (top, heeded) in [("", false), ("drain: {on: [terminate, rebalance]}", true)] {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.spec(top, NEVER_HEALTHY)).await?;
        let mut resident = probed(&scene, &play).await?;
        play.stage.rebalance();
        resident.says("rebalance").await?;
        if heeded {
            resident.rests(2).await?;
            play.counted(&[GIVEN_UP, ENDED])?;
        } else {
            play.looks(&mut resident).await?;
            play.counted(&[(Edge::Launch, &[])])?;
        }
        ensure!(
            scene.is_running(&scene.web).await? != heeded,
            "{top:?}: whether it runs"
        );
    }
    Ok(())
}

/// What was announced before a reboot is over with it; what still holds then is announced again.
#[tokio::test]
async fn announced_before_the_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    for path in [REBALANCE, MAINTENANCE] {
        // What does not say what it should announces nothing dangerous.
        play.stage.set_metadata(path, Some(b"[]"));
    }
    play.stage.spot_notice(SpotAction::Terminate, MINUTES);
    let mut resident = play.start()?;
    resident.says("reclaimed").await?;
    resident.rests(2).await?;
    play.counted(&[GIVEN_UP, ENDED])
}
