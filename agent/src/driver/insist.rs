//! Starting a workload again whose verdict stands: until it is up.
//!
//! A launch that fails before its verdict is the group's affair. After it the group counts on the
//! instance, or soon will, and nobody but this process brings its services back.

use crate::{
    context::Context,
    health::Healthy,
    imds::Identity,
    launch::{Resume, launch},
    lifecycle::Fact,
    workload::Workload,
};
use std::time::Duration;
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::{Instant, sleep},
};

/// Launches until it is healthy, with `whole` for each attempt and a wait after it. What keeps failing
/// is told as a service that keeps dying is.
pub(super) async fn insist(
    cx: &Context,
    me: &Identity,
    resume: &Resume,
    whole: Duration,
    permit: watch::Receiver<bool>,
    tell: &UnboundedSender<Fact>,
) -> Option<(Healthy, Workload)> {
    let backoff = cx.timings.restart_backoff();
    let began = Instant::now();
    let mut failures = 0;
    loop {
        let cx = &Context {
            began: Instant::now(),
            ..cx.clone()
        }
        .within(whole);
        let launched = Box::pin(launch(cx, me, resume, permit.clone(), tell)).await;
        let error = match launched {
            Ok(launched) => return launched,
            Err(error) => error,
        };
        failures += 1;
        let wait = backoff.bound(failures);
        let words = format!(
            "services that were healthy before are not up again: {}; tried again in {:.1} s",
            error.message,
            wait.as_secs_f64()
        );
        cx.report.warn("not_serving", &words);
        if failures % cx.timings.dying_exits.max(1) == 0 || began.elapsed() >= whole {
            drop(tell.send(Fact::Dying("the workload".into())));
        }
        sleep(wait).await;
    }
}
