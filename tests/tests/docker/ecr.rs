//! Amazon ECR under its real names: whose token is asked for and where, and what ECR itself says.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::Heard;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};

use crate::scene::Scene;

/// The instance's own account and region.
const OWN: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
/// Another of both.
const OTHER: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
const TOKEN: &str = "GetAuthorizationToken";

/// Two names of ECR, and behind both one registry that lets nobody in but who has moto's token.
struct Ecr {
    scene: Scene,
    own: Proxy,
    other: Proxy,
    _registry: Registry,
    /// Last: the others end before it.
    _engine: PrivateEngine,
}

impl Ecr {
    async fn set() -> Result<Self> {
        let engine = PrivateEngine::start(AMPLE, &[OWN, OTHER]).await?;
        let registry = Registry::start(&[Login::ecr("123456789012")]).await?;
        registry.push("web", "1", &webapp::image()?).await?;
        Ok(Self {
            scene: Scene::apart(&engine, "unused.test").await?,
            own: Proxy::on(engine.listen(OWN)?, &registry.host())?,
            other: Proxy::on(engine.listen(OTHER)?, &registry.host())?,
            _registry: registry,
            _engine: engine,
        })
    }

    /// A spec without credentials, of a service that stays for each host.
    fn spec(&self, hosts: &[(&str, &str)]) -> String {
        let services = hosts.iter().map(|(stem, host)| {
            let service = json!({
                "image": format!("{host}/web:1"), "command": ["worker"], "stop_grace_period": "1s",
            });
            (self.scene.names.unique(stem), service)
        });
        let services = Value::Object(services.collect());
        format!("firstlight: 1\ntimeout: 30s\nservices: {services}\n")
    }
}

#[tokio::test]
async fn by_the_instances_role() -> Result<()> {
    let ecr = Ecr::set().await?;
    let spec = ecr.spec(&[("own", OWN), ("two", OWN), ("other", OTHER)]);
    let play = ecr.scene.play(&spec).await?;
    play.succeeds(Heard::Continue).await?;
    let calls = play.stage.calls_of("ecr", TOKEN);
    // On a busy machine an attempt may run out of time, and is made again.
    let answered = calls.iter().filter(|entry| entry.succeeded());
    let regions: Vec<&str> = answered
        .filter_map(|entry| entry.call.region.as_deref())
        .collect();
    let wanted = BTreeSet::from(["eu-west-1", "us-east-1"]);
    ensure!(
        regions.len() == 2 && BTreeSet::from_iter(regions) == wanted,
        "a token each of the registries' regions: {}",
        play.stage.transcript()
    );
    // One token opens the registries of every account that lets the role in; naming accounts is deprecated.
    ensure!(
        calls
            .iter()
            .all(|entry| entry.call.parameter("registryIds").is_none())
    );
    for (stem, host, proxy) in [("own", OWN, &ecr.own), ("other", OTHER, &ecr.other)] {
        let image = ecr.scene.inspect(stem).await?["Config"]["Image"].clone();
        let image = image.as_str().context("no image")?.to_owned();
        ensure!(image.starts_with(&format!("{host}/web@sha256:")), "{image}");
        let pulled =
            |(line, status): &(String, u16)| line.contains("/manifests/") && *status == 200;
        ensure!(
            proxy.requests().iter().any(pulled),
            "{:?}",
            proxy.requests()
        );
    }
    Ok(())
}
