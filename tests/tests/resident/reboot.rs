//! The machine is started anew in service: what was decided stands, what serves is what was recorded with the secrets of now, and
//! the group alone can ask for another verdict.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Boot;
use firstlight_tests::stage::{
    Edge, Fault, Group, Hook, Lifecycle, Outcome, Stage, group::terms::Subject,
};
use serde_json::json;

use crate::play::{ENDED, LAUNCHED, Play};
use crate::scene::{Scene, UP};

/// As a power cut leaves it.
async fn cut_off(scene: &Scene, play: &Play) -> Result<()> {
    play.serving().await?.killed().await?;
    scene.engine.kill(&scene.web).await
}

/// Where the engine takes the service's file from.
async fn file(scene: &Scene) -> Result<std::path::PathBuf> {
    let mounts = scene.inspect(&scene.web).await?["HostConfig"]["Mounts"].take();
    let source = mounts[0]["Source"].as_str().context("no file")?;
    Ok(source.into())
}

/// The tag has moved, a parameter names another, a secret was changed, and the user data is not what it was.
#[tokio::test]
async fn in_service() -> Result<()> {
    let scene = Scene::set().await?;
    let digest = scene.push().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    let old = file(&scene).await?;
    ensure!(scene.push().await? != digest, "the tag has not moved");
    scene.secret("word", "goodbye").await?;
    let moto = &scene.ground.moto;
    moto.put_parameter(&scene.named("version"), "2", "String")
        .await?;
    let user_data = Some(&b"firstlight: of another time"[..]);
    play.stage.set_metadata("user-data", user_data);

    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.looks(&mut resident).await?;
    play.counted(&[LAUNCHED])?;
    scene.given("goodbye").await?;
    let web = scene.inspect(&scene.web).await?;
    ensure!(
        web["Config"]["Image"] == scene.pinned(&digest)
            && web["Config"]["Labels"]["io.firstlight.boot"] == boot.id(),
        "{:#}",
        web["Config"]
    );
    let new = file(&scene).await?;
    ensure!(
        new.exists() && new != old && !old.exists(),
        "{old:?} {new:?}"
    );
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 1).await?;
    let status = play.agent.status().await?;
    ensure!(
        status["boot_id"] == boot.id() && status["verdict"]["kind"] == "continue",
        "{status:#}"
    );
    Ok(())
}

/// What it needs is not to be had at first: it goes on trying, for the group counts on it, and tells nobody.
#[tokio::test]
async fn that_fails_at_first() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    play.stage
        .order(Fault::Deny.on("ssm", "GetParameters").times(2));
    let mut resident = play.start()?;
    resident
        .says("services that were healthy before are not up again")
        .await?;
    resident.rests(1).await?;
    play.stage.assert_faults_fired()?;
    play.counted(&[LAUNCHED])?;
    scene.given("hello").await?;
    // Kept and drained as ever.
    play.stage.group(Group::terminate)?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])
}

/// The group may not be asked how it stands: what is on record holds.
#[tokio::test]
async fn the_group_does_not_say() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    play.stage
        .order(Fault::Deny.on("autoscaling", "DescribeAutoScalingInstances"));
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[LAUNCHED])?;
    play.stage.assert_faults_fired()?;
    scene.given("hello").await
}

/// The group launches the same instance once more, and its hook waits: another verdict, with all looked up again.
#[tokio::test]
async fn that_the_group_launches_anew() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    scene.secret("word", "anew").await?;
    let digest = scene.push().await?;
    play.stage.group(|group, now| {
        group.put(Lifecycle::RootVolumeReplaced, Some("InService"), now);
        Ok(())
    })?;
    play.stage.group(Group::root_replaced)?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, LAUNCHED])?;
    scene.given("anew").await?;
    let image = scene.inspect(&scene.web).await?["Config"]["Image"].clone();
    ensure!(image == scene.pinned(&digest), "it runs {image}");
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 2).await
}

/// The group waits still, but for another's hook: the launch that was told is the same, and its task has run.
#[tokio::test]
async fn between_two_hooks() -> Result<()> {
    let scene = Scene::set().await?;
    let hooks = [Hook::launching(UP), Hook::launching("other")];
    let spec = scene.spec("signal: {launching: up}", "");
    let stage = Stage::builder().group("web", hooks).user_data(spec);
    let mut play = scene.play_on(stage).await?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    resident.killed().await?;
    scene.engine.kill(&scene.web).await?;
    ensure!(play.stage.lifecycle() == Some(Lifecycle::PendingWait));

    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let play = play.timings(&json!({"reconcile_patience": 500}));
    let mut resident = play.start()?;
    resident
        .says("the group waits, and as far as is known not for a hook that has the verdict")
        .await?;
    resident.rests(1).await?;
    scene.given("hello").await?;
    scene.made(&scene.web, 2).await?;
    scene.made(&scene.job, 1).await?;
    ensure!(play.completions() == 1, "{}", play.stage.transcript());
    play.stage.group(|group, now| {
        let me = Subject::Instance(play.stage.instance().id.clone());
        group.complete("web", "other", &me, Outcome::Continue, now)
    })?;
    let told = [(UP, Outcome::Continue), ("other", Outcome::Continue)];
    let counted = play.stage.counted();
    ensure!(
        counted == told.map(|(hook, go)| (hook.to_owned(), go)),
        "{counted:?}"
    );
    Ok(())
}

/// It stood by when it went down.
#[tokio::test]
async fn in_standby() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    play.stage.group(Group::enter_standby)?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(1).await?;
    play.counted(&[LAUNCHED, (Edge::EnterStandby, &[])])?;
    scene.given("hello").await
}

/// It was being terminated when it went down: the services are not started again, and the hook is let go.
#[tokio::test]
async fn on_the_way_out() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.plain()).await?;
    cut_off(&scene, &play).await?;
    play.stage.group(Group::terminate)?;
    let boot = Boot::new()?;
    play.agent = boot.of(&play.agent)?;
    let mut resident = play.start()?;
    resident.rests(2).await?;
    play.counted(&[LAUNCHED, ENDED])?;
    scene.made(&scene.web, 1).await?;
    ensure!(!scene.is_running(&scene.web).await?, "it runs");
    Ok(())
}
