//! Keeps hooks waiting as long as it is polled.

use super::{
    HookTarget,
    calls::{Calls, HEARTBEAT, is_inactive},
};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline, Timings},
    retry::{self, Backoff},
};
use futures_util::future::join_all;
use std::{convert::Infallible, future::pending, time::Duration};

/// Interval for a hook whose own time-out is not known.
const UNKNOWN: Duration = Duration::from_secs(60);

/// Sends heartbeats to every target, at once and then three times in each hook's time-out. Never
/// returns: who drops it ends it, and the launch's deadline is what bounds it.
///
/// No error fails a launch. Before the hook waits, and after it was completed by another, the service
/// knows of no action; both are in order. Any other error is said once, and the next beat tries again.
pub async fn heartbeat(cx: &Context, targets: &[HookTarget]) -> Infallible {
    let calls = Calls::new(cx);
    join_all(targets.iter().map(|target| beat(cx, &calls, target))).await;
    pending().await
}

async fn beat(cx: &Context, calls: &Calls<'_>, target: &HookTarget) -> Infallible {
    let every = interval(target.heartbeat_timeout, &cx.timings);
    let mut said: Option<Cause> = None;
    loop {
        let jitter = 0.9 + 0.2 * fastrand::f64();
        let next = Deadline::after(every.mul_f64(jitter));
        match send(cx, calls, target, next).await {
            Err(error) if !is_inactive(&error) && said != Some(error.cause) => {
                said = Some(error.cause);
                cx.report
                    .warn("heartbeat_failed", &words(calls, target, &error));
            }
            Ok(()) | Err(_) => {}
        }
        tokio::time::sleep_until(next.instant()).await;
    }
}

/// One heartbeat, retried until the next is due.
async fn send(
    cx: &Context,
    calls: &Calls<'_>,
    target: &HookTarget,
    next: Deadline,
) -> Result<(), CallError> {
    let backoff = Backoff {
        base: cx.timings.backoff_base,
        cap: cx.timings.backoff_cap,
    };
    let cut_off = || calls.cut_off(HEARTBEAT);
    retry::until(HEARTBEAT, backoff, next, &cx.report, cut_off, async || {
        calls.heartbeat(target).await
    })
    .await
}

fn words(calls: &Calls<'_>, target: &HookTarget, error: &CallError) -> String {
    let grant = if error.cause == Cause::Denied {
        let arn = calls.group_arn(&target.group);
        format!("; grant the instance's role `{HEARTBEAT}` on {arn}")
    } else {
        String::new()
    };
    format!("no heartbeat to {target}, which may stop waiting: {error}{grant}")
}

/// A third of the hook's time-out, within bounds.
fn interval(timeout: Option<u64>, timings: &Timings) -> Duration {
    let third = timeout.map_or(UNKNOWN, |seconds| Duration::from_secs(seconds) / 3);
    third
        .min(timings.heartbeat_most)
        .max(timings.heartbeat_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_beats_fit_a_hooks_timeout() {
        for (timeout, seconds) in [
            (None, 60),
            (Some(30), 10),
            (Some(90), 30),
            (Some(3600), 300),
            (Some(0), 10),
        ] {
            let interval = interval(timeout, &Timings::default());
            assert_eq!(interval, Duration::from_secs(seconds), "{timeout:?}");
        }
    }
}
