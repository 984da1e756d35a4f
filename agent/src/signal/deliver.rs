//! A verdict to one hook, until it is known to have arrived.

use super::{
    Answer, Delivery, HookTarget, SignalError,
    calls::{COMPLETE, Calls, is_inactive},
    reconcile::{Next, Seen, reconcile},
};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline},
    retry::{self, Backoff},
};
use tokio::time::Instant;

/// Tells `target` `answer`, until it is known to have arrived or `deadline` passes.
///
/// `sent_before`: the record says that an earlier attempt, of this process or one before it, may have
/// arrived. Telling a hook twice is harmless; an answer that was lost is found out by what the group
/// says of the instance.
///
/// # Errors
/// Denied, a hook or group that does not exist, or time ran out.
pub async fn deliver(
    cx: &Context,
    target: &HookTarget,
    answer: Answer,
    deadline: Deadline,
    sent_before: bool,
) -> Result<Delivery, SignalError> {
    let calls = Calls::new(cx);
    let mut maybe_sent = sent_before;
    let mut since = Instant::now();
    loop {
        match complete(cx, &calls, target, answer, deadline, &mut maybe_sent).await {
            Ok(()) => return Ok(Delivery::Accepted),
            Err(error) if is_inactive(&error) => {}
            Err(error) => return Err(failed(&calls, target, answer, error)),
        }
        let seen = look(&calls, target, deadline).await;
        if seen.is_early() {
            since = Instant::now();
        }
        let last = seen.to_string();
        let patience = cx.timings.reconcile_patience;
        match reconcile(seen, maybe_sent, since.elapsed(), patience) {
            Next::Done(delivery) => {
                say(cx, target, answer, &delivery);
                return Ok(delivery);
            }
            Next::Again if deadline.remaining() <= cx.timings.reconcile_poll => {
                return Err(SignalError::Undelivered {
                    what: format!("{answer} to {target}"),
                    last: format!("the service knows of no action to complete, and {last}"),
                });
            }
            Next::Again => tokio::time::sleep(cx.timings.reconcile_poll).await,
        }
    }
}

/// One CompleteLifecycleAction, retried; notes whether an attempt may have arrived all the same.
async fn complete(
    cx: &Context,
    calls: &Calls<'_>,
    target: &HookTarget,
    answer: Answer,
    deadline: Deadline,
    maybe_sent: &mut bool,
) -> Result<(), CallError> {
    let backoff = Backoff {
        base: cx.timings.backoff_base,
        cap: cx.timings.backoff_cap,
    };
    let cut_off = || calls.cut_off(COMPLETE);
    let attempt = async || {
        let answered = calls.complete(target, answer).await;
        if let Err(error) = &answered {
            *maybe_sent |= matches!(error.cause, Cause::Unreachable | Cause::Unavailable);
        }
        answered
    };
    retry::until(COMPLETE, backoff, deadline, &cx.report, cut_off, attempt).await
}

/// What the group says of the instance, asked once.
async fn look(calls: &Calls<'_>, target: &HookTarget, deadline: Deadline) -> Seen {
    let asked = calls.look(&target.instance_id);
    match tokio::time::timeout_at(deadline.instant(), asked).await {
        Ok(seen) => seen,
        Err(_elapsed) => Seen::Unavailable("no answer in time".to_owned()),
    }
}

fn failed(calls: &Calls<'_>, target: &HookTarget, answer: Answer, error: CallError) -> SignalError {
    let message = error.message.to_ascii_lowercase();
    if error.cause == Cause::Refused && message.contains("hook") {
        SignalError::Hook(format!("{target} does not take {answer}: {error}"))
    } else if error.cause == Cause::Refused && message.contains("group") {
        SignalError::Group(format!("{target} does not take {answer}: {error}"))
    } else {
        let arn = calls.group_arn(&target.group);
        SignalError::from_call(error, format!("{answer} to {target}"), arn)
    }
}

fn say(cx: &Context, target: &HookTarget, answer: Answer, delivery: &Delivery) {
    match delivery {
        Delivery::Accepted => {}
        Delivery::Late { state } => cx.report.info(&format!(
            "{answer} to {target}: it no longer waits, the instance is {state}"
        )),
        Delivery::Terminating { state } => cx.report.info(&format!(
            "{answer} to {target}: the group is taking the instance away, it is {state}"
        )),
        Delivery::Outside => cx.report.info(&format!(
            "{answer} to {target}: the instance is in no group any more"
        )),
        Delivery::Assumed { why } => cx.report.warn(
            "signal_assumed",
            &format!("{answer} to {target} is taken to have arrived: {why}"),
        ),
    }
}
