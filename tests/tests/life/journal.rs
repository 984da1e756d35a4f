//! What the journal gets: every line by the catalogue, with the fields that alarms match on.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::journal::expect;
use firstlight_tests::harness::{Catalogue, Entry, Finished, Mailbox, Place, STAGES};
use firstlight_tests::stage::{Fault, Outcome};

use crate::kill::failing;
use crate::scene::{Play, Scene};

/// A launch under systemd's journal, and what it wrote there: nothing went elsewhere.
async fn journalled(play: &mut Play) -> Result<(Finished, Vec<Entry>)> {
    let journal = Mailbox::open()?;
    play.agent = play
        .agent
        .clone()
        .at(Place::new().journal(journal.folder()));
    let finished = play.launch().await?;
    ensure!(
        finished.stderr.is_empty() && finished.stdout.is_empty(),
        "{finished:#?}"
    );
    let entries = journal.entries()?;
    let catalogue = Catalogue::read()?;
    entries
        .iter()
        .try_for_each(|entry| catalogue.holds(entry))?;
    let instance = play.stage.instance().id.as_str();
    let identified = entries
        .iter()
        .position(|entry| entry.is("identified"))
        .context("not identified")?;
    let foreign = |entry: &&Entry| entry.get("FIRSTLIGHT_INSTANCE") != Some(instance);
    let foreign = entries[identified..].iter().find(foreign);
    ensure!(foreign.is_none(), "{foreign:?}");
    Ok((finished, entries))
}

/// The events, in order, each once where it comes several times in a row.
fn story(entries: &[Entry], of: &[&str]) -> Vec<String> {
    let said = entries
        .iter()
        .filter_map(|entry| entry.get("FIRSTLIGHT_EVENT"));
    let mut story: Vec<String> = said
        .filter(|event| of.contains(event))
        .map(str::to_owned)
        .collect();
    story.dedup();
    story
}

#[tokio::test]
async fn of_a_launch() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene
        .play(&scene.spec("60s", "", "command: [task, \"two rows\"]"))
        .await?;
    play.stage
        .order(Fault::Throttle.on("ssm", "GetParameters").times(1));
    play.stage.order(
        Fault::Status(503)
            .on("autoscaling", "CompleteLifecycleAction")
            .times(1),
    );
    let (finished, entries) = journalled(&mut play).await?;
    finished.expect_code(0)?;
    play.stage.assert_faults_fired()?;
    let web = scene.inspect(&scene.web).await?["Id"]
        .as_str()
        .context("no id")?
        .to_owned();
    let (image, pinned) = (scene.image(), scene.pinned(&scene.digest));
    for stage in STAGES {
        expect(&entries, "stage_started", &[("STAGE", stage)])?;
        expect(&entries, "stage_ended", &[("STAGE", stage)])?;
    }
    for (event, fields) in [
        ("began", &[("EPOCH", "1")][..]),
        ("group", &[("GROUP", "web"), ("HOOK", "up")]),
        ("heartbeat", &[("HOOK", "up")]),
        (
            "throttled",
            &[
                ("CALL", "ssm:GetParameters"),
                ("ATTEMPT", "1"),
                ("STAGE", "resolve"),
            ],
        ),
        (
            "retrying",
            &[
                ("CALL", "autoscaling:CompleteLifecycleAction"),
                ("ATTEMPT", "1"),
            ],
        ),
        ("pulled", &[("IMAGE", image.as_str()), ("DIGEST", &pinned)]),
        (
            "container",
            &[("CONTAINER", scene.web.as_str()), ("CONTAINER_ID", &web)],
        ),
        (
            "task",
            &[("CONTAINER", scene.job.as_str()), ("STAGE", "start")],
        ),
        ("probe", &[("CONTAINER", scene.web.as_str())]),
        ("verdict", &[("VERDICT", "continue")]),
        (
            "delivered",
            &[("TARGET", "web/up"), ("OUTCOME", "delivered")],
        ),
        ("ended", &[("EXIT", "0")]),
    ] {
        expect(&entries, event, fields)?;
    }
    let timed = entries
        .iter()
        .filter(|entry| entry.is("stage_ended") || entry.is("verdict"));
    for entry in timed {
        let milliseconds = entry.get("FIRSTLIGHT_MILLISECONDS").context("no time")?;
        milliseconds.parse::<u64>()?;
    }
    let line = entries
        .iter()
        .find(|entry| entry.is("task"))
        .context("no line")?;
    ensure!(
        line.get("MESSAGE") == Some(&format!("{}: two rows", scene.job)),
        "{line:?}"
    );
    let told = ["identified", "began", "verdict", "delivered", "ended"];
    ensure!(
        story(&entries, &told) == told,
        "{:?}",
        story(&entries, &told)
    );
    Ok(())
}

#[tokio::test]
async fn of_a_failure() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = failing(&scene).await?;
    let (finished, entries) = journalled(&mut play).await?;
    finished.expect_code(80)?;
    play.counted(Outcome::Abandon)?;
    for (event, fields) in [
        (
            "stage_failed",
            &[("STAGE", "start"), ("REASON", "task_failed")][..],
        ),
        (
            "verdict",
            &[("VERDICT", "abandon"), ("REASON", "task_failed")],
        ),
        (
            "delivered",
            &[("TARGET", "web/up"), ("OUTCOME", "delivered")],
        ),
        ("container", &[("CONTAINER", scene.web.as_str())]),
        ("ended", &[("EXIT", "80")]),
        // There is no console here: detail, and in the vocabulary like all else.
        ("info", &[]),
    ] {
        expect(&entries, event, fields)?;
    }
    let failed = entries
        .iter()
        .find(|entry| entry.is("stage_failed"))
        .context("no failure")?;
    let message = failed.get("MESSAGE").unwrap_or_default();
    ensure!(
        message.contains("exited with code 3") && message.contains("no such column"),
        "{message}"
    );
    for event in ["stage_failed", "verdict", "ended"] {
        let quiet = entries
            .iter()
            .find(|entry| entry.is(event) && entry.get("PRIORITY") != Some("3"));
        ensure!(quiet.is_none(), "an error at another priority: {quiet:?}");
    }
    Ok(())
}
