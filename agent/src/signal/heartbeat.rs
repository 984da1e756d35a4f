//! Heartbeats: keep the hooks waiting as long as the launch runs.

use super::group::{Hook, Hooks, Membership, member};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Recipient,
    retry::Classify,
};
use futures_util::future::join_all;
use std::time::Duration;

const ACTION: &str = "autoscaling:RecordLifecycleActionHeartbeat";
/// What a hook waits when that cannot be found out: shorter than most, at no great cost.
const UNKNOWN: Duration = Duration::from_secs(180);

/// Sends heartbeats to every hook among `recipients`, at once and then in time. Ends only when no hook
/// takes any. Whether they arrive never decides a launch.
pub async fn heartbeat(
    cx: &Context,
    me: &Identity,
    membership: Option<Membership>,
    recipients: Vec<Recipient>,
) {
    let known = match membership {
        Some(Membership::Member {
            hooks: Hooks::Known(hooks),
            ..
        }) => hooks,
        Some(
            Membership::Member {
                hooks: Hooks::Hidden(_),
                ..
            }
            | Membership::Outside
            | Membership::Unconfirmed
            | Membership::Nameless(_),
        ) => vec![],
        // Whom to tell is on record, and how long they wait is not.
        None => asked(cx, &recipients).await,
    };
    let hooks = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::Hook { group, hook } => {
            let waits = known
                .iter()
                .find(|known| known.name == *hook)
                .map_or(UNKNOWN, |known| known.heartbeat_timeout);
            Some(beat(cx, me, group, hook, waits))
        }
        Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
    });
    join_all(hooks).await;
}

/// The hooks of the recipients' group, if it says so at once.
async fn asked(cx: &Context, recipients: &[Recipient]) -> Vec<Hook> {
    let group = recipients.iter().find_map(|recipient| match recipient {
        Recipient::Hook { group, .. } => Some(group.clone()),
        Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
    });
    let Some(group) = group else {
        return vec![];
    };
    let soon = Context {
        deadline: Deadline::after(cx.timings.aws_attempt),
        ..cx.clone()
    };
    match member(&soon, group).await {
        Ok(Membership::Member {
            hooks: Hooks::Known(hooks),
            ..
        }) => hooks,
        Ok(_) | Err(_) => vec![],
    }
}

/// One heartbeat, once.
///
/// # Errors
/// It was not taken. Refused: the hook does not hold the instance.
pub(super) async fn send(
    cx: &Context,
    me: &Identity,
    group: &str,
    hook: &str,
) -> Result<(), CallError> {
    let call = aws_sdk_autoscaling::Client::new(&cx.aws)
        .record_lifecycle_action_heartbeat()
        .auto_scaling_group_name(group)
        .lifecycle_hook_name(hook)
        .instance_id(&me.instance_id)
        .send();
    let sent = call.await.map(drop);
    sent.map_err(|error| CallError::new(ACTION, &cx.aws, &error))
}

async fn beat(cx: &Context, me: &Identity, group: &str, hook: &str, waits: Duration) {
    let regular = (waits / 3)
        .min(cx.timings.heartbeat_most)
        .max(cx.timings.heartbeat_least);
    let mut failures = 0;
    loop {
        let wait = match send(cx, me, group, hook).await {
            Ok(()) => {
                cx.report.heartbeat(hook);
                failures = 0;
                regular
            }
            Err(error) => {
                if error.cause == Cause::Denied {
                    cx.report.warn("heartbeat_denied", &format!(
                        "{error}; hook {hook} gives up {} s after it began to wait, unless {ACTION} is allowed",
                        waits.as_secs()
                    ));
                    return;
                }
                failures += 1;
                // Refused: the group is not at `:Wait` yet, or not any more. Either way soon is right, and
                // it is nothing to tell.
                if error.cause != Cause::Refused {
                    let left = cx.deadline.remaining();
                    cx.report
                        .retrying(ACTION, error.class(), failures, &error, left);
                }
                let pause = cx.timings.backoff().bound(failures);
                pause.max(cx.timings.heartbeat_least).min(regular)
            }
        };
        // Jitter, so that a fleet that was launched at once does not beat at once.
        tokio::time::sleep(wait.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
    }
}
