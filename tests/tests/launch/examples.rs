//! Each of `userdata/examples/`, launched. Changed in them is only what two launches on one machine can't share: the host of
//! the images, the names of containers and volumes, and the published port.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::{repository, webapp};
use firstlight_tests::stage::{Fault, Hook, Stage};
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::scene::{HOOK, PATIENCE, Play, Scene, asked, host_port, time};
use crate::templates::{self, DB_PASSWORD, VERSION, WORKER_VERSION};

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/";
/// Every example, each with a test below.
const LAUNCHED: [&str; 4] = ["web-postgres", "web-proxy", "web", "worker"];

fn folder() -> PathBuf {
    repository().join("userdata/examples")
}

/// An example as it can be launched here, next to others.
struct Example(String);

impl Example {
    fn read(name: &str) -> Result<Self> {
        let file = folder().join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&file);
        text.map(Self)
            .with_context(|| format!("reading {}", file.display()))
    }

    /// With something else in place of this, which must be there.
    fn with(self, this: &str, that: &str) -> Result<Self> {
        ensure!(self.0.contains(this), "{this:?} is not in the example");
        Ok(Self(self.0.replace(this, that)))
    }

    /// With names of the scene's own for these services and tasks.
    fn named(mut self, scene: &Scene, stems: &[&str]) -> Result<Self> {
        for stem in stems {
            let name = scene.names.unique(stem);
            self = self.with(&format!("\n  {stem}:\n"), &format!("\n  {name}:\n"))?;
            for [before, after] in [
                ["depends_on: [", "]"],
                ["extends: ", " "],
                ["@", "/app"],
                ["http://", ":3000"],
            ] {
                let place = |name: &str| format!("{before}{name}{after}");
                self.0 = self.0.replace(&place(stem), &place(&name));
            }
        }
        Ok(self)
    }

    /// On a stage whose group has this hook, with all that the examples name in Parameter Store and Secrets Manager.
    async fn set(self, scene: &Scene, hook: &str) -> Result<Play> {
        templates::provide(&scene.ground).await?;
        let member = Stage::builder().group("web", [Hook::launching(hook)]);
        scene.play_on(member.user_data(self.0)).await
    }
}

/// The calls every launch makes before it can be decided, in their two strands.
fn in_order(play: &Play, fetches: &[&str]) -> Result<()> {
    let begin = [
        "imds PUT api/token",
        "imds GET dynamic/instance-identity/document",
    ];
    let told = [
        "autoscaling DescribeAutoScalingInstances",
        "autoscaling DescribeLifecycleHooks",
        "autoscaling RecordLifecycleActionHeartbeat",
    ];
    let end = ["autoscaling CompleteLifecycleAction"];
    play.expect_order(&[&begin[..], &told, &end].concat())?;
    play.expect_order(&[&begin[..], &["imds GET user-data"], fetches, &end].concat())
}

/// The policy for the example allows every call of AWS that its launch made.
fn within_policy(play: &Play, name: &str) -> Result<()> {
    let file = repository().join(format!("packaging/iam/{name}.json"));
    let policy: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let statements = policy["Statement"].as_array().context("no statements")?;
    let allows = |action: &str| {
        statements.iter().any(|statement| {
            let actions = &statement["Action"];
            *actions == action
                || actions
                    .as_array()
                    .is_some_and(|many| many.contains(&json!(action)))
        })
    };
    let calls = play.stage.calls().into_iter().map(|entry| entry.call);
    let mut calls = calls.filter(|call| call.service != "imds").peekable();
    ensure!(calls.peek().is_some(), "no call of AWS");
    for call in calls {
        let action = format!("{}:{}", call.service, call.operation);
        ensure!(allows(&action), "{name}.json does not allow {action}");
    }
    Ok(())
}

/// The sample service under the modes that an example's commands name.
fn image(modes: &str) -> Result<Image> {
    Ok(webapp::image()?.environment("MODES", modes))
}

/// How many ports of a container are published; engines differ in how they say none.
fn published(inspected: &Value) -> usize {
    let bindings = inspected["HostConfig"]["PortBindings"].as_object();
    bindings.map_or(0, serde_json::Map::len)
}

