//! Who starts when, by Docker's own clock: twelve tasks and services, and what their `depends_on` and the contract's own
//! rule (a service waits for every task that does not wait for it) came to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::parts::webapp;
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::scene::{HOOK, PATIENCE, Scene, time};

/// How long after its start a service is healthy at the earliest: two probes, this far apart.
const UNHEALTHY: Duration = Duration::from_millis(400);
/// How long a task takes.
const WORK: Duration = Duration::from_millis(150);

/// Services, and what each says of its order.
const SERVICES: [(&str, &str); 6] = [
    ("db", ""),
    ("cache", ""),
    ("queue", "depends_on: [cache]"),
    ("api", "depends_on: [db]"),
    ("web", "depends_on: [api, report]"),
    ("proxy", "depends_on: [web]"),
];
const TASKS: [(&str, &str); 6] = [
    ("notes", ""),
    ("schema", "depends_on: [db]"),
    ("seed", "depends_on: [schema]"),
    ("index", "depends_on: [seed]"),
    ("report", "depends_on: [seed, index]"),
    ("verify", "depends_on: [api], extends: API"),
];
/// What each must have waited for: a service until it was healthy, a task until it was over.
const WAITED_FOR: [(&str, &[&str]); 12] = [
    ("notes", &[]),
    ("db", &["notes"]),
    ("schema", &["db"]),
    ("seed", &["schema"]),
    ("index", &["seed"]),
    ("report", &["seed", "index"]),
    ("api", &["db", "notes", "schema", "seed", "index", "report"]),
    ("verify", &["api"]),
    (
        "cache",
        &["notes", "schema", "seed", "index", "report", "verify"],
    ),
    (
        "queue",
        &[
            "cache", "notes", "schema", "seed", "index", "report", "verify",
        ],
    ),
    (
        "web",
        &[
            "api", "notes", "schema", "seed", "index", "report", "verify",
        ],
    ),
    (
        "proxy",
        &[
            "web", "notes", "schema", "seed", "index", "report", "verify",
        ],
    ),
];

/// The spec of all twelve, with the scene's own names.
fn spec(scene: &Scene, image: &str) -> String {
    let own = |line: &str| {
        let mut line = line.replace("API", &scene.names.unique("api"));
        for (name, _) in SERVICES.iter().chain(&TASKS) {
            for end in [",", "]"] {
                line = line.replace(
                    &format!("{name}{end}"),
                    &format!("{}{end}", scene.names.unique(name)),
                );
            }
        }
        line
    };
    let mut text = scene.head();
    let probe = "health: {http: {port: 3000, path: /healthcheck/}, healthy_threshold: 2";
    let health = format!("{probe}, interval: {}ms}}", UNHEALTHY.as_millis());
    let work = format!(
        "command: [worker], environment: {{EXIT_AFTER_MS: {}, EXIT_CODE: 0}}",
        WORK.as_millis()
    );
    for (kind, entries, more) in [("services", SERVICES, health), ("tasks", TASKS, work)] {
        text.push_str(&format!("{kind}:\n"));
        for (name, line) in entries {
            let line = match line {
                "" => String::new(),
                line => format!("{}, ", own(line)),
            };
            let name = scene.names.unique(name);
            text.push_str(&format!("  {name}: {{image: \"{image}\", {line}{more}}}\n"));
        }
    }
    text
}

/// When somebody who waits for this container may go on.
fn done(name: &str, inspected: &Value) -> Result<OffsetDateTime> {
    let state = &inspected["State"];
    if TASKS.iter().any(|(task, _)| *task == name) {
        ensure!(
            state["ExitCode"] == 0 && state["Running"] == false,
            "{name} is {state}"
        );
        return time(&state["FinishedAt"]);
    }
    ensure!(state["Running"] == true, "{name} is {state}");
    Ok(time(&state["StartedAt"])? + UNHEALTHY)
}

#[tokio::test]
async fn twelve_tasks_and_services() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let play = scene.play(spec(&scene, &image)).await?;
    play.succeeds().await?;

    let mut all = BTreeMap::new();
    for (name, _) in WAITED_FOR {
        all.insert(name, scene.inspect(name).await?);
    }
    let mut early = Vec::new();
    for (name, before) in WAITED_FOR {
        let started = time(&all[name]["State"]["StartedAt"])?;
        for before in before {
            let done = done(before, &all[before])?;
            if started < done {
                early.push(format!(
                    "{name} began {} before {before} was done",
                    done - started
                ));
            }
        }
    }
    ensure!(early.is_empty(), "{}", early.join("\n"));
    for name in ["cache", "queue", "proxy", "web"] {
        ensure!(
            play.completed()? >= done(name, &all[name])?,
            "told before {name} was healthy"
        );
    }
    Ok(())
}

