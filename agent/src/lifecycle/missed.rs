//! What may have passed unseen: a transition of the group's that left the target as it was, while no agent
//! ran, the machine slept, or metadata was silent. The group knows, so it is asked where the instance stands.

use super::{
    clock::Now,
    delivery::on,
    event::Effect,
    record::{Delivery, Kind, Recipient, Record, Settled, State, Verdict},
    step::{begin, noted, resume},
    transition::successor,
};

/// In service, as far as is known, with nobody waiting.
fn is_serving(record: &Record) -> bool {
    let go = matches!(record.verdict(), Some(Verdict::Continue(_)));
    go && record.transition.kind == Kind::Launch && record.is_told()
}

/// The services of an earlier boot are gone. Nothing is started before the group was asked whether it
/// waits: for another launch they are other services.
pub(super) fn is_to_serve_again(record: &Record) -> bool {
    is_serving(record) && !record.is_served() && !record.is_drained()
}

/// Back in its warm pool, as far as is known.
fn is_pooled(record: &Record) -> bool {
    record.transition.kind == Kind::WarmReturn && record.is_told()
}

/// A launch that failed, and no hook would hear of it: the group goes on with the instance.
fn is_unheard(record: &Record) -> bool {
    let State::Decided {
        verdict: Verdict::Abandon(_),
        deliveries: Some(deliveries),
    } = &record.state
    else {
        return false;
    };
    let is_hook = |delivery: &&Delivery| matches!(delivery.to, Recipient::Hook { .. });
    let needless = |delivery: &Delivery| matches!(delivery.settled, Some(Settled::Needless(_)));
    let mut hooks = deliveries.iter().filter(is_hook).peekable();
    let unheard = hooks.peek().is_some() && hooks.all(needless);
    unheard && record.facts.stopped && record.transition.kind == Kind::Launch
}

/// A transition that is over, as far as is known, and that the group may begin anew without another
/// target to tell it by.
pub(super) fn is_over(record: &Record) -> bool {
    let over = is_serving(record) || is_pooled(record) || is_unheard(record);
    over && record.is_delivered()
}

/// Where the instance stands, on a start that found its verdict told, or after something may have been
/// missed. A group that waits for those who were told began a transition that nobody saw, with the target
/// as it was: a launch, or a return to the pool. Only at `:Wait` can anybody be told.
pub(super) fn found(record: &mut Record, state: Option<&str>, now: &Now) -> Vec<Effect> {
    let begins = match record.transition.kind {
        Kind::WarmReturn => "Warmed:Pending:Wait",
        Kind::Launch | Kind::WarmEnter | Kind::Terminate => "Pending:Wait",
    };
    match state == Some(begins) {
        // It may be the very launch that failed, whose hook was deaf: the first verdict stands.
        true if is_unheard(record) => {
            untell(record, |settled| matches!(settled, Settled::Needless(_)));
            noted(on(record, true))
        }
        true => {
            let (kind, target) = (record.transition.kind, record.facts.target.clone());
            *record = successor(record, kind, target, now);
            begin(record)
        }
        false if is_to_serve_again(record) => resume(record),
        false => vec![],
    }
}

/// Who has the verdict like that is told again.
pub(super) fn untell(record: &mut Record, like: impl Fn(&Settled) -> bool) {
    if let State::Decided {
        deliveries: Some(deliveries),
        ..
    } = &mut record.state
    {
        for delivery in deliveries {
            delivery.settled = delivery.settled.take().filter(|settled| !like(settled));
        }
    }
}
