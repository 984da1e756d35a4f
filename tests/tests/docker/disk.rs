//! A disk that is full, or fills up.

use anyhow::Result;
use firstlight_tests::harness::play::{Failure, Heard};
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::PrivateEngine;
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::webapp;
use serde_json::json;

use crate::scene::{REGISTRY, Scene};

/// Room for the sample service, and for little else.
const DISK: u64 = 24 << 20;
const TOO_MUCH: usize = 32 << 20;

async fn fills(image: Image) -> Result<()> {
    let engine = PrivateEngine::start(DISK, &[REGISTRY]).await?;
    let scene = Scene::apart(&engine, REGISTRY).await?;
    let _proxy = Proxy::on(engine.listen(REGISTRY)?, &scene.ground.registry.host())?;
    let small = scene.push("small", &webapp::image()?).await?;
    let large = scene.push("large", &image).await?;
    let says = [
        large.as_str(),
        "no space left on device",
        "enlarge the volume that holds /var/lib/docker, or remove old images",
    ];
    let service = |image: &str| json!({"image": image, "command": ["worker"]});
    let failure = Failure::new(80, "pull", "disk_full", &says);
    let spec = scene.spec("60s", &[("large", service(&large))]);
    scene.play(&spec).await?.fails(failure).await?;
    scene.expect_absent(&["large"]).await?;
    // Without it there is room enough.
    scene
        .play(&scene.spec("60s", &[("small", service(&small))]))
        .await?
        .succeeds(Heard::Continue)
        .await?;
    Ok(())
}

#[tokio::test]
async fn while_downloading() -> Result<()> {
    fills(webapp::image()?.ballast(TOO_MUCH as u64)).await
}

#[tokio::test]
async fn while_unpacking() -> Result<()> {
    fills(webapp::image()?.file("zeros", vec![0; TOO_MUCH], 0o444)).await
}

#[tokio::test]
async fn once_the_image_is_there() -> Result<()> {
    let engine = PrivateEngine::start(DISK, &[REGISTRY]).await?;
    let scene = Scene::apart(&engine, REGISTRY).await?;
    let _proxy = Proxy::on(engine.listen(REGISTRY)?, &scene.ground.registry.host())?;
    let image = scene.push("web", &webapp::image()?).await?;
    let service = json!({"image": image, "command": ["worker"], "pull_policy": "missing"});
    let spec = |stem| scene.spec("60s", &[(stem, service.clone())]);
    scene
        .play(&spec("first"))
        .await?
        .succeeds(Heard::Continue)
        .await?;
    engine.fill()?;
    let name = scene.names.unique("second");
    let says = [
        name.as_str(),
        "the disk is full",
        "give Docker's disk more room",
    ];
    let failure = Failure::new(80, "start", "disk_full", &says);
    scene.play(&spec("second")).await?.fails(failure).await?;
    scene.expect_absent(&["second"]).await
}
