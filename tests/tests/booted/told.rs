//! What people and alarms read of a boot: journal, console, status, evidence.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{STAGES, journal::expect};
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::stage::Outcome;
use serde_json::{Value, json};

use crate::scene::{Play, Scene, UP};

on_each_suite![a_launch_that_fails];

/// Where evidence goes, as a fleet's images say it.
const BUCKET: &str = "evidence";
const FLEET: &str = "firstlight: 1\ndiagnostics: s3://evidence/fl/\n";
/// A service that is never healthy, and dies.
const DIES: &str = "    environment: {PRINT: cannot reach db, HEALTH_STATUS: 503, EXIT_AFTER_MS: 1500, EXIT_CODE: 3}\n";
/// The engine of each suite.
const ENGINES: [(&str, &str); 2] = [("bookworm", "20.10."), ("trixie", "26.")];
/// Where metadata says what the group wants of the instance.
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";
/// A console's line at most.
const COLUMNS: usize = 96;

/// Of a launch that went well.
pub(crate) async fn of_a_launch(play: &Play) -> Result<()> {
    let entries = play.entries().await?;
    for stage in STAGES {
        expect(&entries, "stage_started", &[("STAGE", stage)])?;
        expect(&entries, "stage_ended", &[("STAGE", stage)])?;
    }
    let told = format!("web/{UP}");
    for (event, fields) in [
        ("began", &[("EPOCH", "1"), ("TRANSITION", "launch")][..]),
        ("group", &[("GROUP", "web"), ("HOOK", UP)]),
        ("container", &[("CONTAINER", "web")]),
        ("probe", &[("CONTAINER", "web")]),
        ("verdict", &[("VERDICT", "continue")]),
        ("delivered", &[("TARGET", &told), ("OUTCOME", "delivered")]),
        ("resting", &[]),
    ] {
        expect(&entries, event, fields)?;
    }
    let id = &play.stage.instance().id;
    let status = play.host.shell("firstlight status").await?;
    for said in [id, "health", "CONTINUE", &told] {
        ensure!(status.contains(said), "{said:?} is not in\n{status}");
    }
    let console = play.host.console().await?;
    let line = format!("firstlight: CONTINUE {id} web@sha256:");
    ensure!(console.contains(&line), "{line:?} is not on\n{console}");
    Ok(())
}

/// The whole way: a drop-in of the image and the template's user data, a service that dies, and what is left of it when the
/// instance is gone.
async fn a_launch_that_fails(suite: &str) -> Result<()> {
    let scene = Scene::with_bucket(BUCKET).await?;
    let document = scene.document() + DIES;
    let baked = [("/etc/firstlight/launch.d/10-fleet.yaml", FLEET.as_bytes())];
    let stage = scene.stage(document.as_bytes());
    let play = scene.boots(suite, stage, &baked).await?;
    // The group terminates the instance next; what is looked at here is what was left before.
    play.stage.set_metadata(TARGET, Some(b"InService"));
    play.is_told(Outcome::Abandon).await?;
    play.is_sound().await?;
    let status = play.status().await?;
    ensure!(status["error"]["reason"] == "service_exited", "{status:#}");
    let at = evidence(&scene, &play, suite, &status).await?;
    ensure!(
        status["evidence"] == json!({"outcome": "stored", "at": at}),
        "{status:#}"
    );
    let words = play.host.shell("firstlight status").await?;
    for said in [&at, "service_exited", "cannot reach db", "ABANDON"] {
        ensure!(words.contains(said), "{said:?} is not in\n{words}");
    }
    on_the_console(&play, &at).await?;
    let entries = play.entries().await?;
    for (event, fields) in [
        ("stage_failed", &[("REASON", "service_exited")][..]),
        (
            "verdict",
            &[("VERDICT", "abandon"), ("REASON", "service_exited")],
        ),
        ("evidence", &[("EVIDENCE", at.as_str())]),
        (
            "delivered",
            &[("TARGET", "web/up"), ("OUTCOME", "delivered")],
        ),
    ] {
        expect(&entries, event, fields)?;
    }
    // Stopped, and kept for whoever looks.
    ensure!(play.container().await?.ends_with(" exited"));
    Ok(())
}

/// The one bundle, with what only a whole machine has in it; where it lies.
async fn evidence(scene: &Scene, play: &Play, suite: &str, status: &Value) -> Result<String> {
    let objects = scene.objects(BUCKET).await?;
    let [(key, archive)] = objects.as_slice() else {
        anyhow::bail!("{} objects\n{}", objects.len(), play.story().await);
    };
    let id = &play.stage.instance().id;
    let boot = status["boot_id"].as_str().context("no boot")?;
    let wanted = format!("fl/web/{id}/1-{}.tar.gz", &boot[..8]);
    ensure!(*key == wanted, "{key}, not {wanted}");
    let bundle = Bundle::unpack(archive)?;
    for (file, says) in [
        ("story.txt", "service_exited"),
        ("agent.log", "stage_failed"),
        ("journal-firstlight.log", "failed after"),
        ("journal-docker.log", "dockerd"),
        ("cloud-init-status.json", "datasource"),
        ("containers/web.log", "cannot reach db"),
        ("spec.json", "s3://evidence/fl/"),
    ] {
        let text = bundle
            .text(file)
            .with_context(|| bundle.text("left-out.txt").unwrap_or_default())?;
        ensure!(text.contains(says), "{file}: {says:?} is not in\n{text}");
    }
    let web = bundle.json("containers/web.json")?;
    ensure!(web["State"]["ExitCode"] == 3, "{web:#}");
    let host = bundle.json("host.json")?;
    let engine = host["engine"]["Version"].as_str().unwrap_or_default();
    ensure!(
        ENGINES
            .iter()
            .any(|(of, version)| *of == suite && engine.starts_with(version)),
        "{suite} has an engine {engine}"
    );
    Ok(format!("s3://{BUCKET}/{key}"))
}

/// The last page: all that is to be had of an instance that is gone, without a bucket.
async fn on_the_console(play: &Play, at: &str) -> Result<()> {
    let console = play.host.console().await?;
    let rule = "-".repeat(COLUMNS);
    let (before, after) = console
        .rsplit_once(&rule)
        .with_context(|| format!("no page on\n{console}"))?;
    let (_, page) = before.rsplit_once(&rule).context("a page begins so")?;
    let id = &play.stage.instance().id;
    for said in [
        &format!("firstlight launch: instance {id}, image "),
        "group web\n",
        "verdict: ABANDON after ",
        "service_exited at health, which began ",
        "exited with code 3",
        "\n  cannot reach db\n",
        &format!("\nevidence: {at}\n"),
        "\ndo first: ",
    ] {
        ensure!(page.contains(said), "{said:?} is not in\n{page}");
    }
    let long = page.lines().find(|line| line.len() > COLUMNS);
    ensure!(long.is_none(), "{long:?}");
    let line = format!("firstlight: ABANDON {id} at health (service_exited): ");
    ensure!(after.contains(&line), "{line:?} is not in\n{after}");
    Ok(())
}
