//! Pulls over a slow or broken line: what is told meanwhile, and what is not fetched twice.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{Heard, Play};
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::proxy::{Of, Proxy, Trouble};
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};

use crate::scene::Scene;

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
