//! Whether the group waits for this instance anew, when its verdict was told already.

use super::{heartbeat, standing};
use crate::{
    aws::Cause,
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Recipient,
    retry::{Class, Classify as _},
};
use tokio::time::sleep;

/// Whose hook holds an instance that waits.
enum Held {
    /// One of ours is open: whatever was told before was for another transition.
    ByOurs,
    /// None of ours is, so far: theirs alone, or ours is about to open.
    ByOthers,
    /// It could not be asked, so far.
    Unasked,
    /// It may not be asked.
    Denied,
}

/// The lifecycle state, for who can do without: `None` outside a group, where it cannot be known, and
/// where it is others' hooks alone that the instance waits for. `told` are those who have the verdict:
/// a hook that takes a heartbeat is open, and waits for another.
pub async fn look(cx: &Context, me: &Identity, told: &[Recipient]) -> Option<String> {
    // A group may say that it waits before its hooks take anything.
    let patience = Deadline::after(cx.timings.reconcile_patience);
    loop {
        let state = ask(cx, me).await?;
        if !state.ends_with("Pending:Wait") {
            return Some(state);
        }
        let last = patience.remaining() <= cx.timings.reconcile_poll;
        match held(cx, me, told).await {
            Held::ByOurs | Held::Denied => return Some(state),
            Held::Unasked if last => return Some(state),
            Held::ByOthers if last => {
                let words = "the group waits for another hook than those that have the verdict";
                cx.report.info(words);
                return None;
            }
            Held::Unasked | Held::ByOthers => sleep(cx.timings.reconcile_poll).await,
        }
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

async fn held(cx: &Context, me: &Identity, told: &[Recipient]) -> Held {
    let hooks = told.iter().filter_map(|recipient| match recipient {
        Recipient::Hook { group, hook } => Some((group, hook)),
        Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
    });
    // With no hook on record, any that waits was made since.
    let mut held = Held::Denied;
    for (group, hook) in hooks {
        match heartbeat::send(cx, me, group, hook).await {
            Ok(()) => return Held::ByOurs,
            Err(error) if error.cause == Cause::Refused => held = Held::ByOthers,
            Err(error) if error.class() == Class::Fatal => return Held::Denied,
            Err(_) => return Held::Unasked,
        }
    }
    held
}
