//! Amazon ECR under its real names: whose token is asked for and where, and what ECR itself says.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard};
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::{Of, Proxy, Trouble};
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::Fault;
use serde_json::{Value, json};

use crate::scene::Scene;

/// The instance's own account and region.
const OWN: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
/// Another of both.
const OTHER: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
const TOKEN: &str = "GetAuthorizationToken";

/// What goes wrong and at which host, with words of ECR's own.
const NOT_THERE: Trouble = Trouble::Refusal(
    404,
    "NAME_UNKNOWN",
    // aws/containers-roadmap#1346
    "The repository with name 'web' does not exist in the registry with id '123456789012'",
);
const NOT_ALLOWED: Trouble = Trouble::Refusal(
    403,
    "DENIED",
    // aws/aws-cdk#9641
    "User: arn:aws:sts::123456789012:assumed-role/web/i-0 is not authorized to perform: ecr:BatchGetImage on resource: \
     arn:aws:ecr:eu-west-1:123456789012:repository/web because no resource-based policy allows the ecr:BatchGetImage action",
);
const EXPIRED: Trouble = Trouble::Refusal(
    403,
    "DENIED",
    // Amazon ECR User Guide, "Troubleshooting errors with Docker commands"
    "Your authorization token has expired. Reauthenticate and try again.",
);

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
    let regions: Vec<&str> = calls
        .iter()
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

#[tokio::test]
async fn what_ecr_refuses() -> Result<()> {
    let ecr = Ecr::set().await?;
    let no_token = [
        "no credentials for 123456789012.dkr.ecr.eu-west-1.amazonaws.com: ecr:GetAuthorizationToken was denied",
        "User: arn:aws:sts::123456789012:assumed-role/web/i-",
        "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the \
         ecr:GetAuthorizationToken action",
        r#"grant the instance's role {"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}"#,
    ];
    let not_there = [
        "/web:1",
        "The repository with name 'web' does not exist in the registry with id '123456789012'",
        "check the image's name and tag",
    ];
    let not_allowed = [
        "ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/web",
        "grant the instance's role ecr:BatchGetImage and ecr:GetDownloadUrlForLayer",
    ];
    let deny = Fault::Deny.on("ecr", TOKEN);
    let pull = |code, reason, says| Failure::new(code, "pull", reason, says);
    for (fault, trouble, failure) in [
        (Some(deny), None, pull(77, "image_denied", &no_token[..])),
        (None, Some(NOT_THERE), pull(78, "image_unknown", &not_there)),
        (
            None,
            Some(NOT_ALLOWED),
            pull(77, "image_denied", &not_allowed),
        ),
    ] {
        let play = ecr.scene.play(&ecr.spec(&[("web", OWN)])).await?;
        let (ordered, troubled) = (fault.into_iter(), trouble.into_iter());
        ordered.for_each(|order| play.stage.order(order));
        troubled.for_each(|trouble| ecr.own.order(trouble, Of::Manifests, None));
        play.fails(failure).await?;
        ecr.own.assert_faults_fired()?;
        ecr.own.call_off();
    }
    ecr.scene.expect_absent(&["web"]).await
}

#[tokio::test]
async fn what_passes() -> Result<()> {
    let ecr = Ecr::set().await?;
    let play = ecr.scene.play(&ecr.spec(&[("expired", OWN)])).await?;
    ecr.own.order(EXPIRED, Of::Manifests, None);
    let fresh = || play.stage.calls_of("ecr", TOKEN).len();
    let told = "Your authorization token has expired";
    play.outlives(told, || ecr.own.call_off()).await?;
    ensure!(
        fresh() >= 2,
        "every attempt has a new token: {}",
        play.stage.transcript()
    );

    let play = ecr.scene.play(&ecr.spec(&[("throttled", OWN)])).await?;
    play.stage.order(Fault::Throttle.on("ecr", TOKEN).times(2));
    let finished = play.succeeds(Heard::Continue).await?;
    finished.expect_said("throttled by docker:pull, attempt 2")
}
