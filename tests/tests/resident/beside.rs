//! Two agents at once: `launch` beside `run` follows it to its verdict, and a second `run` takes over when the first stops.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::harness::{Resident, Running, listens};
use firstlight_tests::stage::{Fault, Outcome};

use crate::play::{ENDED, GIVEN_UP, LAUNCHED, Play};
use crate::scene::{Scene, UP};

/// A one-shot agent that waits for the other.
async fn follower(play: &Play) -> Result<Running> {
    let mut follower = play.agent.start(&["launch"])?;
    let pid = follower.pid();
    follower
        .until(PATIENCE, "it follows", || listens(pid))
        .await?;
    Ok(follower)
}

/// Before the first has even asked who it is, in the middle of its launch, and when all is said and done; a launch that the
/// group then gives up is told as it went all the same.
#[tokio::test]
async fn a_launch_follows_the_agent_that_stays() -> Result<()> {
    for (keys, code, epoch, counted) in [
        ("", 0, 1, &[LAUNCHED][..]),
        ("environment: {EXIT_AFTER_MS: 1}", 80, 2, &[GIVEN_UP, ENDED]),
    ] {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.spec("", keys)).await?;
        play.stage.order(Fault::Hang.on_metadata("api/token"));
        let mut resident = play.start()?;
        let asked = || play.stage.calls().iter().any(|call| call.fault.is_some());
        resident.until("metadata is asked", asked).await?;
        let before = follower(&play).await?;
        play.stage.call_off();
        play.stage.order(Fault::Hang.on("ssm", "GetParameters"));
        let resolving = || !play.stage.calls_of("ssm", "GetParameters").is_empty();
        resident.until("it resolves", resolving).await?;
        let during = follower(&play).await?;
        play.stage.call_off();
        for follower in [before, during] {
            follower.finish(PATIENCE).await?.expect_code(code)?;
        }
        resident.rests(epoch).await?;
        let calls = play.stage.calls().len();
        let after = play.agent.run(&["launch"], PATIENCE).await?;
        after.expect_code(code)?;
        play.silent_since(calls)?;
        play.counted(counted)?;
        if code == 0 {
            scene.untouched().await?;
        }
        resident.stops(0).await?;
    }
    Ok(())
}

/// The other way round: the one that stays waits until the launch has left, and keeps what it started.
#[tokio::test]
async fn the_agent_that_stays_follows_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    play.stage.order(Fault::Hang.on("ssm", "GetParameters"));
    let mut launch = play.agent.start(&["launch"])?;
    let resolving = || !play.stage.calls_of("ssm", "GetParameters").is_empty();
    launch.until(PATIENCE, "it resolves", resolving).await?;
    let mut resident = play.start()?;
    let pid = resident.process().pid();
    resident.until("it waits", || listens(pid)).await?;
    play.stage.call_off();
    launch.finish(PATIENCE).await?.expect_code(0)?;
    taken_over(&play, &mut resident).await?;
    scene.untouched().await
}

/// The second agent has the lock, and rests.
async fn taken_over(play: &Play, resident: &mut Resident) -> Result<()> {
    resident
        .says("transition 1 of this instance, resumed 1 times")
        .await?;
    resident.rests(1).await?;
    play.looks(resident).await?;
    play.counted(&[LAUNCHED])
}

/// As in an upgrade: the second waits for the lock. Containers are adopted, and nobody is told again.
#[tokio::test]
async fn a_second_takes_over() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let first = play.serving().await?;
    let mut second = play.start()?;
    let pid = second.process().pid();
    second.until("it waits", || listens(pid)).await?;
    let (before, calls) = (scene.inspect(&scene.web).await?, play.stage.calls().len());
    ensure!(
        second.process().output().is_empty(),
        "{}",
        second.process().output()
    );
    first.stops(0).await?;
    taken_over(&play, &mut second).await?;
    play.asks_once(&mut second, calls).await?;
    ensure!(
        scene.inspect(&scene.web).await? == before,
        "the container was touched"
    );
    scene.untouched().await?;
    second.stops(0).await?;
    scene.untouched().await
}

/// The first stops, or is killed, in the middle of its launch: the second brings it to its one verdict.
#[tokio::test]
async fn a_second_takes_over_a_launch() -> Result<()> {
    for killed in [false, true] {
        let scene = Scene::set().await?;
        let play = scene.play(&scene.plain()).await?;
        // The verdict is on disk, and nobody takes it.
        let deaf = Fault::Hang.on("autoscaling", "CompleteLifecycleAction");
        play.stage.order(deaf);
        let mut first = play.start()?;
        first.until("it signals", || play.completions() > 0).await?;
        let mut second = play.start()?;
        let pid = second.process().pid();
        second.until("it waits", || listens(pid)).await?;
        if killed {
            first.killed().await?;
        } else {
            first.stops(76).await?;
        }
        play.stage.call_off();
        let rested = second.rests(1).await;
        rested.with_context(|| play.stage.transcript())?;
        let counted = play.stage.counted();
        ensure!(
            counted == [(UP.to_owned(), Outcome::Continue)],
            "{counted:?}"
        );
        scene.untouched().await?;
    }
    Ok(())
}