/// Everything starts at once but what waits: a service that is not healthy holds up who depends on it, the verdict, and
/// nobody else.
#[tokio::test]
async fn only_who_depends_waits() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let [slow, other, after] = ["slow", "other", "after"].map(|stem| scene.names.unique(stem));
    let text = format!(
        "services:
  {slow}: {{image: \"{image}\", command: [worker], health: {{tcp: {{port: 9999}}, interval: 100ms}}}}
  {other}: {{image: \"{image}\", command: [worker]}}
  {after}: {{image: \"{image}\", command: [worker], depends_on: [{slow}]}}
"
    );
    let play = scene.play(scene.head() + &text).await?;
    let launch = play.agent.start(&["launch"])?;
    let waits = format!("{slow}: TCP :9999 failed");
    let started = format!("{other} started");
    let told = || launch.output().contains(&waits) && launch.output().contains(&started);
    wait_until(PATIENCE, "one runs and one is not healthy", told).await?;
    for (stem, runs) in [("slow", true), ("other", true), ("after", false)] {
        let found = scene.engine.inspect(&scene.names.unique(stem)).await?;
        let running = found.is_some_and(|found| found["State"]["Running"] == true);
        assert_eq!(running, runs, "{stem}");
    }
    ensure!(
        play.stage.verdicts().is_empty(),
        "{:?}",
        play.stage.verdicts()
    );
    scene
        .exec("slow", "PORT=9999", &[webapp::PATH, "serve"])
        .await?;
    play.succeeded(&launch.finish(PATIENCE).await?, HOOK)
        .await?;
    assert_eq!(
        scene.inspect("after").await?["State"]["Running"],
        json!(true)
    );
    Ok(())
}

/// A task has its service's keys, less what makes no sense of a task, and its own win; maps are merged by key.
#[tokio::test]
async fn a_task_extends_a_service() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let (web, task) = (scene.names.unique("web"), scene.names.unique("migrate"));
    let port = crate::scene::host_port()?;
    let text = format!(
        "services:
  {web}:
    image: {image}
    user: \"1000\"
    read_only: true
    ports: [\"127.0.0.1:{port}:3000\"]
    environment: {{A: of web, B: of web}}
    files: {{/etc/a: {{content: of web}}, /etc/b: {{content: of web}}}}
    labels: {{a: of web, b: of web}}
    cap_drop: [ALL]
    health: {{http: {{port: 3000, path: /healthcheck/}}, interval: 100ms}}
    restart: on-failure
tasks:
  {task}:
    extends: {web}
    command: [task, migrated]
    environment: {{B: of migrate, C: of migrate}}
    files: {{/etc/b: {{content: of migrate}}}}
    labels: {{b: of migrate}}
    cap_drop: [NET_RAW]
"
    );
    let play = scene.play(scene.head() + &text).await?;
    let finished = play.succeeds().await?;
    finished.expect_said(&format!("{task}: migrated"))?;
    let ran = scene.inspect("migrate").await?;
    let config = &ran["Config"];
    let environment: Vec<&str> = config["Env"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for variable in ["A=of web", "B=of migrate", "C=of migrate"] {
        ensure!(
            environment.contains(&variable),
            "{variable} is not in {environment:?}"
        );
    }
    assert_eq!(
        (&config["Labels"]["a"], &config["Labels"]["b"]),
        (&json!("of web"), &json!("of migrate"))
    );
    assert_eq!(
        (&config["User"], &ran["HostConfig"]["ReadonlyRootfs"]),
        (&json!("1000"), &json!(true))
    );
    assert_eq!(
        ran["HostConfig"]["CapDrop"],
        json!(["NET_RAW"]),
        "lists are replaced whole"
    );
    assert_eq!(ran["HostConfig"]["PortBindings"]["3000/tcp"], Value::Null);
    for (file, content) in [("/etc/a", "of web"), ("/etc/b", "of migrate")] {
        let mounts = ran["Mounts"].as_array().unwrap();
        let mount = mounts
            .iter()
            .find(|mount| mount["Destination"] == file)
            .unwrap();
        assert_eq!(
            std::fs::read_to_string(mount["Source"].as_str().unwrap())?,
            content,
            "{file}"
        );
    }
    Ok(())
}
