//! The warm pool: in with nothing started and no secret asked for, out into service with everything looked up again, back, and
//! to its end from there.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Boot, Resident};
use firstlight_tests::stage::{
    Builder, Edge, Fault, Group, Hook, Lifecycle, Outcome, Pool, SpotAction, Stage,
};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::play::{ENTERED, LAUNCHED, LEFT, Play, RETURNED, Told};
use crate::scene::{DOWN, MINUTES, Scene, TARGET, UP};

/// Given up on its way in, and then ended.
const REFUSED: [Told; 2] = [
    (Edge::WarmEnter, &[(UP, Outcome::Abandon)]),
    (Edge::WarmTerminate, &[(DOWN, Outcome::Continue)]),
];

/// A group that launches into its warm pool.
fn pool(scene: &Scene, pool: Pool) -> Builder {
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    Stage::builder()
        .group("web", hooks)
        .warm(pool)
        .user_data(scene.plain())
}

/// The agent on it, in the pool and at rest.
async fn pooled(scene: &Scene, kind: Pool) -> Result<(Play, Resident)> {
    let play = scene.play_on(pool(scene, kind)).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[ENTERED])?;
    rests_cold(scene, &play).await?;
    Ok((play, resident))
}

/// Holds nothing to be left of what ran: an environment is on the disk for as long as its container. And no secret.
async fn rests_cold(scene: &Scene, play: &Play) -> Result<()> {
    let left = scene.engine.of_instance(&play.stage.instance().id).await?;
    ensure!(left.is_empty(), "{left:?} are in the pool");
    let secrets = play.secret_files()?;
    ensure!(secrets.is_empty(), "secrets in the pool: {secrets:?}");
    Ok(())
}

/// Another image under the tag, another secret: what an instance in the pool has missed. Gives the image.
async fn time_goes_by(scene: &Scene) -> Result<String> {
    scene.secret("word", "later").await?;
    scene.push().await
}

/// Holds the service to run from this image, with the secret as it is now.
async fn up_to_date(scene: &Scene, digest: &str, word: &str) -> Result<()> {
    let runs = scene.inspect(&scene.web).await?["Config"]["Image"].clone();
    ensure!(
        runs == scene.pinned(digest),
        "it runs {runs}, wanted {digest}"
    );
    scene.given(word).await
}

#[tokio::test]
async fn in_with_nothing_started() -> Result<()> {
    for kind in [Pool::Stopped, Pool::Running, Pool::Hibernated] {
        let scene = Scene::set().await?;
        let digest = scene.push().await?;
        let (play, mut resident) = pooled(&scene, kind).await?;
        scene.made(&scene.web, 0).await?;
        scene.made(&scene.job, 0).await?;
        let asked = |name: &str| {
            let name = scene.named(name);
            let calls = play.stage.calls();
            calls
                .iter()
                .any(|call| call.call.service == "ssm" && call.call.names(&name))
        };
        ensure!(
            asked("version") && asked("registry"),
            "{}",
            play.stage.transcript()
        );
        ensure!(
            !asked("word"),
            "a secret was asked for:\n{}",
            play.stage.transcript()
        );
        let pinned = scene.pinned(&digest);
        let image = scene.engine.client().inspect_image(&pinned).await;
        image.with_context(|| format!("{pinned} was not pulled"))?;
        let status = play.agent.status().await?;
        ensure!(status["verdict"]["kind"] == "continue", "{status:#}");
        // It rests there.
        let calls = play.stage.calls().len();
        play.looks(&mut resident).await?;
        play.silent_since(calls)?;
    }
    Ok(())
}

/// Out of the pool with the agent running all along: tags and secrets are those of now, and the launch hook is told again.
#[tokio::test]
async fn out_into_service() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, mut resident) = pooled(&scene, Pool::Running).await?;
    let digest = time_goes_by(&scene).await?;
    play.stage.group(Group::leave_pool)?;
    resident.rests(2).await?;
    play.counted(&[ENTERED, LEFT])?;
    up_to_date(&scene, &digest, "later").await?;
    scene.untouched().await
}

/// Metadata is silent while the group has the instance back in its pool and out again, so the target is what it was: the group
/// is asked, and its hook waits for another verdict.
#[tokio::test]
async fn back_and_out_unseen() -> Result<()> {
    let scene = Scene::set().await?;
    let stage = Stage::builder().group("web", [Hook::launching(UP)]);
    let stage = stage.plan(|plan| {
        plan.pool = Some(Pool::Running);
        plan.deregister = Duration::ZERO;
    });
    let play = scene.play_on(stage.user_data(scene.plain())).await?;
    let mut resident = play.serving().await?;
    play.stage.order(Fault::Drop.on("imds", "*"));
    resident
        .says("nothing is known of the group's wishes")
        .await?;
    play.stage.group(Group::return_to_pool)?;
    ensure!(play.stage.lifecycle() == Some(Lifecycle::WarmedRunning));
    play.stage.group(Group::leave_pool)?;
    play.stage.call_off();
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, (Edge::WarmReturn, &[]), LEFT])?;
    scene.made(&scene.job, 2).await?;
    scene.serves().await.map(drop)
}

