//! Pulls over a bad line: what is retried, what stalls, what the deadline cuts off, and what is told meanwhile.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard, PATIENCE, Play, table};
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::{Of, Proxy, Trouble};
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::scene::{REGISTRY, Scene};

/// A launch that pulls these images through a proxy, and the proxy.
struct Line {
    scene: Scene,
    proxy: Proxy,
}

impl Line {
    async fn set() -> Result<Self> {
        let scene = Scene::set().await?;
        let proxy = Proxy::before(&scene.ground.registry.host()).await?;
        scene.names.images_of(&proxy.host());
        Ok(Self { scene, proxy })
    }

    /// Services that stay, by stem, which is also the image's name.
    async fn play(&self, timeout: &str, images: &[(&str, Image)]) -> Result<Play> {
        let mut services = Value::Null;
        for (stem, image) in images {
            self.scene.push(stem, image).await?;
            let image = self.scene.reference_at(&self.proxy.host(), stem, "1");
            services[self.scene.names.unique(stem)] =
                json!({"image": image, "command": ["worker"], "stop_grace_period": "1s"});
        }
        let head = self.scene.head(timeout, &[&self.proxy.host()]);
        self.scene
            .play(&format!("{head}services: {services}\n"))
            .await
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() -> Result<()> {
    let rows = [
        (
            Trouble::Status(429),
            Of::Manifests,
            "throttled by docker:pull, attempt 1",
        ),
        (
            Trouble::Status(500),
            Of::Manifests,
            "docker:pull failed, attempt 1",
        ),
        (
            Trouble::Status(503),
            Of::Blobs,
            "docker:pull failed, attempt 1",
        ),
        (
            Trouble::Corrupt,
            Of::Layers,
            "docker:pull failed, attempt 1",
        ),
    ];
    let named = rows.map(|row| (format!("{row:?}"), row));
    table(named, async |(trouble, of, told)| {
        let line = Line::set().await?;
        let play = line.play("60s", &[("web", webapp::image()?)]).await?;
        line.proxy.order(trouble, of, None);
        let mut fired = Ok(());
        let off = || {
            fired = line.proxy.assert_faults_fired();
            line.proxy.call_off();
        };
        play.outlives(told, off).await?;
        fired
    })
    .await
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() -> Result<()> {
    let line = Line::set().await?;
    let play = line
        .play("60s", &[("web", webapp::image()?.ballast(600_000))])
        .await?;
    line.proxy.order(Trouble::Cut(90_000), Of::Layers, Some(1));
    play.succeeds(Heard::Continue).await?;
    line.proxy.assert_faults_fired()?;
    let requests = line.proxy.requests();
    // 206 Partial Content
    ensure!(
        requests.iter().any(|(_, status)| *status == 206),
        "{requests:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_download_that_stands_still() -> Result<()> {
    let stall = json!({"pull_stall": 1000});
    let image = webapp::image()?.ballast(600_000);
    let line = Line::set().await?;
    let play = line.play("8s", &[("web", image)]).await?.timings(&stall);
    line.proxy.order(Trouble::Stall(90_000), Of::Layers, None);
    let host = line.proxy.host();
    let says = [
        &host,
        "no byte came for 1s, after ",
        " kB of ",
        "check the route to the registry",
    ];
    let failure = Failure::new(69, "pull", "image_stalled", &says);
    let finished = play.fails(failure).await?;
    line.proxy.assert_faults_fired()?;
    finished.expect_said("docker:pull failed, attempt 1")
}

#[tokio::test]
async fn a_download_that_stands_still_for_a_while() -> Result<()> {
    let line = Line::set().await?;
    let play = line.play("60s", &[("web", webapp::image()?)]).await?;
    let play = play.timings(&json!({"pull_stall": 1000}));
    line.proxy.order(Trouble::Stall(90_000), Of::Layers, None);
    let told = "no byte came for 1s";
    play.outlives(told, || line.proxy.call_off()).await
}

#[tokio::test]
async fn the_deadline_cuts_a_download_off() -> Result<()> {
    let line = Line::set().await?;
    let play = line
        .play("10s", &[("web", webapp::image()?.ballast(600_000))])
        .await?;
    // Slow, and never still: it would take a minute.
    line.proxy.order(Trouble::Slow(10_000), Of::Layers, None);
    let says = [
        "the launch's time ran out",
        " kB of ",
        "raise the spec's timeout",
    ];
    let failure = Failure::new(69, "pull", "deadline", &says);
    play.fails(failure).await?;
    line.proxy.assert_faults_fired()?;
    line.scene.expect_absent(&["web"]).await
}

#[tokio::test]
async fn progress_is_told_in_bytes() -> Result<()> {
    let line = Line::set().await?;
    let play = line
        .play("60s", &[("web", webapp::image()?.ballast(700_000))])
        .await?;
    // Longer than it takes between two lines on a pull.
    line.proxy.order(Trouble::Slow(50_000), Of::Layers, None);
    let finished = play.succeeds(Heard::Continue).await?;
    let image = line.scene.reference_at(&line.proxy.host(), "web", "1");
    let told = |line: &str| {
        line.contains(&image) && line.contains(" kB of ") && line.contains(" of 2 layers unpacked")
    };
    ensure!(finished.stderr.lines().any(told), "{}", finished.stderr);
    finished.expect_said(&format!("{image} is "))
}

#[tokio::test]
async fn images_come_side_by_side() -> Result<()> {
    let line = Line::set().await?;
    let images = [
        ("web", webapp::image()?),
        ("proxy", webapp::image()?),
        ("worker", webapp::image()?),
    ];
    let play = line.play("30s", &images).await?;
    // Nobody is answered until all three have asked.
    line.proxy.order(Trouble::Gather(3), Of::Manifests, Some(3));
    play.succeeds(Heard::Continue).await?;
    line.proxy.assert_faults_fired()
}

#[tokio::test]
async fn passwords_of_any_characters() -> Result<()> {
    let scene = Scene::set().await?;
    let passwords = [
        "a:b::c",
        "\"quoted\" and 'so'",
        "$HOME ${PATH} $(id)",
        "pä$$wörd €",
        " spaces at both ends ",
        "back\\slash\\n",
        "~~~???>>>",
        "{curly} [square]",
        "#no comment: & *no alias",
        "%41%zz+ +",
    ];
    let logins = (0..)
        .zip(passwords)
        .map(|(number, password)| Login::new(&format!("user{number}"), password));
    let logins: Vec<Login> = logins.collect();
    let registry = Registry::start(&logins).await?;
    registry.push("web", "1", &webapp::image()?).await?;
    // One launch with a host for each, and a reference for one of them.
    let parameter = format!("/{}/password", scene.names.suffix());
    let (mut registries, mut services, mut proxies) = (Value::Null, Value::Null, Vec::new());
    for (number, login) in logins.iter().enumerate() {
        let proxy = Proxy::before(&registry.host()).await?;
        scene.names.images_of(&proxy.host());
        registries[proxy.host()] = json!({"username": login.user, "password": login.password});
        services[scene.names.unique(&format!("web{number}"))] = json!({"image": format!("{}/web:1", proxy.host()), "command": ["worker"], "stop_grace_period": "1s"});
        proxies.push(proxy);
    }
    let (last, host) = (logins.last().unwrap(), proxies.last().unwrap().host());
    scene
        .ground
        .moto
        .put_parameter(&parameter, &last.password, "SecureString")
        .await?;
    registries[host]["password"] = json!(format!("{{{{ssm:{parameter}}}}}"));
    let spec =
        format!("firstlight: 1\ntimeout: 60s\nregistries: {registries}\nservices: {services}\n");
    scene.play(&spec).await?.succeeds(Heard::Continue).await?;
    for proxy in &proxies {
        let requests = proxy.requests();
        let manifests =
            |(line, status): &(String, u16)| line.contains("/manifests/") && *status == 200;
        ensure!(requests.iter().any(manifests), "{requests:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_engine_that_dies_on_the_way() -> Result<()> {
    let engine = PrivateEngine::start(AMPLE, &[REGISTRY]).await?;
    let scene = Scene::apart(&engine, REGISTRY).await?;
    let proxy = Proxy::on(engine.listen(REGISTRY)?, &scene.ground.registry.host())?;
    let image = scene.push("web", &webapp::image()?).await?;
    let service = json!({"image": image, "command": ["worker"]});
    let play = scene.play(&scene.spec("8s", &[("web", service)])).await?;
    // It is looked for once more after the verdict, to stop what runs on it.
    let play = play.timings(&json!({"delivery_least": 2000}));
    proxy.order(Trouble::Stall(90_000), Of::Layers, None);
    let running = play.agent.start(&["launch"])?;
    wait_until(PATIENCE, "the image is on its way", || {
        proxy.sent() > 80_000
    })
    .await?;
    engine.crash();
    let finished = running.finish(PATIENCE).await?;
    let says = [image.as_str(), "check docker.service"];
    let failure = Failure::new(69, "pull", "docker_unreachable", &says);
    play.failed(&finished, failure).await?;
    finished.expect_said("docker:pull failed, attempt 1")
}
