//! Containers that Docker refuses, and names and ports that others have.

use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bollard::models::SwarmInitRequest;
use bollard::models::{ContainerCreateBody, NetworkCreateRequest};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use firstlight_tests::harness::play::{Failure, Heard, table};
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{REGISTRY, Scene};

/// One container that can't be had: what its service says, and what comes of that.
struct Row<'a> {
    keys: Value,
    code: i32,
    reason: &'a str,
    says: &'a [&'a str],
}

#[tokio::test]
async fn what_docker_refuses() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let held = TcpListener::bind("127.0.0.1:0")?;
    let port = held.local_addr()?.port();
    let folder = TempDir::new()?;
    let missing = folder.path().join("data");
    let missing = missing.to_str().context("a path")?;
    let rows = [
        Row {
            keys: json!({"ports": [format!("127.0.0.1:{port}:3000")]}),
            code: 80,
            reason: "port_taken",
            says: &[&port.to_string(), "free the port or change `ports`"],
        },
        Row {
            keys: json!({"entrypoint": ["/no/such/program"]}),
            code: 78,
            reason: "docker_refused",
            says: &["/no/such/program", "check `command`"],
        },
        Row {
            keys: json!({"volumes": [format!("{missing}:/data")]}),
            code: 78,
            reason: "bind_missing",
            says: &[missing, "never creates a bind's source"],
        },
        Row {
            keys: json!({"user": "nobody-of-that-name"}),
            code: 78,
            reason: "docker_refused",
            says: &["nobody-of-that-name", "check `user`"],
        },
        Row {
            keys: json!({"gpus": "all"}),
            code: 78,
            reason: "docker_refused",
            says: &["could not select device driver", "check `gpus`"],
        },
        Row {
            keys: json!({"devices": ["/dev/no-such-device"]}),
            code: 78,
            reason: "docker_refused",
            says: &["/dev/no-such-device", "check `devices`"],
        },
    ];
    let numbered = (0..)
        .zip(&rows)
        .map(|(number, row)| (row.reason, (number, row)));
    table(numbered, async |(number, row)| {
        refused(&scene, &image, number, row).await
    })
    .await?;
    ensure!(!Path::new(missing).exists(), "{missing} was made");
    Ok(())
}

/// Holds a container to be refused, and one that started well before it to be stopped and kept.
async fn refused(scene: &Scene, image: &str, number: usize, row: &Row<'_>) -> Result<()> {
    let (web, before) = (format!("web{number}"), format!("before{number}"));
    let mut keys = row.keys.clone();
    keys["image"] = json!(image);
    keys["depends_on"] = json!([scene.names.unique(&before)]);
    let worker = json!({"image": image, "command": ["worker"]});
    let spec = scene.spec("30s", &[(&web, keys), (&before, worker)]);
    let name = scene.names.unique(&web);
    let mut says = vec![name.as_str()];
    says.extend(row.says);
    let failure = Failure::new(row.code, "start", row.reason, &says);
    scene.play(&spec).await?.fails(failure).await?;
    scene.expect_stopped(&[&before]).await
}

#[tokio::test]
async fn a_name_that_another_has() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let worker = json!({"image": image, "command": ["worker"]});
    let other = scene.spec("30s", &[("other", worker.clone())]);
    scene.play(&other).await?.succeeds(Heard::Continue).await?;
    let name = scene.names.unique("web");
    let pinned = scene.inspect("other").await?["Config"]["Image"].clone();
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let body = ContainerCreateBody {
        image: pinned.as_str().map(str::to_owned),
        cmd: Some(vec!["worker".to_owned()]),
        ..ContainerCreateBody::default()
    };
    let client = scene.engine.client();
    client.create_container(Some(options), body).await?;
    client.start_container(&name, None).await?;
    let before = scene.inspect("web").await?;
    let id = before["Id"].as_str().context("no id")?;
    let says = [
        name.as_str(),
        id,
        "firstlight did not make",
        "remove or rename it, or rename the service or task",
    ];
    let failure = Failure::new(78, "start", "name_taken", &says);
    let spec = scene.spec("30s", &[("web", worker.clone()), ("beside", worker)]);
    scene.play(&spec).await?.fails(failure).await?;
    ensure!(
        scene.inspect("web").await? == before,
        "the other's container was touched"
    );
    scene.expect_absent(&["beside"]).await
}

#[tokio::test]
async fn the_network() -> Result<()> {
    let engine = PrivateEngine::start(AMPLE, &[REGISTRY]).await?;
    let scene = Scene::apart(&engine, REGISTRY).await?;
    let _proxy = Proxy::on(engine.listen(REGISTRY)?, &scene.ground.registry.host())?;
    let image = scene.push("web", &webapp::image()?).await?;
    let spec = |stem| {
        scene.spec(
            "30s",
            &[(stem, json!({"image": image, "command": ["worker"]}))],
        )
    };
    let client = scene.engine.client();

    // Of a driver that every engine has, once it is a swarm's.
    let swarm = SwarmInitRequest {
        listen_addr: Some("127.0.0.1:2377".to_owned()),
        advertise_addr: Some("127.0.0.1".to_owned()),
        ..SwarmInitRequest::default()
    };
    client.init_swarm(swarm).await?;
    let network = |driver: &str| NetworkCreateRequest {
        name: "firstlight".to_owned(),
        driver: Some(driver.to_owned()),
        ..NetworkCreateRequest::default()
    };
    client.create_network(network("overlay")).await?;
    let says = ["\"overlay\"", "docker network rm firstlight"];
    let failure = Failure::new(78, "start", "docker_refused", &says);
    scene.play(&spec("web")).await?.fails(failure).await?;
    scene.expect_absent(&["web"]).await?;
    client.remove_network("firstlight").await?;

    // As somebody else made it, gone, and made again.
    client.create_network(network("bridge")).await?;
    scene
        .play(&spec("one"))
        .await?
        .succeeds(Heard::Continue)
        .await?;
    scene.engine.remove(&scene.names.unique("one")).await?;
    scene.engine.remove_network().await?;
    ensure!(!scene.engine.has_network().await);
    scene
        .play(&spec("two"))
        .await?
        .succeeds(Heard::Continue)
        .await?;
    ensure!(scene.engine.has_network().await);
    Ok(())
}

#[tokio::test]
async fn a_docker_host_that_is_none() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let service = json!({"image": image, "command": ["worker"]});
    let play = scene.play(&scene.spec("30s", &[("web", service)])).await?;
    let says = [
        "ssh://host",
        "unix:///path/to/docker.sock or tcp://host:port",
    ];
    let failure = Failure::new(78, "pull", "docker_refused", &says);
    play.env("DOCKER_HOST", "ssh://host").fails(failure).await?;
    Ok(())
}
