//! It launches, signals, and stays: small, quiet, and with one question to metadata at a time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{STAGES, binary};
use firstlight_tests::stage::{Edge, Entry, Fault};
use serde_json::json;

use crate::play::{LAUNCHED, Play};
use crate::scene::{Scene, TARGET};

/// The memory that it may have to itself while it watches, in bytes.
const IDLE: u64 = 10_000_000;
/// The size that `packaging/build` holds a release to, in bytes; an unoptimised build has many times as much, on disk and in
/// memory.
const SHIPPED: u64 = 10 << 20;
/// How long it waits between two looks.
const BETWEEN: Duration = Duration::from_millis(100);

/// Holds no question to have been asked before the one before it was answered.
fn one_at_a_time(calls: &[Entry]) -> Result<()> {
    let asked = calls.iter().filter(|call| call.call.service == "imds");
    let mut before: Option<&Entry> = None;
    for call in asked {
        if let Some(before) = before {
            // One that no answer ever came to, though all are 20 ms late at most, was cut off: the search for the group begins
            // anew when the spec is resolved, and drops what it had asked.
            let open = before.ended.is_some_and(|ended| ended > call.at);
            ensure!(!open, "at once:\n{before}\n{call}");
        }
        before = Some(call);
    }
    Ok(())
}

/// Holds the looks to have been that far apart, and gives how many there were.
fn looks_apart(calls: &[Entry]) -> Result<usize> {
    let looks: Vec<&Entry> = calls
        .iter()
        .filter(|call| call.call.names(TARGET))
        .collect();
    for pair in looks.windows(2) {
        let apart = pair[1].at.saturating_sub(pair[0].at);
        ensure!(
            apart >= BETWEEN,
            "{apart:?} apart:\n{}\n{}",
            pair[0],
            pair[1]
        );
    }
    Ok(looks.len())
}

/// What it does while nothing happens.
async fn idles(scene: &Scene, play: &Play) -> Result<()> {
    let mut resident = play.serving().await?;
    // Its last words on the launch are on their way to the disk, and no more are to come.
    play.looks(&mut resident).await?;
    let (from, files) = (play.stage.calls().len(), play.agent.files()?);
    let looked = || {
        let calls = play.stage.calls().split_off(from);
        calls.iter().filter(|call| call.call.names(TARGET)).count() >= 10
    };
    resident.until("it has looked ten times", looked).await?;
    let calls = play.stage.calls();
    one_at_a_time(&calls)?;
    looks_apart(&calls[from..])?;
    play.silent_since(from)?;
    ensure!(
        play.agent.files()? == files,
        "it writes while nothing happens"
    );
    ensure!(
        std::fs::metadata(binary()?)?.len() <= SHIPPED,
        "no release: `make build` makes one, and FIRSTLIGHT_BIN may name another"
    );
    let pss = resident.process().pss()?;
    ensure!(
        pss < IDLE,
        "idle it has {pss} bytes to itself, and may have {IDLE}"
    );
    let finished = resident.stops(0).await?;
    ensure!(
        finished.stdout.is_empty(),
        "results alone go to stdout: {finished:#?}"
    );
    scene.untouched().await
}

#[tokio::test]
async fn launches_signals_and_stays() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.plain()).await?;
    std::fs::create_dir_all(play.agent.root().join("dev"))?;
    std::fs::write(play.agent.root().join("dev/console"), "")?;
    // Slow enough that two questions at once would be seen.
    play.stage
        .order(Fault::Delay(Duration::from_millis(20)).on("imds", "*"));
    idles(&scene, &play)
        .await
        .with_context(|| play.stage.transcript())?;
    play.stage.assert_faults_fired()?;
    play.counted(&[LAUNCHED])?;
    let status = play.agent.status().await?;
    let stages = status["stages"].as_array().context("no stages")?;
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].clone()).collect();
    ensure!(
        names == STAGES
            && status["verdict"]["kind"] == "continue"
            && status["exit_code"] == 0
            && status["delivery"] == json!([{"target": "web/up", "outcome": "delivered"}]),
        "{status:#}"
    );
    let console = std::fs::read_to_string(play.agent.root().join("dev/console"))?;
    ensure!(
        console.lines().count() == 1 && console.starts_with("firstlight: CONTINUE "),
        "{console:?}"
    );
    Ok(())
}

/// Nobody said anything to firstlight: it leaves, and keeps nothing.
#[tokio::test]
async fn nothing_to_do() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play("#!/bin/sh\necho hello\n").await?;
    let finished = play.start()?.ends().await?;
    finished.expect_code(0)?;
    finished.expect_said("no source holds a spec")?;
    play.counted(&[(Edge::Launch, &[])])?;
    ensure!(
        !play
            .agent
            .root()
            .join("var/lib/firstlight/record.json")
            .exists(),
        "a record was kept"
    );
    Ok(())
}
