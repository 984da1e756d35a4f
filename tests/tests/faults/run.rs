//! Runs one row, and holds it to what the table wants: exit code, stage, reason, what the group heard, what a person reads;
//! and to what holds of every row.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{Failure, PATIENCE};
use firstlight_tests::harness::{Finished, Running};
use firstlight_tests::parts::proxy::{Of, Trouble};
use firstlight_tests::stage::Fault;
use serde_json::{Value, json};

use crate::shared::Shared;
use crate::stand::{Stand, spec};
use crate::table::Row;
use crate::words::{BEAT, CALLS, ECR, Lasts, Subject, When};

/// In the column `reads`: each call that the row's faults name. The heartbeat is not among them: one that goes wrong is
/// dropped where the spec names others to keep waiting.
const EACH: &str = "CALL";
/// Where a download is met.
const ON_ITS_WAY: u64 = 90_000;

/// Runs a row.
pub(crate) async fn run(row: &Row, shared: &Shared) -> Result<()> {
    let mut stand = Stand::set(row, shared).await?;
    let reads = reads(row, shared, &stand);
    let met = row
        .faults
        .iter()
        .any(|fault| fault.when == Some(When::Pulling));
    if met {
        let stall = Trouble::Stall(ON_ITS_WAY);
        stand.proxy()?.order(stall, Of::Layers, Some(1));
    }
    let mut running = stand.play.agent.start(&[&row.command])?;
    for fault in &row.faults {
        if let Some(when) = fault.when {
            moment(when, &stand, &mut running).await?;
            stand.strike(fault)?;
        }
    }
    let told = row
        .faults
        .iter()
        .any(|fault| fault.lasts == Lasts::UntilTold);
    if told {
        let told = reads.first().context("nothing is read")?;
        running.says(PATIENCE, told, 1).await?;
        stand.fired()?;
        stand.call_off()?;
    }
    let finished = running.finish(PATIENCE).await;
    let finished = finished.with_context(|| stand.play.stage.transcript())?;
    let judged = judge(row, &stand, &finished, &reads).await;
    judged.with_context(|| stand.play.story(&finished))?;
    then(row, &stand).await?;
    if !stand.source.is_gone() {
        stand.names.tidy(&stand.source.docker).await?;
    }
    // An engine takes a while to end, which is to hold up no other row.
    let ended = tokio::task::spawn_blocking(move || drop(stand)).await;
    ended.context("ending a row's parts")
}

/// What must be read, with names instead of the words for them.
fn reads(row: &Row, shared: &Shared, stand: &Stand) -> Vec<String> {
    let named = row.faults.iter().flat_map(|fault| fault.on.calls());
    let calls: Vec<&str> = named.copied().filter(|call| *call != BEAT).collect();
    let each = row.reads.iter().flat_map(|text| {
        let many = if text.contains(EACH) {
            &calls[..]
        } else {
            &[""]
        };
        many.iter().map(|call| text.replace(EACH, call))
    });
    each.map(|text| spec::named(&text, shared, &stand.names))
        .collect()
}

/// Waits until a launch is that far.
async fn moment(when: When, stand: &Stand, running: &mut Running) -> Result<()> {
    match when {
        When::Pulling => {
            let proxy = stand.proxy()?;
            let there = || proxy.sent() >= ON_ITS_WAY;
            running
                .until(PATIENCE, "a layer is on its way", there)
                .await
        }
        When::Probing => {
            // Whatever asks, and however.
            let asked = format!("health: {}: ", stand.names.unique("web"));
            running.says(PATIENCE, &asked, 1).await
        }
    }
}

async fn judge(row: &Row, stand: &Stand, finished: &Finished, reads: &[String]) -> Result<()> {
    let play = &stand.play;
    finished.expect_code(row.exit)?;
    play.heard(row.heard)?;
    match &row.failure {
        // The status is on the same disk.
        Some((stage, reason)) if row.has(|on| matches!(on, Subject::Record(_))) => {
            finished.expect_said(&format!("at {stage} ({reason}): "))?;
        }
        Some((stage, reason)) => {
            let want = Failure {
                code: row.exit,
                stage,
                reason,
                says: &[],
                heard: row.heard,
            };
            play.failed(finished, want).await?;
        }
        None => {
            let status = play.agent.status().await?;
            ensure!(
                status["error"] == json!(null),
                "failed: {}",
                status["error"]
            );
        }
    }
    for text in reads {
        finished.expect_said(text)?;
    }
    let told = row
        .faults
        .iter()
        .any(|fault| fault.lasts == Lasts::UntilTold);
    if !told {
        stand.fired()?;
    }
    one_verdict(stand)?;
    known_calls(stand)?;
    counted(row, stand, &play.agent.status().await?)?;
    given_up_is_stopped(row, stand).await
}

