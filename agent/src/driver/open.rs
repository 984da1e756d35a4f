//! What must be there before anything can be decided: lock, record, identity.

use super::{Driver, WHOLE, clock::now};
use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings, staged},
    imds::{Imds, ImdsError},
    lifecycle,
    report::Report,
    state::{StateError, Store},
    verdict::{LaunchError, Stage},
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// How often a second `firstlight launch` looks whether the first one is done.
const FOLLOW: Duration = Duration::from_millis(200);

/// Record and identity: what must be there before anything can be decided.
pub(super) async fn open(
    paths: Paths,
    timings: Timings,
    report: &Report,
    store: Result<Store, StateError>,
) -> Result<Driver, LaunchError> {
    let began = now();
    let unusable = |error: StateError| LaunchError::at(Stage::Identify, &error);
    let store = store.map_err(unusable)?;
    let left = store.read().map_err(unusable)?;
    // From here on a crash loses nothing, so boot need not wait for the launch.
    report.ready();

    let imds = Imds::from_env(&timings, report);
    let deadline = Deadline::after(timings.imds_budget);
    let (me, target) = staged(report, Stage::Identify, deadline, async {
        let me = imds.identify(deadline).await?;
        let target = imds.target_state(deadline).await?;
        Ok::<_, ImdsError>((me, target))
    })
    .await?;
    report.identified(&me);
    let record = lifecycle::open(left, &me, target, &began);
    report.began(record.transition.epoch, &began.boot);

    // After a verdict the launch's time is over; starting the workload again takes time of its own.
    let elapsed = if record.verdict().is_some() {
        Duration::ZERO
    } else {
        record.facts.began.elapsed(&now())
    };
    let whole = record.facts.timeout_ms.map_or(WHOLE, Duration::from_millis);
    let began = Instant::now()
        .checked_sub(elapsed)
        .unwrap_or_else(Instant::now);
    let cx = Context {
        aws: aws::config(&imds, &me.region, &timings).await,
        deadline: Deadline::after(whole),
        began,
        paths,
        timings,
        imds,
        report: report.clone(),
    }
    .within(whole);
    Ok(Driver {
        cx,
        me,
        store,
        decided: record.verdict().is_some(),
        announced: record.verdict().cloned(),
        record,
        queue: VecDeque::new(),
    })
}

/// The record's folder, once no other agent is at it. Its verdict is then on record, and is ours too.
/// Waits as long as the other's launch may take, which its spec knows.
pub(super) async fn lock(paths: &Paths) -> Result<Store, StateError> {
    loop {
        match Store::open(&paths.var) {
            Err(StateError::Busy) => tokio::time::sleep(FOLLOW).await,
            other => return other,
        }
    }
}