#[tokio::test]
async fn web() -> Result<()> {
    let scene = Scene::set().await?;
    let image = webapp::image()?.environment("INSPECT_FILES", "/run/secrets/session.key");
    let (reference, digest) = scene.push("web", VERSION, &image).await?;
    let port = host_port()?;
    let play = Example::read("web")?
        .with(ECR, &format!("{}/", scene.folder()))?
        .with("\"80:3000\"", &format!("\"{port}:3000\""))?
        .named(&scene, &["web"])?
        .set(&scene, "web-launch")
        .await?;
    scene.bake_registries(&play)?;
    play.succeeds_for("web-launch").await?;
    within_policy(&play, "web")?;
    in_order(&play, &["ssm GetParameters /web/prod/version:42"])?;
    in_order(&play, &["ssm GetParametersByPath /web/prod/env"])?;
    in_order(&play, &["secretsmanager GetSecretValue web/session"])?;

    let runs = scene.inspect("web").await?;
    let pinned = reference.replace(&format!(":{VERSION}"), &format!("@{digest}"));
    assert_eq!(runs["Config"]["Image"], json!(pinned));
    // Healthy is two probes in a row, two seconds apart.
    let healthy = time(&runs["State"]["StartedAt"])? + Duration::from_secs(2);
    ensure!(play.completed()? >= healthy, "told before it was healthy");

    let given = asked(&format!("http://127.0.0.1:{port}/inspect")).await?;
    let environment = &given["environment"];
    assert_eq!(environment["PORT"], "3000");
    assert_eq!(environment["INSTANCE_ID"], play.stage.instance().id);
    assert_eq!(environment["LOG_LEVEL"], "info");
    assert_eq!(environment["feature_x"], "1.10");
    let key = &given["files"]["/run/secrets/session.key"];
    assert_eq!(
        (&key["uid"], &key["mode"], &key["content"]),
        (&json!(1000), &json!("0400"), &json!("session-key"))
    );
    assert_eq!(
        (&given["uid"], &given["root_writable"]),
        (&json!(1000), &json!(false))
    );
    assert_eq!(given["capabilities"], "0000000000000000");
    Ok(())
}

#[tokio::test]
async fn worker() -> Result<()> {
    let scene = Scene::set().await?;
    let path = "/app/bin/worker";
    let image = webapp::image_at(path)?.environment("MODES", "work=serve ping=probe");
    scene.push("worker", WORKER_VERSION, &image).await?;
    let play = Example::read("worker")?
        .with(ECR, &format!("{}/", scene.folder()))?
        .named(&scene, &["worker"])?
        .set(&scene, "any")
        .await?;
    scene.bake_registries(&play)?;
    play.succeeds_for("any").await?;
    within_policy(&play, "worker")?;
    in_order(&play, &["ssm GetParameters /worker/prod/version:7"])?;

    let given = scene.inside("worker", 3000).await?;
    assert_eq!(
        given["arguments"],
        json!([path, "work", "--queue", "default"])
    );
    let environment = &given["environment"];
    assert_eq!(environment["WORKER_QUEUE_URL"], "https://queue/1");
    assert_eq!(environment["WORKER_RETRIES"], "3");
    assert_eq!(environment["AWS_REGION"], "eu-west-1");
    let runs = scene.inspect("worker").await?;
    assert_eq!(runs["Config"]["StopTimeout"], 60);
    let healthy = time(&runs["State"]["StartedAt"])? + Duration::from_secs(1);
    ensure!(play.completed()? >= healthy, "told before it was healthy");
    Ok(())
}

#[tokio::test]
async fn web_postgres() -> Result<()> {
    let scene = Scene::set().await?;
    let db = image("pg_isready=probe")?
        .file("usr/bin/pg_isready", webapp::binary()?, 0o755)
        .environment("PORT", "5432")
        .environment("INSPECT_FILES", "/run/secrets/password");
    scene.push("postgres", "16", &db).await?;
    scene.push("web", VERSION, &image("migrate=task")?).await?;
    let port = host_port()?;
    let volume = scene.names.volume("pgdata");
    let play = Example::read("web-postgres")?
        .with(ECR, &format!("{}/", scene.folder()))?
        .with(
            "image: postgres:",
            &format!("image: {}/postgres:", scene.folder()),
        )?
        .with("\"80:3000\"", &format!("\"{port}:3000\""))?
        .with("pgdata:", &format!("{volume}:"))?
        .named(&scene, &["db", "web", "migrate"])?
        .set(&scene, "any")
        .await?;
    scene.bake_registries(&play)?;
    play.succeeds_for("any").await?;
    within_policy(&play, "web-postgres")?;
    in_order(&play, &["ssm GetParameters /web/prod/db/password"])?;

    let (db, task, web) = (
        scene.inspect("db").await?,
        scene.inspect("migrate").await?,
        scene.inspect("web").await?,
    );
    let at = |of: &Value, when: &str| time(&of["State"][when]);
    let db_healthy = at(&db, "StartedAt")? + Duration::from_secs(2);
    ensure!(
        db_healthy <= at(&task, "StartedAt")?,
        "migrate did not wait for db"
    );
    ensure!(
        at(&task, "FinishedAt")? <= at(&web, "StartedAt")?,
        "web did not wait for migrate"
    );
    assert_eq!(task["State"]["ExitCode"], 0);
    assert_eq!(published(&task), 0, "by web alone");
    assert_eq!(
        task["HostConfig"]["ReadonlyRootfs"],
        json!(true),
        "web's tightening"
    );
    let secret = scene.inside("db", 5432).await?["files"]["/run/secrets/password"].clone();
    assert_eq!(
        (&secret["mode"], &secret["content"]),
        (&json!("0400"), &json!(DB_PASSWORD))
    );
    let given = asked(&format!("http://127.0.0.1:{port}/inspect")).await?;
    let url = given["environment"]["DATABASE_URL"].as_str().unwrap();
    let url = reqwest::Url::parse(url)?;
    assert_eq!(url.host_str(), Some(scene.names.unique("db").as_str()));
    assert_eq!(url.password(), Some("p%40ss%2Fw%3Ard%3F%23%25%C3%A9"));
    Ok(())
}

