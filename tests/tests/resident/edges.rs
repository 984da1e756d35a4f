//! What the group does with an instance in service besides ending it: standby, detachment, a state that nobody knows, another
//! root volume. None of it has a hook for what goes on serving, so nobody is told anything.

use anyhow::{Result, ensure};
use firstlight_tests::harness::{Boot, Resident};
use firstlight_tests::stage::{Edge, Group, Hook, Instance, Lifecycle, Stage};
use serde_json::json;

use crate::play::{LAUNCHED, Play};
use crate::scene::{DOWN, Scene, TARGET, UP};

/// What the agent says when metadata tells of another target.
fn wanted(target: &str) -> String {
    format!("the group wants this instance {target}")
}

/// It has seen the new target, looked again since, and done nothing about it.
async fn left_alone(
    play: &Play,
    resident: &mut Resident,
    target: &str,
    calls: usize,
) -> Result<()> {
    resident.says(&wanted(target)).await?;
    play.looks(resident).await?;
    play.silent_since(calls)
}

#[tokio::test]
async fn standby_and_back() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    let calls = play.stage.calls().len();
    play.stage.group(Group::enter_standby)?;
    left_alone(&play, &mut resident, "Standby", calls).await?;
    scene.untouched().await?;
    play.stage.group(Group::leave_standby)?;
    left_alone(&play, &mut resident, "InService", calls).await?;
    play.counted(&[
        LAUNCHED,
        (Edge::EnterStandby, &[]),
        (Edge::LeaveStandby, &[]),
    ])?;
    scene.untouched().await
}

/// The instance leaves the group, by way of standby or not, and goes on serving; then another takes it in.
#[tokio::test]
async fn detached_and_attached() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    let calls = play.stage.calls().len();
    // What metadata says of an instance that is let go: first where it is bound for, then nothing.
    play.stage.set_metadata(TARGET, Some(b"Detached"));
    left_alone(&play, &mut resident, "Detached", calls).await?;
    play.stage.group(Group::detach)?;
    play.stage.set_metadata(TARGET, None);
    play.looks(&mut resident).await?;
    scene.untouched().await?;
    play.stage.group(Group::attach)?;
    play.stage.set_metadata(TARGET, Some(b"InService"));
    left_alone(&play, &mut resident, "InService", calls).await?;
    play.counted(&[LAUNCHED, (Edge::Detach, &[]), (Edge::Attach, &[])])?;
    scene.untouched().await
}

/// While what the group wants is a riddle it serves and tells nobody; when that is known, the hook that waits is told.
#[tokio::test]
async fn a_state_that_nobody_knows() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene
        .play(&scene.plain())
        .await?
        .timings(&json!({"heartbeat_most": 300}));
    play.stage.set_metadata(TARGET, Some(b"Wonderland"));
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.looks(&mut resident).await?;
    scene.untouched().await?;
    ensure!(
        play.completions() == 0,
        "told:\n{}",
        play.stage.transcript()
    );
    // The hook is kept waiting meanwhile.
    let beats = play.stage.heartbeats().len();
    resident
        .until("it beats", || play.stage.heartbeats().len() > beats)
        .await?;
    play.stage.set_metadata(TARGET, Some(b"InService"));
    resident
        .until("it signals", || play.completions() > 0)
        .await?;
    let told = || {
        let status = play.agent.last_status().unwrap_or_default();
        status["delivery"][0]["outcome"] == "delivered"
    };
    resident.until("that is on record", told).await?;
    play.counted(&[LAUNCHED])?;
    scene.untouched().await
}

/// The same in service: nothing changes, whatever it is.
#[tokio::test]
async fn a_riddle_while_it_serves() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    let mut resident = play.serving().await?;
    let calls = play.stage.calls().len();
    play.stage.group(|group, now| {
        group.put(
            Lifecycle::Other("Terminating:Retained"),
            Some("Retained"),
            now,
        );
        Ok(())
    })?;
    left_alone(&play, &mut resident, "Retained", calls).await?;
    play.stage.group(|group, now| {
        group.put(Lifecycle::InService, Some("InService"), now);
        Ok(())
    })?;
    left_alone(&play, &mut resident, "InService", calls).await?;
    scene.untouched().await
}

/// The same instance from another image: what an earlier image's agent left on record is not this one's, and neither are its
/// containers. Both are there still where they are on volumes of their own.
#[tokio::test]
async fn another_root_volume() -> Result<()> {
    let scene = Scene::set().await?;
    let (old, new) = (Instance::unique(), "ami-0fedcba9876543210");
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let builder = Stage::builder()
        .group("web", hooks)
        .user_data(scene.plain());
    let mut play = scene.play_as(old, builder).await?;
    let resident = play.serving().await?;
    resident.killed().await?;
    scene.engine.kill(&scene.web).await?;
    play.stage.group(Group::replace_root)?;
    // Its own hook is not told: the agent was killed. It times out, or a person completes it.
    play.stage.group(|group, now| {
        group.put(
            Lifecycle::RootVolumeReplaced,
            Some("RootVolumeReplaced"),
            now,
        );
        Ok(())
    })?;
    play.stage.root_replaced(new)?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[LAUNCHED, (Edge::ReplaceRoot, &[]), LAUNCHED])?;
    let status = play.agent.status().await?;
    ensure!(
        status["image_id"] == new && status["resumed"] == 0,
        "{status:#}"
    );
    // All of it again, the task too: it is another launch.
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 2).await?;
    scene.serves().await?;
    Ok(())
}
