//! What is held of a row that was run: what its columns say, and what holds of every one.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Finished;
use firstlight_tests::harness::play::{Failure, Heard};
use firstlight_tests::stage::{Fault, Outcome};
use serde_json::{Value, json};

use crate::stand::Stand;
use crate::table::Row;
use crate::words::{BEAT, CALLS, ECR, Lasts, Subject};

/// Holds what came of a row to what the table wants.
pub(crate) async fn judge(
    row: &Row,
    stand: &Stand,
    finished: &Finished,
    reads: &[String],
) -> Result<()> {
    let play = &stand.play;
    finished.expect_code(row.exit)?;
    heard(stand, &row.heard)?;
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
                heard: row.heard.first().copied().unwrap_or(Heard::Nothing),
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
    if !row.is_told() {
        stand.fired()?;
    }
    one_verdict(stand)?;
    known_calls(stand)?;
    counted(row, stand, &play.agent.status().await?)?;
    runs(row, stand).await
}

/// Holds what counted at the group, by whichever hook.
pub(crate) fn heard(stand: &Stand, want: &[Heard]) -> Result<()> {
    let counted = stand.play.stage.counted();
    let outcomes = want.iter().map(|heard| match heard {
        Heard::Continue => Some(Outcome::Continue),
        Heard::Abandon => Some(Outcome::Abandon),
        Heard::Nothing => None,
    });
    let found = counted.iter().map(|(_, outcome)| Some(*outcome));
    ensure!(outcomes.eq(found), "wanted {want:?}, got {counted:?}");
    Ok(())
}

/// However often anybody was told, it was the same.
pub(crate) fn one_verdict(stand: &Stand) -> Result<()> {
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
        for (service, operation) in calls.iter().filter_map(|call| call.split_once(':')) {
            let asked = stand.play.stage.calls_of(service, operation);
            let asked = asked.iter().filter(|entry| entry.fault.is_some()).count();
            ensure!(
                *what != Fault::Deny || asked <= 2,
                "{operation} asked {asked} times"
            );
        }
        // The status is that of the transition under way.
        if row.stays() {
            continue;
        }
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
    }
    Ok(())
}

/// After an ABANDON, or the instance's end, nothing runs any more; what waited for a task that failed was never made; and an
/// agent that stays keeps what it launched.
async fn runs(row: &Row, stand: &Stand) -> Result<()> {
    let status = stand.play.agent.status().await?;
    if stand.source.is_gone() {
        return Ok(());
    }
    let docker = &stand.source.docker;
    let made = docker.of_instance(&stand.play.stage.instance().id).await?;
    let gone = status["verdict"]["kind"] == json!("abandon") || row.is_terminated();
    let kept = row.stays() && !row.has(|on| matches!(on, Subject::Container(..)));
    for name in made.iter().filter(|_| gone || kept) {
        let found = docker.inspect(name).await?.context("it is gone")?;
        let running = &found["State"]["Running"];
        ensure!(*running == json!(!gone), "{name}: running is {running}");
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
