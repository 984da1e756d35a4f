//! Runs one row: the command, each fault at its moment, and the end.

use anyhow::{Context as _, Result, bail};
use firstlight_tests::harness::play::PATIENCE;
use firstlight_tests::harness::{Finished, Resident, Running};
use firstlight_tests::parts::proxy::{Of, Trouble};
use firstlight_tests::stage::Group;

use crate::judge;
use crate::shared::Shared;
use crate::stand::{Stand, spec};
use crate::table::Row;
use crate::words::{BEAT, Ordered, When};

/// The exit code of a verdict that is on record, and was not delivered.
const UNDELIVERED: i32 = 76;
/// In the column `reads`: each call that the row's faults name. The heartbeat is not among them: one that goes wrong is
/// dropped where the spec names others to keep waiting.
const EACH: &str = "CALL";
/// What a busy machine does by itself may be told in the same words as a fault: so that is waited for first.
const HAPPENS: &str = "the fault happens";
/// Where a download is met.
const ON_ITS_WAY: u64 = 90_000;

/// Runs a row.
pub(crate) async fn run(row: &Row, shared: &Shared) -> Result<()> {
    let mut stand = Stand::set(row, shared).await?;
    let reads = reads(row, shared, &stand);
    let ended = match row.command.as_str() {
        "launch" => launches(row, &mut stand, &reads).await,
        "run" => stays(row, &mut stand, &reads).await,
        other => bail!("{other:?} is no command that a row may run"),
    };
    let finished = ended.with_context(|| stand.play.stage.transcript())?;
    let judged = judge::judge(row, &stand, &finished, &reads).await;
    judged.with_context(|| stand.play.story(&finished))?;
    then(row, &stand).await?;
    if !stand.source.is_gone() {
        stand.names.tidy(&stand.source.docker).await?;
    }
    // An engine takes a while to end, which is to hold up no other row.
    let ended = tokio::task::spawn_blocking(move || drop(stand)).await;
    ended.context("ending a row's parts")
}

/// One that leaves with its verdict.
async fn launches(row: &Row, stand: &mut Stand, reads: &[String]) -> Result<Finished> {
    let met = |fault: &Ordered| fault.when == Some(When::Pulling);
    if row.faults.iter().any(met) {
        let stall = Trouble::Stall(ON_ITS_WAY);
        stand.proxy()?.order(stall, Of::Layers, Some(1));
    }
    let mut running = stand.play.agent.start(&["launch"])?;
    for fault in &row.faults {
        if let Some(when) = fault.when {
            moment(when, stand, &mut running).await?;
            stand.strike(fault).await?;
        }
    }
    if row.is_told() {
        let told = reads.first().context("nothing is read")?;
        let fired = || stand.fired().is_ok();
        running.until(PATIENCE, HAPPENS, fired).await?;
        running.says(PATIENCE, told, 1).await?;
        stand.call_off()?;
    }
    running.finish(PATIENCE).await
}

/// One that stays, and is asked to leave when everything that is to be read can be.
async fn stays(row: &Row, stand: &mut Stand, reads: &[String]) -> Result<Finished> {
    let mut resident = Resident::start(&stand.play.agent)?;
    resident.rests(1).await?;
    // On a busy machine a thing may have happened before by itself.
    let said = resident.process().output();
    let before: Vec<usize> = reads
        .iter()
        .map(|text| said.matches(text).count())
        .collect();
    for fault in row.faults.iter().filter(|fault| fault.when.is_some()) {
        stand.strike(fault).await?;
    }
    if row.is_terminated() {
        stand.play.stage.group(Group::terminate)?;
    }
    if row.exit == UNDELIVERED && !row.is_told() {
        // The next start is to deliver it. What is to be read may be its last words, and is held to have been said later.
        return resident.ends().await;
    }
    if row.is_told() {
        resident.until(HAPPENS, || stand.fired().is_ok()).await?;
    }
    for (number, (text, before)) in reads.iter().zip(before).enumerate() {
        resident.says_times(text, before + 1).await?;
        if number == 0 && row.is_told() {
            stand.call_off()?;
        }
    }
    resident.rests(row.transitions()).await?;
    resident.stops(row.exit).await
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
        When::Serving | When::Terminating => bail!("{when:?} is no moment of a launch"),
        When::Probing => {
            // Whatever asks, and however.
            let asked = format!("health: {}: ", stand.names.unique("web"));
            running.says(PATIENCE, &asked, 1).await
        }
    }
}

/// The next run, with nothing wrong any more.
async fn then(row: &Row, stand: &Stand) -> Result<()> {
    let Some((code, heard)) = &row.then else {
        return Ok(());
    };
    stand.call_off()?;
    let finished = if row.stays() {
        let mut resident = Resident::start(&stand.play.agent)?;
        let rested = resident.rests(row.transitions()).await;
        rested.with_context(|| stand.play.stage.transcript())?;
        resident.stops(*code).await?
    } else {
        stand.play.agent.run(&[&row.command], PATIENCE).await?
    };
    let ended = finished.expect_code(*code);
    ended
        .and_then(|()| judge::heard(stand, heard))
        .and_then(|()| judge::one_verdict(stand))
        .with_context(|| stand.play.story(&finished))
        .context("the next run")
}
