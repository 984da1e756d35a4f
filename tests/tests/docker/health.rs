//! Every kind of probe: what of it makes a service healthy, and what of it is told when nothing does.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard};
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::{tls, webapp};
use serde_json::{Value, json};

use crate::scene::Scene;

/// One service: its image, its keys, and what its probe saw.
struct Row<'a> {
    stem: &'a str,
    image: Image,
    keys: Value,
    saw: &'a str,
}

/// A row of the sample service.
fn web<'a>(stem: &'a str, keys: Value, saw: &'a str) -> Result<Row<'a>> {
    Ok(Row {
        stem,
        image: webapp::image()?,
        keys,
        saw,
    })
}

fn checked<'a>(stem: &'a str, keys: Value, saw: &'a str) -> Result<Row<'a>> {
    Ok(Row {
        stem,
        image: webapp::image_with_healthcheck()?,
        keys,
        saw,
    })
}

fn secure<'a>(stem: &'a str, keys: Value, saw: &'a str) -> Result<Row<'a>> {
    Ok(Row {
        stem,
        image: tls::image(3000)?,
        keys,
        saw,
    })
}

/// A spec of all of them.
async fn spec(scene: &Scene, timeout: &str, rows: &[Row<'_>]) -> Result<String> {
    let mut services = Vec::new();
    for row in rows {
        let mut keys = row.keys.clone();
        keys["image"] = json!(scene.push(row.stem, &row.image).await?);
        if !keys["health"].is_null() {
            keys["health"]["interval"] = json!("200ms");
        }
        services.push((row.stem, keys));
    }
    Ok(scene.spec(timeout, &services))
}

/// Services that come to be healthy; the last is on the host's network, at this port.
fn well<'a>(port: u16, on_host: &'a str) -> Result<Vec<Row<'a>>> {
    Ok(vec![
        web(
            "http",
            json!({"health": {"http": {"port": 3000}}}),
            "GET :3000/ answered 200",
        )?,
        web(
            "late",
            json!({"environment": {"HEALTHY_AFTER": 2}, "health": {"http": {"port": 3000, "path": "/healthcheck/"}}}),
            "GET :3000/healthcheck/ answered 200",
        )?,
        web(
            "matcher",
            json!({
                "environment": {"HEALTH_STATUS": 302, "HEALTH_LOCATION": "/elsewhere"},
                "health": {"http": {"port": 3000, "path": "/healthcheck/", "matcher": "200,300-399"}},
            }),
            "GET :3000/healthcheck/ answered 302",
        )?,
        secure(
            "https",
            json!({"health": {"https": {"port": 3000}}}),
            "GET https :3000/ answered 200",
        )?,
        web(
            "tcp",
            json!({"health": {"tcp": {"port": 3000}}}),
            "TCP :3000 accepted the connection",
        )?,
        web(
            "command",
            json!({"health": {"command": ["/webapp", "probe"]}}),
            "`/webapp probe` exited with 0",
        )?,
        checked("check", json!({}), "HEALTHCHECK exited with 0")?,
        web("settle", json!({"command": ["worker"]}), "it ran for 200ms")?,
        web(
            "host",
            json!({
                "network_mode": "host",
                "environment": {"PORT": port},
                "health": {"http": {"port": port}},
            }),
            on_host,
        )?,
    ])
}

#[tokio::test]
async fn what_makes_healthy() -> Result<()> {
    let scene = Scene::set().await?;
    let port = free_port()?;
    let on_host = format!("GET :{port}/ answered 200");
    let rows = well(port, &on_host)?;
    let spec = spec(&scene, "60s", &rows).await?;
    let finished = scene.play(&spec).await?.succeeds(Heard::Continue).await?;
    for row in &rows {
        let name = scene.names.unique(row.stem);
        finished.expect_said(&format!("{name}: {}", row.saw))?;
        finished.expect_said(&format!("{name} healthy"))?;
    }
    // It was asked before it was ready.
    finished.expect_said("GET :3000/healthcheck/ answered 503, wanted 200")
}

