//! What must be there before anything can be decided: record, identity, target.

use super::{Driver, Stay, WHOLE, clock::now, watch::Sight};
use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings, staged},
    imds::{Imds, ImdsError},
    lifecycle,
    report::Report,
    state::{StateError, Store},
    verdict::{LaunchError, Stage},
};
use std::collections::VecDeque;
use tokio::time::Instant;

/// Record and identity: what must be there before anything can be decided.
pub(super) async fn open(
    paths: Paths,
    timings: Timings,
    stay: Stay,
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
    // Who came for one verdict sees to it; what the group wants since then is for who stays.
    let decided = left
        .as_ref()
        .is_some_and(|left| left.is_of(&me) && left.verdict().is_some());
    let target = target.filter(|_| stay == Stay::Stay || !decided);
    let record = lifecycle::open(left, &me, target, &began);
    let cx = Context {
        aws: aws::config(&imds, &me.region, &timings).await,
        deadline: Deadline::after(WHOLE),
        began: Instant::now(),
        paths,
        timings,
        imds,
        report: report.clone(),
    };
    Ok(Driver {
        cx,
        me,
        store,
        stay,
        decided: record.verdict().is_some(),
        announced: record.verdict().cloned(),
        before: None,
        seen: Sight::new(record.facts.target.clone(), record.facts.notices.clone()),
        record,
        workload: None,
        leaving: false,
        queue: VecDeque::new(),
    })
}