/// The machine sleeps, and wakes in service: the same boot, the same process, and nothing it could have noticed meanwhile.
#[tokio::test]
async fn out_by_waking_up() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, mut resident) = pooled(&scene, Pool::Hibernated).await?;
    resident.process().signal(Signal::SIGSTOP)?;
    let digest = time_goes_by(&scene).await?;
    play.stage.group(Group::leave_pool)?;
    resident.process().signal(Signal::SIGCONT)?;
    resident.rests(2).await?;
    play.counted(&[ENTERED, LEFT])?;
    up_to_date(&scene, &digest, "later").await?;
    scene.untouched().await
}

/// The machine was stopped, and starts in service: another boot, another process.
#[tokio::test]
async fn out_by_another_boot() -> Result<()> {
    let scene = Scene::set().await?;
    let (mut play, resident) = pooled(&scene, Pool::Stopped).await?;
    resident.killed().await?;
    let digest = time_goes_by(&scene).await?;
    play.stage.group(Group::leave_pool)?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(2).await?;
    play.counted(&[ENTERED, LEFT])?;
    up_to_date(&scene, &digest, "later").await?;
    scene.untouched().await
}

/// Booted again in the pool, as a person may do it: it goes on resting.
#[tokio::test]
async fn another_boot_in_the_pool() -> Result<()> {
    let scene = Scene::set().await?;
    let (mut play, resident) = pooled(&scene, Pool::Stopped).await?;
    resident.killed().await?;
    let (boot, calls) = (Boot::new()?, play.stage.calls().len());
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    rests_cold(&scene, &play).await?;
    play.stage.group(Group::leave_pool)?;
    resident.rests(2).await?;
    play.counted(&[ENTERED, LEFT])
}

/// Killed on its way in: the next process brings it to its one verdict.
#[tokio::test]
async fn killed_on_its_way_in() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play_on(pool(&scene, Pool::Stopped)).await?;
    play.stage.order(Fault::Hang.on("ssm", "GetParameters"));
    let mut resident = play.start()?;
    let asked = || !play.stage.calls_of("ssm", "GetParameters").is_empty();
    resident.until("it resolves", asked).await?;
    resident.killed().await?;
    play.stage.call_off();
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[ENTERED])?;
    rests_cold(&scene, &play).await
}

/// EC2 takes the instance back before it is in: the group is told, so that it looks for another one.
#[tokio::test]
async fn interrupted_on_its_way_in() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play_on(pool(&scene, Pool::Stopped)).await?;
    play.stage.order(Fault::Hang.on("ssm", "GetParameters"));
    let mut resident = play.start()?;
    let asked = || !play.stage.calls_of("ssm", "GetParameters").is_empty();
    resident.until("it resolves", asked).await?;
    play.stage.spot_notice(SpotAction::Terminate, MINUTES);
    resident.rests(2).await?;
    play.counted(&REFUSED)?;
    scene.made(&scene.web, 0).await
}

/// Scaled in to the pool and out again: drained, cold, and launched anew; each edge has its own hook and verdict.
#[tokio::test]
async fn back_and_out_again() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = pool(&scene, Pool::Stopped);
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let play = scene.play_on(builder.group("web", hooks)).await?;
    let mut resident = play.serving().await?;
    play.stage.group(Group::return_to_pool)?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, RETURNED])?;
    rests_cold(&scene, &play).await?;

    let digest = time_goes_by(&scene).await?;
    play.stage.group(Group::leave_pool)?;
    resident.rests(3).await?;
    play.counted(&[LAUNCHED, RETURNED, LEFT])?;
    up_to_date(&scene, &digest, "later").await?;
    let secrets = play.secret_files()?;
    ensure!(secrets.len() == 1, "of an earlier launch too: {secrets:?}");
    // The first launch's containers are replaced, and its task is not this one's.
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 2).await?;

    play.stage.group(Group::return_to_pool)?;
    resident.rests(4).await?;
    play.counted(&[LAUNCHED, RETURNED, LEFT, RETURNED])?;
    rests_cold(&scene, &play).await
}

/// An instance in the pool is terminated: there is nothing to stop, and the hook need not wait.
#[tokio::test]
async fn terminated_in_the_pool() -> Result<()> {
    let scene = Scene::set().await?;
    let (play, mut resident) = pooled(&scene, Pool::Stopped).await?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[ENTERED, (Edge::WarmTerminate, &[(DOWN, Outcome::Continue)])])?;
    scene.made(&scene.web, 0).await
}

/// Metadata tells late that it is bound for the pool: until then nothing may have been started.
#[tokio::test]
async fn a_target_that_comes_late() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play_on(pool(&scene, Pool::Stopped)).await?;
    let play = play.timings(&json!({"target_patience": 60_000}));
    play.stage.set_metadata(TARGET, None);
    let mut resident = play.start()?;
    resident.says("nothing is started before").await?;
    play.stage.set_metadata(TARGET, Some(b"Warmed:Stopped"));
    // What began as a launch is none.
    resident.rests(2).await?;
    play.counted(&[ENTERED])?;
    scene.made(&scene.web, 0).await?;
    scene.made(&scene.job, 0).await?;
    rests_cold(&scene, &play).await
}

/// The pool's launch fails: the group is told, and ends it.
#[tokio::test]
async fn refused_on_its_way_in() -> Result<()> {
    let scene = Scene::set().await?;
    let moto = &scene.ground.moto;
    moto.put_parameter(&scene.named("version"), "none-such", "String")
        .await?;
    let play = scene.play_on(pool(&scene, Pool::Stopped)).await?;
    let mut resident = play.start()?;
    resident.rests(2).await?;
    play.counted(&REFUSED)?;
    scene.made(&scene.web, 0).await
}