/// Services that never are healthy. One prints what it should not.
fn unwell<'a>(print: &str, told: &'a str) -> Result<Vec<Row<'a>>> {
    let get = json!({"http": {"port": 3000, "path": "/healthcheck/"}});
    Ok(vec![
        web(
            "status",
            json!({"environment": {"HEALTH_STATUS": 503}, "health": get}),
            "GET :3000/healthcheck/ answered 503, wanted 200",
        )?,
        web(
            "redirect",
            // Followed, it would come to a page that answers 200.
            json!({"environment": {"HEALTH_STATUS": 302, "HEALTH_LOCATION": "/"}, "health": get}),
            "GET :3000/healthcheck/ answered 302, wanted 200",
        )?,
        web(
            "matcher",
            json!({"health": {"http": {"port": 3000, "matcher": "201,204-299"}}}),
            "GET :3000/ answered 200, wanted 201,204-299",
        )?,
        web(
            "slow",
            json!({
                "environment": {"HEALTH_DELAY_MS": 600_000},
                "health": {"http": {"port": 3000, "path": "/healthcheck/"}, "timeout": "300ms"},
            }),
            "GET :3000/healthcheck/ gave no answer within 300ms",
        )?,
        web(
            "closed",
            json!({"health": {"http": {"port": 9}}}),
            "GET :9/ failed: Connection refused",
        )?,
        web(
            "tcp",
            json!({"health": {"tcp": {"port": 9}}}),
            "TCP :9 failed: Connection refused",
        )?,
        web(
            "plain",
            json!({"health": {"https": {"port": 3000}}}),
            "GET https :3000/ failed: ",
        )?,
        secure(
            "secure",
            json!({"health": {"https": {"port": 3000, "matcher": "204"}}}),
            "GET https :3000/ answered 200, wanted 204",
        )?,
        web(
            "command",
            json!({"environment": {"EXIT_CODE": 3}, "health": {"command": ["/webapp", "task", "no rows", "yet"]}}),
            "`/webapp task no rows yet` exited with 3: no rows yet",
        )?,
        web(
            "nothing",
            json!({"health": {"command": ["/no/such/program"]}}),
            "`/no/such/program` exited with 12",
        )?,
        web(
            "secret",
            json!({"environment": {"EXIT_CODE": 4, "PRINT": print}, "health": {"command": ["/webapp", "task"]}}),
            told,
        )?,
        checked(
            "check",
            json!({"environment": {"HEALTH_STATUS": 503}}),
            "HEALTHCHECK exited with 1: HTTP/1.1 503",
        )?,
    ])
}

#[tokio::test]
async fn what_the_last_probe_saw() -> Result<()> {
    let scene = Scene::set().await?;
    let (parameter, secret) = (format!("/{}/pw", scene.names.suffix()), "k7-hunter2-q9");
    let moto = &scene.ground.moto;
    moto.put_parameter(&parameter, secret, "SecureString")
        .await?;
    let print = format!("login with {{{{ssm:{parameter}}}}}");
    let told = format!("`/webapp task` exited with 4: {print}");
    let mut rows = unwell(&print, &told)?;
    let bad: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: {}", scene.names.unique(row.stem), row.saw))
        .collect();
    // One of them is, and isn't in the list.
    rows.push(web("good", json!({"health": {"tcp": {"port": 3000}}}), "")?);
    let mut says: Vec<&str> = bad.iter().map(String::as_str).collect();
    says.push("not healthy when the launch's time ran out: ");
    let spec = spec(&scene, "20s", &rows).await?;
    let failure = Failure::new(80, "health", "deadline", &says);
    let play = scene.play(&spec).await?;
    let finished = play.fails(failure).await?;
    let status = play.agent.status().await?;
    let message = status["error"]["message"].as_str().context("no message")?;
    let good = scene.names.unique("good");
    ensure!(!message.contains(&good), "{good} is healthy: {message}");
    ensure!(
        !format!("{finished:?}{status}").contains(secret),
        "{message}"
    );
    let stems: Vec<&str> = rows.iter().map(|row| row.stem).collect();
    scene.expect_stopped(&stems).await
}

/// A port of the host that nobody has.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
