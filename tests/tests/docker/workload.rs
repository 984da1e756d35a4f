//! Tasks and services that fail: what of them is told, and what becomes of the others.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard, table};
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};

use crate::scene::Scene;

/// One launch that fails on its own workload.
struct Row<'a> {
    /// What of the task `task`, or of the service `web` if there is none.
    task: Option<Value>,
    web: Value,
    reason: &'a str,
    stage: &'a str,
    says: &'a [&'a str],
}

/// How each fails, said of the task or of the service.
fn rows<'a>() -> Vec<Row<'a>> {
    let worker = || json!({"command": ["worker"]});
    let task = |task: Value, reason, says| Row {
        task: Some(task),
        web: worker(),
        reason,
        stage: "start",
        says,
    };
    let service = |web: Value, says| Row {
        task: None,
        web,
        reason: "service_exited",
        stage: "health",
        says,
    };
    vec![
        task(
            json!({"command": ["task", "reading the schema", "no such table"], "environment": {"EXIT_CODE": 3}}),
            "task_failed",
            &[
                "exited with code 3; its last lines:",
                "\n  reading the schema\n  no such table",
            ],
        ),
        task(
            json!({"command": ["task"], "environment": {"EXIT_CODE": 1}}),
            "task_failed",
            &["exited with code 1; it printed nothing"],
        ),
        task(
            json!({"command": ["worker"], "environment": {"PRINT": "waiting for a lock"}, "timeout": "1s"}),
            "task_timeout",
            &[
                "did not end within its timeout of 1s and was stopped; its last lines:\n  waiting for a lock",
            ],
        ),
        task(
            json!({"command": ["task"], "environment": {"TAKE_MB": 64}, "mem_limit": "16m"}),
            "task_failed",
            &["exited with code 137, killed because it ran out of memory (raise mem_limit)"],
        ),
        service(
            json!({"environment": {"PRINT": "cannot bind", "EXIT_AFTER_MS": 100, "EXIT_CODE": 7}, "health": {"tcp": {"port": 9}}}),
            &["exited with code 7; its last lines:\n  cannot bind"],
        ),
        // A clean exit is one too, and staying up is what a service without a health check must.
        service(
            json!({"environment": {"PRINT": "nothing to do", "EXIT_AFTER_MS": 100, "EXIT_CODE": 0}}),
            &["exited with code 0; its last lines:\n  nothing to do"],
        ),
        service(
            json!({"environment": {"TAKE_MB": 64}, "mem_limit": "16m", "health": {"tcp": {"port": 9}}}),
            &["exited with code 137, killed because it ran out of memory (raise mem_limit)"],
        ),
    ]
}

#[tokio::test]
async fn what_ends_a_launch_at_once() -> Result<()> {
    let rows = rows();
    let named = rows.iter().map(|row| (row.says.concat(), row));
    table(named, ends).await
}

async fn ends(row: &Row<'_>) -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    // Each waits for a database, which is what is there to be stopped.
    let of = |keys: &Value| {
        let mut keys = keys.clone();
        keys["image"] = json!(image);
        keys["depends_on"] = json!([scene.names.unique("db")]);
        keys
    };
    let db = json!({"image": image, "health": {"tcp": {"port": 3000}, "interval": "100ms"}});
    let services = [("db", db), ("web", of(&row.web))];
    let tasks: Vec<(&str, Value)> = row.task.iter().map(|task| ("task", of(task))).collect();
    let culprit = match row.task {
        Some(_) => format!("task {} ", scene.names.unique("task")),
        None => format!("service {} ", scene.names.unique("web")),
    };
    let mut says = vec![culprit.as_str()];
    says.extend(row.says);
    let failure = Failure::new(80, row.stage, row.reason, &says);
    // Far longer than it takes: nobody waits for the deadline.
    let spec = scene.spec_with_tasks("5m", &services, &tasks);
    scene.play(&spec).await?.fails(failure).await?;
    if row.task.is_none() {
        return scene.expect_stopped(&["db", "web"]).await;
    }
    scene.expect_absent(&["web"]).await?;
    scene.expect_stopped(&["db", "task"]).await
}

#[tokio::test]
async fn a_tasks_lines_are_told_as_they_come() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let task = json!({"image": image, "command": ["task", "one done", "two done"]});
    let web = json!({"image": image, "environment": {"PRINT": "not for the log"}});
    let spec = scene.spec_with_tasks("60s", &[("web", web)], &[("task", task)]);
    let finished = scene.play(&spec).await?.succeeds(Heard::Continue).await?;
    let name = scene.names.unique("task");
    for line in ["one done", "two done"] {
        finished.expect_said(&format!("{name}: {line}"))?;
    }
    ensure!(
        !finished.stderr.contains("not for the log"),
        "{}",
        finished.stderr
    );
    Ok(())
}

#[tokio::test]
async fn dependants_of_what_never_is_healthy_are_not_made() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let db = json!({"image": image, "environment": {"HEALTH_STATUS": 500}, "health": {"http": {"port": 3000, "path": "/healthcheck/"}, "interval": "100ms"}});
    let web = json!({"image": image, "depends_on": [scene.names.unique("db")]});
    let spec = scene.spec("10s", &[("db", db), ("web", web)]);
    let says = [
        &scene.names.unique("db"),
        "GET :3000/healthcheck/ answered 500, wanted 200",
    ];
    let failure = Failure::new(80, "start", "deadline", &says);
    scene.play(&spec).await?.fails(failure).await?;
    scene.expect_stopped(&["db"]).await?;
    scene.expect_absent(&["web"]).await
}

#[tokio::test]
async fn last_words_hold_no_secret() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.push("web", &webapp::image()?).await?;
    let (name, secret) = (
        format!("/{}/password", scene.names.suffix()),
        "k7-hunter2-q9",
    );
    scene
        .ground
        .moto
        .put_parameter(&name, secret, "SecureString")
        .await?;
    let reference = format!("{{{{ssm:{name}}}}}");
    let print = format!("login as web with {reference};denied");
    let keys = json!({"image": image, "environment": {"PRINT": print, "EXIT_CODE": 4, "EXIT_AFTER_MS": 0}});
    let worker = json!({"image": image, "command": ["worker"]});
    let mut task = keys.clone();
    task["command"] = json!(["task"]);
    for (services, tasks, reason, stage) in [
        (
            vec![("web", worker)],
            vec![("task", task)],
            "task_failed",
            "start",
        ),
        (vec![("web", keys)], vec![], "service_exited", "health"),
    ] {
        let spec = scene.spec_with_tasks("5m", &services, &tasks);
        let told = format!("login as web with {reference}\n  denied");
        let says = [told.as_str()];
        let failure = Failure::new(80, stage, reason, &says);
        let play = scene.play(&spec).await?;
        let finished = play.fails(failure).await?;
        // The control: it was there to be told.
        let culprit = scene
            .names
            .unique(if tasks.is_empty() { "web" } else { "task" });
        ensure!(
            scene.engine.logs(&culprit).await?.contains(secret),
            "{culprit} printed no secret"
        );
        let told = format!("{finished:?}{}", play.agent.status().await?);
        ensure!(!told.contains(secret), "the secret is told:\n{told}");
    }
    Ok(())
}
