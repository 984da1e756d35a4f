//! The real parts: an image made here, pushed to a real registry and run by the real engine, also over a bad line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bollard::auth::DockerCredentials;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, CreateImageOptionsBuilder};
use firstlight_tests::harness::Names;
use firstlight_tests::harness::canary::process_list;
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::{Of, Proxy, Trouble};
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use firstlight_tests::wait::until;
use futures_util::TryStreamExt as _;

async fn pull(engine: &Engine, reference: &str, login: Option<&Login>) -> Result<()> {
    let credentials = login.map(|login| DockerCredentials {
        username: Some(login.user.clone()),
        password: Some(login.password.clone()),
        ..DockerCredentials::default()
    });
    let options = CreateImageOptionsBuilder::new()
        .from_image(reference)
        .build();
    let progress = engine
        .client()
        .create_image(Some(options), None, credentials);
    let done = progress.try_for_each(|_| async { Ok(()) });
    let done = tokio::time::timeout(Duration::from_secs(30), done).await;
    done.with_context(|| format!("{reference} is still being pulled"))?
        .with_context(|| format!("pulling {reference}"))
}

#[tokio::test]
async fn an_image_is_pushed_pulled_and_run() -> Result<()> {
    let (engine, names) = (Engine::connect().await?, Names::new());
    let login = Login::new("ci", "pa ss~?>é");
    let registry = Registry::start(std::slice::from_ref(&login)).await?;
    names.images_of(&registry.host());
    let digest = registry
        .push("web", "1", &webapp::image()?.ballast(100_000).ballast(10))
        .await?;
    let reference = format!("{}/web:1", registry.host());
    assert!(
        pull(&engine, &reference, None).await.is_err(),
        "without a login"
    );
    let login = Login::new("ci", "pa ss");
    let plain = Registry::start(std::slice::from_ref(&login)).await?;
    names.images_of(&plain.host());
    assert_eq!(
        plain.push("web", "1", &webapp::image()?).await?.len(),
        digest.len()
    );
    let reference = format!("{}/web:1", plain.host());
    pull(&engine, &reference, Some(&login)).await?;

    let name = names.unique("web");
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let body = ContainerCreateBody {
        image: Some(reference),
        env: Some(vec!["PRINT=one;two".to_owned()]),
        ..ContainerCreateBody::default()
    };
    engine
        .client()
        .create_container(Some(options), body)
        .await?;
    engine.client().start_container(&name, None).await?;
    let inspected = engine
        .inspect(&name)
        .await?
        .context("the container is gone")?;
    let networks = inspected["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap();
    let address = networks
        .values()
        .find_map(|n| n["IPAddress"].as_str())
        .unwrap()
        .to_owned();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let get = async |path: &str| {
        client
            .get(format!("http://{address}:3000{path}"))
            .send()
            .await
    };
    let health = until(Duration::from_secs(20), "the service answers", async || {
        get("/healthcheck/").await.ok()
    })
    .await?;
    assert_eq!(health.status(), 200);
    let given: HashMap<String, serde_json::Value> =
        serde_json::from_str(&get("/inspect").await?.text().await?)?;
    assert_eq!(
        (&given["uid"], &given["environment"]["PRINT"]),
        (&0.into(), &"one;two".into())
    );
    assert!(engine.logs(&name).await?.starts_with("one\ntwo\n"));
    names.tidy(&engine).await?;
    assert!(engine.inspect(&name).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_bad_line_breaks_a_pull_as_ordered() -> Result<()> {
    let (engine, names) = (Engine::connect().await?, Names::new());
    let registry = Registry::start(&[]).await?;
    registry
        .push("web", "1", &webapp::image()?.ballast(300_000))
        .await?;
    let proxy = Proxy::before(&registry.host()).await?;
    names.images_of(&proxy.host());
    let reference = format!("{}/web:1", proxy.host());

    for status in [401, 429, 503] {
        proxy.order(Trouble::Status(status), Of::Anything, None);
        assert!(pull(&engine, &reference, None).await.is_err(), "{status}");
        proxy.assert_faults_fired()?;
        proxy.call_off();
    }
    proxy.order(Trouble::Stall(1000), Of::Blobs, None);
    let stalled =
        tokio::time::timeout(Duration::from_secs(1), pull(&engine, &reference, None)).await;
    assert!(stalled.is_err(), "a stalled pull does not end");
    proxy.assert_faults_fired()?;
    proxy.call_off();

    let before = proxy.sent();
    pull(&engine, &reference, None).await?;
    assert!(
        proxy.sent() > before + 300_000,
        "{} bytes",
        proxy.sent() - before
    );
    proxy.order(Trouble::Cut(10), Of::Manifests, Some(1));
    assert!(
        proxy.assert_faults_fired().is_err(),
        "ordered, but nothing was asked"
    );
    Ok(())
}

#[tokio::test]
async fn an_engine_of_ones_own_ends_with_its_value() -> Result<()> {
    let engine = PrivateEngine::start(AMPLE, &["one.test", "two.test"]).await?;
    let registry = Registry::start(&[]).await?;
    registry.push("web", "1", &webapp::image()?).await?;
    let proxy = Proxy::on(engine.listen("two.test")?, &registry.host())?;
    let (address, client) = (engine.address(), Engine::at(&engine.address()).await?);
    pull(&client, "two.test/web:1", None).await?;
    assert!(proxy.sent() > 0);
    for (host, why) in [
        ("two.test", "listening on"),
        ("three.test", "was not ordered"),
    ] {
        let error = engine.listen(host).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{host}: {error:#}");
    }
    let machine = Engine::connect().await?;
    assert!(
        machine
            .client()
            .inspect_image("two.test/web:1")
            .await
            .is_err(),
        "it is the machine's engine"
    );
    let name = Names::new().on(&address).unique("web");
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let body = ContainerCreateBody {
        image: Some("two.test/web:1".to_owned()),
        ..ContainerCreateBody::default()
    };
    client
        .client()
        .create_container(Some(options), body)
        .await?;
    client.client().start_container(&name, None).await?;
    let running = client.inspect(&name).await?.context("it is gone")?;
    let pid = running["State"]["Pid"].as_i64().context("no pid")?;
    assert!(pid > 0, "{running:#}");
    let path = address.trim_start_matches("unix://").to_owned();
    drop(engine);
    assert!(Engine::at(&address).await.is_err(), "it answers still");
    let folder = std::path::Path::new(&path).parent().unwrap().to_owned();
    assert!(!folder.exists(), "{} is left", folder.display());
    assert!(
        !process_list()?.contains(&path),
        "something of it still runs"
    );
    Ok(())
}
