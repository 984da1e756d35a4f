//! Which transition a new target begins, and the record it begins with.
//!
//! Sources: "Lifecycle hooks for warm pools", "Instance lifecycle" and "Retrieve the target lifecycle
//! state", Amazon EC2 Auto Scaling User Guide. Standby and detaching have no hooks, and end nothing.

use super::{
    clock::Now,
    delivery::exit,
    record::{Kind, Record, Settled, State, Verdict},
};
use crate::imds::TargetState;

/// The transition that a first look at the target state begins.
pub(super) fn first(target: Option<&TargetState>) -> Kind {
    match target {
        Some(
            TargetState::WarmedHibernated | TargetState::WarmedRunning | TargetState::WarmedStopped,
        ) => Kind::WarmEnter,
        Some(TargetState::Terminated | TargetState::WarmedTerminated) => Kind::Terminate,
        Some(
            TargetState::InService
            | TargetState::Standby
            | TargetState::Detached
            | TargetState::Unknown(_),
        )
        | None => Kind::Launch,
    }
}

/// The transition that `target` begins on this record, if it begins one.
pub(super) fn begun_by(record: &Record, target: &TargetState) -> Option<Kind> {
    let kind = record.transition.kind;
    match target {
        TargetState::InService => match kind {
            Kind::WarmEnter | Kind::WarmReturn | Kind::Terminate => Some(Kind::Launch),
            // Known at last, or back from standby: no hook fires.
            Kind::Launch => None,
        },
        TargetState::WarmedHibernated | TargetState::WarmedRunning | TargetState::WarmedStopped => {
            match kind {
                Kind::Launch if has_served(record) => Some(Kind::WarmReturn),
                // What began as a launch, for the target was not known yet, is none.
                Kind::Launch => Some(Kind::WarmEnter),
                Kind::WarmEnter | Kind::WarmReturn | Kind::Terminate => None,
            }
        }
        TargetState::Terminated | TargetState::WarmedTerminated => match kind {
            Kind::Launch | Kind::WarmEnter | Kind::WarmReturn if drains(record) => {
                Some(Kind::Terminate)
            }
            Kind::Launch | Kind::WarmEnter | Kind::WarmReturn | Kind::Terminate => None,
        },
        TargetState::Standby | TargetState::Detached | TargetState::Unknown(_) => None,
    }
}

/// Whether the group had it in service, or on its way there: it said so, or took a CONTINUE.
fn has_served(record: &Record) -> bool {
    let taken = match &record.state {
        State::Decided {
            verdict: Verdict::Continue(_),
            deliveries: Some(deliveries),
        } => deliveries
            .iter()
            .any(|delivery| delivery.settled == Some(Settled::Delivered)),
        State::Decided { .. } | State::Undecided { .. } => false,
    };
    taken || record.facts.target == Some(TargetState::InService)
}

/// A launch on its way is over when its instance is, whatever the spec says of draining.
fn drains(record: &Record) -> bool {
    record.facts.conduct.drain_on_terminate || matches!(record.state, State::Undecided { .. })
}

/// The record of the next transition of this instance. What its spec says holds on: later edits reach
/// new instances only. Images are looked up again by whoever pulls.
pub(super) fn successor(
    record: &Record,
    kind: Kind,
    target: Option<TargetState>,
    now: &Now,
) -> Record {
    let mut next = Record::begun(record.transition.clone(), kind, target, now);
    next.transition.epoch = record.transition.epoch.saturating_add(1);
    let (old, new) = (&record.facts, &mut next.facts);
    new.document.clone_from(&old.document);
    new.timeout_ms = old.timeout_ms;
    new.signal.clone_from(&old.signal);
    new.conduct.clone_from(&old.conduct);
    new.notices.clone_from(&old.notices);
    new.leaving = old.leaving;
    if !kind.is_entry() {
        // What runs is still what that launch started.
        new.served.clone_from(&old.served);
        new.images.clone_from(&old.images);
        new.entered = match record.transition.kind.is_entry() {
            true => Some(exit(&record.state)),
            false => old.entered,
        };
    }
    next
}
