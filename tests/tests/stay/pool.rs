//! Into a warm pool, out of it, and back.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::stage::{Group, Hook, Lifecycle, Pool, Stage};
use firstlight_tests::wait::until;

use crate::scene::{DOWN, Scene, UP};

#[tokio::test]
async fn the_round_trip() -> Result<()> {
    let scene = Scene::set().await?;
    scene.parameter("version", "1", "String").await?;
    scene
        .parameter("password", "hunter2", "SecureString")
        .await?;
    let (version, password) = (scene.own("version"), scene.own("password"));
    let keys = format!(
        "image: \"{}:{{{{ssm:{version}}}}}\", files: {{/key: {{content: \"{{{{ssm:{password}}}}}\"}}}}",
        scene.image
    );
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    let stage = Stage::builder().group("web", hooks).warm(Pool::Running);
    let life = scene
        .stays(stage.user_data(scene.spec("", &[("web", &keys)])), vec![])
        .await?;

    life.comes_to(Lifecycle::WarmedRunning).await?;
    life.continued(&[UP])?;
    let asked = |name: &str| {
        let calls = life.stage().calls_of("ssm", "GetParameters");
        calls.iter().filter(|call| call.call.names(name)).count()
    };
    ensure!(
        (asked(&version), asked(&password)) == (1, 0),
        "{}",
        life.story()
    );
    ensure!(!scene.exists("web").await?, "{}", life.story());

    life.stage().group(Group::leave_pool)?;
    life.comes_to(Lifecycle::InService).await?;
    life.continued(&[UP, UP])?;
    ensure!(scene.runs("web").await, "{}", life.story());
    ensure!(
        (asked(&version), asked(&password)) == (2, 1),
        "{}",
        life.story()
    );
    // One folder a transition.
    let folder = life.play.agent.root().join("run/firstlight");
    let secrets = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    ensure!(secrets() == 1, "{}", life.story());

    life.stage().group(Group::return_to_pool)?;
    life.comes_to(Lifecycle::WarmedRunning).await?;
    life.continued(&[UP, UP, DOWN])?;
    ensure!(
        !scene.runs("web").await && secrets() == 0,
        "{}",
        life.story()
    );

    // and out again, under the same agent
    life.stage().group(Group::leave_pool)?;
    life.comes_to(Lifecycle::InService).await?;
    until(PATIENCE, "it serves", async || {
        scene.runs("web").await.then_some(())
    })
    .await?;
    life.continued(&[UP, UP, DOWN, UP])?;
    life.leaves().await
}
