//! What tasks and services say, and what becomes of the others when one fails.

use anyhow::{Result, ensure};
use firstlight_tests::harness::play::{Failure, Heard};
use firstlight_tests::parts::webapp;
use serde_json::json;

use crate::scene::Scene;

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