/// However often anybody was told, it was the same.
fn one_verdict(stand: &Stand) -> Result<()> {
    let stage = &stand.play.stage;
    let verdicts = stage.verdicts();
    let same = verdicts
        .windows(2)
        .all(|pair| pair[0].outcome == pair[1].outcome);
    ensure!(same, "{verdicts:?}");
    let signals = stage.signals();
    let same = signals
        .windows(2)
        .all(|pair| pair[0].status == pair[1].status);
    ensure!(same, "{signals:?}");
    Ok(())
}

/// An operation that is called and not in the list has no rows.
fn known_calls(stand: &Stand) -> Result<()> {
    let calls = stand.play.stage.calls().into_iter().map(|entry| entry.call);
    for call in calls.filter(|call| call.service != "imds") {
        let called = format!("{}:{}", call.service, call.operation);
        ensure!(CALLS.contains(&called.as_str()), "{called} is not in CALLS");
    }
    Ok(())
}

/// The status counts every throttle; what is denied is not asked for again and again.
fn counted(row: &Row, stand: &Stand, status: &Value) -> Result<()> {
    for fault in &row.faults {
        let Subject::Calls(calls, what) = &fault.on else {
            continue;
        };
        // A pull asks for ECR's token itself, and it is the pull that is tried again.
        for call in calls.iter().filter(|call| ![BEAT, ECR].contains(call)) {
            let counted = status["throttles"][call].as_u64().unwrap_or_default();
            let possible = match (what, fault.lasts) {
                (Fault::Throttle | Fault::Status(429), Lasts::Times(times)) => {
                    u64::from(times)..=u64::from(times)
                }
                (Fault::Throttle | Fault::Status(429), _) => 3..=u64::MAX,
                _ => 0..=0,
            };
            ensure!(
                possible.contains(&counted),
                "{call} throttled {counted} times"
            );
        }
        for (service, operation) in calls.iter().filter_map(|call| call.split_once(':')) {
            let asked = stand.play.stage.calls_of(service, operation).len();
            ensure!(
                *what != Fault::Deny || asked <= 2,
                "{operation} asked {asked} times"
            );
        }
    }
    Ok(())
}

/// After an ABANDON nothing runs any more, and what waited for a task that failed was never made.
async fn given_up_is_stopped(row: &Row, stand: &Stand) -> Result<()> {
    let status = stand.play.agent.status().await?;
    if status["verdict"]["kind"] != json!("abandon") || stand.source.is_gone() {
        return Ok(());
    }
    let docker = &stand.source.docker;
    let made = docker.of_instance(&stand.play.stage.instance().id).await?;
    for name in &made {
        let found = docker.inspect(name).await?.context("it is gone")?;
        let running = &found["State"]["Running"];
        ensure!(*running == json!(false), "{name} runs after an ABANDON");
    }
    let task = row
        .failure
        .iter()
        .any(|(_, reason)| reason.starts_with("task_"));
    let web = stand.names.unique("web");
    ensure!(
        !task || !made.contains(&web),
        "{web} did not wait for its task"
    );
    Ok(())
}

/// The next run, with nothing wrong any more.
async fn then(row: &Row, stand: &Stand) -> Result<()> {
    let Some((code, heard)) = row.then else {
        return Ok(());
    };
    stand.call_off()?;
    let finished = stand.play.agent.run(&[&row.command], PATIENCE).await?;
    let ended = finished.expect_code(code);
    ended
        .and_then(|()| stand.play.heard(heard))
        .and_then(|()| one_verdict(stand))
        .with_context(|| stand.play.story(&finished))
        .context("the next run")
}
