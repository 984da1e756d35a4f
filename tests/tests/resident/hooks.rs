//! Who waits: hooks made late, several, none; groups that are joined late; a group that tells nothing.

use anyhow::{Result, ensure};
use firstlight_tests::stage::{Edge, Fault, Group, Hook, Opens, Outcome, Stage};
use serde_json::json;

use crate::play::{ENDED, LAUNCHED};
use crate::scene::{DOWN, Scene, TARGET, UP};

/// In no group: it serves, and tells nobody. Then one takes it in, which has no hook for that, and ends it later, which has.
#[tokio::test]
async fn joining_after_boot() -> Result<()> {
    let scene = Scene::set().await?;
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let builder = Stage::builder().group("web", hooks).outside();
    let play = scene.play_on(builder.user_data(scene.plain())).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    let calls = play.stage.calls().len();
    play.stage.group(Group::attach)?;
    resident
        .says("the group wants this instance InService")
        .await?;
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    play.counted(&[(Edge::Attach, &[])])?;
    scene.untouched().await?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[(Edge::Attach, &[]), ENDED])?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}

/// Metadata has no target state in the first moments, and the group lists the instance before it does: nothing is started
/// until then, for it might be bound for a warm pool.
#[tokio::test]
async fn a_target_that_comes_late() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let play = play.timings(&json!({"target_patience": 60_000}));
    play.stage.set_metadata(TARGET, None);
    let mut resident = play.start()?;
    resident.says("nothing is started before").await?;
    scene.made(&scene.job, 0).await?;
    play.stage.set_metadata(TARGET, Some(b"InService"));
    resident.rests(1).await?;
    play.counted(&[LAUNCHED])?;
    scene.untouched().await
}

/// The hook was made when the instance was there: it holds up the next, and this one goes into service without it. One that is
/// made while it serves is there for its end.
#[tokio::test]
async fn a_hook_made_after_the_instance() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = Stage::builder().group("web", []).user_data(scene.plain());
    let play = scene.play_on(builder).await?;
    play.stage.group(|group, now| {
        group.add_hook(Hook::launching(UP), now);
        Ok(())
    })?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    let status = play.agent.status().await?;
    ensure!(
        status["delivery"] == json!([{"target": "web/up", "outcome": "settled"}]),
        "{status:#}"
    );
    ensure!(
        play.stage.counted().is_empty(),
        "{:?}",
        play.stage.verdicts()
    );
    let calls = play.stage.calls().len();
    play.looks(&mut resident).await?;
    play.silent_since(calls)?;
    scene.untouched().await?;
    play.stage.group(|group, now| {
        group.add_hook(Hook::terminating(DOWN), now);
        Ok(())
    })?;
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    let counted = play.stage.counted();
    ensure!(
        counted == [(DOWN.to_owned(), Outcome::Continue)],
        "{counted:?}"
    );
    Ok(())
}

/// The hook is made, and begins to hold, while the launch is under way: its name was not there to be found at first.
#[tokio::test]
async fn a_hook_that_begins_to_wait_late() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = Stage::builder().group("web", [Hook::launching(UP)]);
    let builder = builder
        .opens(Opens::AfterCompletions(3))
        .user_data(scene.plain());
    let play = scene.play_on(builder).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    let refused = play
        .stage
        .verdicts()
        .iter()
        .filter(|told| told.refused.is_some())
        .count();
    ensure!(
        refused == 3 && play.stage.counted() == [(UP.to_owned(), Outcome::Continue)],
        "{:?}",
        play.stage.verdicts()
    );
    scene.untouched().await
}

/// Both are named, and both are told; each is kept waiting until then.
#[tokio::test]
async fn several_hooks() -> Result<()> {
    let scene = Scene::set().await?;
    let hooks = [
        Hook::launching(UP),
        Hook::launching("mine"),
        Hook::launching("other"),
    ];
    let spec = scene.spec("signal: {launching: [up, mine, other]}", "");
    let play = scene
        .play_on(Stage::builder().group("web", hooks).user_data(spec))
        .await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    let told = [UP, "mine", "other"].map(|hook| (hook, Outcome::Continue));
    play.counted(&[(Edge::Launch, &told)])?;
    for (hook, _) in told {
        let beats = play.stage.heartbeats();
        ensure!(
            beats.iter().any(|(_, beat)| beat == hook),
            "{hook}: {beats:?}"
        );
    }
    scene.untouched().await
}

#[tokio::test]
async fn no_hook() -> Result<()> {
    let scene = Scene::set().await?;
    let builder = Stage::builder().group("web", []).user_data(scene.plain());
    let play = scene.play_on(builder).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.looks(&mut resident).await?;
    play.counted(&[(Edge::Launch, &[])])?;
    scene.untouched().await
}

/// The role may not ask the group anything, and hears of that at once or after it was given no answer for long: with group and
/// hook named it launches and signals all the same.
#[tokio::test]
async fn describe_denied() -> Result<()> {
    for late in [false, true] {
        let scene = Scene::set().await?;
        let spec = scene.spec("signal: {group: web, launching: up}", "");
        let play = scene.play(&spec).await?;
        let (asking, listing) = ("DescribeAutoScalingInstances", "DescribeLifecycleHooks");
        if late {
            play.stage
                .order(Fault::Hang.on("autoscaling", asking).times(1));
        }
        for operation in [asking, listing] {
            play.stage.order(Fault::Deny.on("autoscaling", operation));
        }
        let mut resident = play.serving().await?;
        play.stage.assert_faults_fired()?;
        play.looks(&mut resident).await?;
        scene.untouched().await?;
    }
    Ok(())
}