#[tokio::test]
async fn web_proxy() -> Result<()> {
    let scene = Scene::set().await?;
    scene.push("web", VERSION, &webapp::image()?).await?;
    let files = [
        "/etc/nginx/conf.d/default.conf",
        "/run/secrets/tls.crt",
        "/run/secrets/tls.key",
    ];
    let nginx = webapp::image()?
        .environment("PORT", "8443")
        .environment("INSPECT_FILES", &files.join(":"));
    scene.push("nginx", "1.27", &nginx).await?;
    let port = host_port()?;
    let play = Example::read("web-proxy")?
        .with(ECR, &format!("{}/", scene.folder()))?
        .with("ghcr.io/acme/", &format!("{}/", scene.folder()))?
        .with(
            "ghcr.io: {",
            &format!("\"{}\": {{", scene.ground.registry.host()),
        )?
        .with("\"443:8443\"", &format!("\"{port}:8443\""))?
        .named(&scene, &["web", "proxy"])?
        .set(&scene, "any")
        .await?;
    // No drop-in: the example has a login of its own, from Parameter Store.
    play.succeeds_for("any").await?;
    within_policy(&play, "web-proxy")?;
    in_order(&play, &["ssm GetParameters /registry/password"])?;

    let (web, proxy) = (scene.inspect("web").await?, scene.inspect("proxy").await?);
    let healthy = time(&web["State"]["StartedAt"])? + Duration::from_secs(2);
    ensure!(
        healthy <= time(&proxy["State"]["StartedAt"])?,
        "proxy did not wait for web"
    );
    assert_eq!(published(&web), 0, "only the proxy is");
    let given = asked(&format!("http://127.0.0.1:{port}/inspect")).await?;
    let [conf, certificate, key] = files.map(|file| given["files"][file].clone());
    let passes = format!("proxy_pass http://{}:3000;", scene.names.unique("web"));
    ensure!(
        conf["content"].as_str().unwrap().contains(&passes),
        "{conf}"
    );
    assert_eq!(
        (&conf["mode"], &conf["writable"]),
        (&json!("0444"), &json!(false))
    );
    assert_eq!(certificate["content"], "line one\nline two\n");
    assert_eq!(
        (&key["uid"], &key["mode"], &key["content"]),
        (&json!(101), &json!("0400"), &json!("tls-key"))
    );
    Ok(())
}

#[test]
fn every_example_is_launched() -> Result<()> {
    let mut there: Vec<String> = std::fs::read_dir(folder())?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    there.sort();
    let launched = LAUNCHED.map(|name| format!("{name}.yaml"));
    assert_eq!(there, launched, "each wants a test here");
    Ok(())
}

/// Reading the spec may take long, and be in vain: the group is kept waiting from before that.
#[tokio::test]
async fn the_group_is_kept_waiting_before_the_spec_is_read() -> Result<()> {
    let scene = Scene::set().await?;
    scene.push("web", VERSION, &webapp::image()?).await?;
    let (name, folder) = (scene.names.unique("web"), scene.folder());
    templates::provide(&scene.ground).await?;
    let spec = format!(
        "services:\n  {name}: {{image: \"{folder}/web:{{{{ssm:/web/prod/version:42}}}}\", command: [worker]}}\n"
    );
    let play = scene.play(scene.head() + &spec).await?;
    // User data gets no answer, again and again, until a heartbeat has come.
    let play = play.timings(&json!({"imds_attempt": 300}));
    play.stage.order(Fault::Hang.on_metadata("user-data"));
    let launch = play.agent.start(&["launch"])?;
    let beat = || !play.stage.heartbeats().is_empty();
    wait_until(PATIENCE, "the group is kept waiting", beat).await?;
    play.stage.assert_faults_fired()?;
    let read = play.stage.calls_of("ssm", "GetParameters");
    ensure!(read.is_empty(), "{}", play.stage.transcript());
    play.stage.call_off();
    let finished = launch.finish(PATIENCE).await?;
    play.succeeded(&finished, HOOK).await
}
