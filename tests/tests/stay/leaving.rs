//! On the way out: who is served until when, and who is told.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{PATIENCE, table};
use firstlight_tests::stage::{Builder, Fault, Group, Hook, Lifecycle, Stage};
use firstlight_tests::wait::until;

use crate::scene::{BALANCER, DOWN, Life, Scene, UP};

fn group() -> Builder {
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    Stage::builder().group("web", hooks)
}

async fn in_service(scene: &Scene, stage: Builder) -> Result<Life> {
    let life = scene.stays(stage, vec![]).await?;
    life.comes_to(Lifecycle::InService).await?;
    Ok(life)
}

async fn stopped(scene: &Scene, stem: &str) -> Result<()> {
    until(PATIENCE, "it is stopped", async || {
        (!scene.runs(stem).await).then_some(())
    })
    .await
}

#[tokio::test]
async fn serves_until_the_balancer_is_done_and_stops_in_order() -> Result<()> {
    let scene = Scene::set().await?;
    let db = scene.names.unique("db");
    let web = format!("depends_on: [{db}]");
    let spec = scene.spec("", &[("db", ""), ("web", &web)]);
    let stage = group()
        .user_data(spec)
        .plan(|plan| plan.deregister = BALANCER);
    let life = in_service(&scene, stage).await?;

    life.stage().group(Group::terminate)?;
    life.says("until the group's load balancers are done")
        .await?;
    scene.dies_and_is_back("web").await?;
    ensure!(
        life.stage().lifecycle() == Some(Lifecycle::Terminating),
        "{}",
        life.story()
    );
    life.has_continued(&[UP, DOWN]).await?;
    let ((_, web, web_runs), (_, db, db_runs)) =
        (scene.state("web").await?, scene.state("db").await?);
    ensure!(
        !web_runs && !db_runs && web < db,
        "{web} {db}\n{}",
        life.story()
    );
    life.leaves().await
}

#[tokio::test]
async fn serves_for_the_delay_where_the_group_does_not_say() -> Result<()> {
    let scene = Scene::set().await?;
    let spec = scene.spec("drain: {delay: 2s}\n", &[("web", "")]);
    // Longer than anybody waits.
    let stage = group()
        .user_data(spec)
        .plan(|plan| plan.deregister = PATIENCE * 10);
    let life = in_service(&scene, stage).await?;
    let denied = Fault::Deny.on("autoscaling", "DescribeAutoScalingInstances");
    life.stage().order(denied);
    let began = life.stage().elapsed();
    life.stage().group(Group::terminate)?;
    stopped(&scene, "web").await?;
    ensure!(
        life.stage().elapsed() - began >= BALANCER - BALANCER / 3,
        "{}",
        life.story()
    );
    life.says("serving on for `drain: {delay: 2s}`").await?;
    life.leaves().await
}

/// A termination cannot be refused: what is wrong with hooks is told, and the services are stopped.
#[tokio::test]
async fn nobody_can_be_told() -> Result<()> {
    let scene = Scene::set().await?;
    let cases = [
        (
            "several and none named",
            (
                "a",
                "",
                "and the spec names none; name yours in `signal: {terminating: …}`",
            ),
        ),
        (
            "no such hook",
            (
                "b",
                "signal: {terminating: c}\n",
                "group web has no terminate hook c (it has: ",
            ),
        ),
    ];
    table(cases, async |(hook, top, says)| {
        let stem = format!("case-{hook}");
        let spec = scene.spec(top, &[(&stem, "")]);
        let hooks = [
            Hook::launching(UP),
            Hook::terminating(DOWN),
            Hook::terminating(hook),
        ];
        let stage = Stage::builder().group("web", hooks).user_data(spec);
        let life = in_service(&scene, stage).await?;
        life.stage().group(Group::terminate)?;
        life.says(says).await?;
        stopped(&scene, &stem).await?;
        life.continued(&[UP])?;
        ensure!(
            life.stage().lifecycle() == Some(Lifecycle::TerminatingWait),
            "{}",
            life.story()
        );
        life.leaves().await
    })
    .await
}
