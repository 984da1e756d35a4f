//! The instance's group and its launch hooks, before any spec is read.

use super::{
    Hooks, Member, Membership,
    calls::{Calls, HOOKS, INSTANCES},
};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline},
    imds::Identity,
    retry::{self, Backoff},
};

/// EC2 Auto Scaling puts this tag on every instance that it launches.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// Finds the instance's group and that group's launch hooks, and says what it found.
///
/// Nothing here fails a launch: what cannot be told is `Unknown`, and says why. Each question is
/// given up after [`Timings::reconcile_patience`](crate::context::Timings), or sooner where nothing in
/// metadata hints at a group; so run this beside the first stages rather than before them.
pub async fn discover(cx: &Context, me: &Identity) -> Membership {
    let calls = Calls::new(cx);
    let membership = match group(cx, &calls, me).await {
        Ok(Some(group)) => {
            let hooks = hooks(cx, &calls, &group).await;
            Membership::Member(Member { group, hooks })
        }
        Ok(None) => Membership::Outside,
        Err(why) => Membership::Unknown { why },
    };
    say(cx, &membership);
    membership
}

/// The group's name: from the instance's tag, which costs nothing, else from the group's API.
async fn group(cx: &Context, calls: &Calls<'_>, me: &Identity) -> Result<Option<String>, String> {
    let brief = cx.deadline.at_most(cx.timings.imds_attempt * 4);
    if let Ok(Some(group)) = cx.imds.tag(GROUP_TAG, brief).await {
        return Ok(Some(group));
    }
    // Outside a group there is often no role to ask with either: don't wait long for one.
    let patience = match cx.imds.target_state(brief).await {
        Ok(Some(_)) => cx.timings.reconcile_patience,
        Ok(None) | Err(_) => cx.timings.aws_attempt,
    };
    ask(cx, calls, INSTANCES, patience, async || {
        calls.instance(&me.instance_id).await
    })
    .await
    .map(|found| found.map(|(group, _state)| group))
    .map_err(|error| {
        explain(
            &error,
            "switch on tags in instance metadata (`InstanceMetadataTags: enabled`)",
        )
    })
}

async fn hooks(cx: &Context, calls: &Calls<'_>, group: &str) -> Hooks {
    let patience = cx.timings.reconcile_patience;
    let listed = ask(cx, calls, HOOKS, patience, async || {
        calls.launch_hooks(group).await
    });
    match listed.await {
        Ok(hooks) => Hooks::Known(hooks),
        Err(error) => Hooks::Unknown {
            why: explain(&error, "name the hook under `signal.launching`"),
        },
    }
}

async fn ask<T>(
    cx: &Context,
    calls: &Calls<'_>,
    action: &'static str,
    patience: std::time::Duration,
    attempt: impl AsyncFnMut() -> Result<T, CallError>,
) -> Result<T, CallError> {
    let backoff = Backoff {
        base: cx.timings.backoff_base,
        cap: cx.timings.backoff_cap,
    };
    let deadline: Deadline = cx.deadline.at_most(patience);
    let cut_off = || calls.cut_off(action);
    retry::until(action, backoff, deadline, &cx.report, cut_off, attempt).await
}

/// Describe calls take no resource: they are granted on `*`.
fn explain(error: &CallError, otherwise: &str) -> String {
    if error.cause == Cause::Denied {
        format!("{error}; grant `{}` on `*`, or {otherwise}", error.action)
    } else {
        error.to_string()
    }
}

fn say(cx: &Context, membership: &Membership) {
    match membership {
        Membership::Outside => cx
            .report
            .info("this instance is in no Auto Scaling group: no signal will be sent"),
        Membership::Unknown { why } => cx.report.warn(
            "group_unknown",
            &format!("whether this instance is in an Auto Scaling group could not be told: {why}"),
        ),
        Membership::Member(Member { group, hooks }) => match hooks {
            Hooks::Unknown { why } => cx.report.warn(
                "hooks_unknown",
                &format!("the launch hooks of group `{group}` could not be listed: {why}"),
            ),
            Hooks::Known(hooks) if hooks.is_empty() => cx.report.info(&format!(
                "group `{group}` has no launch hook: no signal will be sent"
            )),
            Hooks::Known(hooks) => cx.report.info(&format!(
                "group `{group}` waits at launch hook {}",
                super::refine::names(hooks)
            )),
        },
    }
}
