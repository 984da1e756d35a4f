//! Whether the group waits for this instance anew, when its verdict was told already.

use super::{heartbeat, standing};
use crate::{
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Recipient,
};
use tokio::time::sleep;

/// The lifecycle state, for who can do without: `None` outside a group, and where it cannot be known; at
/// `Pending:Wait` also where it is not known to wait for one of `told`, those who have the verdict. One that
/// takes a heartbeat is open, and waits for another; with no hook among them any that waits was made since.
pub async fn look(cx: &Context, me: &Identity, told: &[Recipient]) -> Option<String> {
    // `Pending` may be on its way to `:Wait`, where hooks may be deaf at first.
    let patience = Deadline::after(cx.timings.reconcile_patience);
    let hooks: Vec<(&str, &str)> = told.iter().filter_map(hook).collect();
    loop {
        let state = ask(cx, me).await?;
        if !(state.ends_with("Pending") || state.ends_with("Pending:Wait")) {
            return Some(state);
        }
        if state.ends_with(":Wait") && (hooks.is_empty() || is_open(cx, me, &hooks).await) {
            return Some(state);
        }
        if patience.remaining() <= cx.timings.reconcile_poll {
            let words =
                "the group waits, and as far as is known not for a hook that has the verdict";
            cx.report.info(words);
            return None;
        }
        sleep(cx.timings.reconcile_poll).await;
    }
}

fn hook(recipient: &Recipient) -> Option<(&str, &str)> {
    match recipient {
        Recipient::Hook { group, hook } => Some((group, hook)),
        Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
    }
}

async fn ask(cx: &Context, me: &Identity) -> Option<String> {
    let soon = Deadline::after(cx.timings.aws_attempt);
    match standing(cx, me, soon).await {
        Ok(standing) => standing.map(|standing| standing.state),
        Err(error) => {
            let words = format!("where the group has this instance is not known: {error}");
            cx.report.warn("standing_unknown", &words);
            None
        }
    }
}

/// Whether one of these takes a heartbeat. What could not be asked is asked again with the next look.
async fn is_open(cx: &Context, me: &Identity, hooks: &[(&str, &str)]) -> bool {
    for (group, hook) in hooks {
        if heartbeat::send(cx, me, group, hook).await.is_ok() {
            return true;
        }
    }
    false
}
