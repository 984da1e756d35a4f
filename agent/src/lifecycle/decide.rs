//! The verdict, once.

use super::{
    delivery::{pending, settle},
    event::Effect,
    record::{Record, State, Verdict},
};
use crate::verdict::LaunchError;

/// The verdict: on disk before anybody hears it, and never another one after it.
pub(super) fn decide(record: &mut Record, verdict: Verdict) -> Vec<Effect> {
    match verdict {
        Verdict::Abandon(error) => abandon(record, error),
        Verdict::Continue(_) => put(record, verdict),
    }
    let mut effects = settle(record);
    let unknown = matches!(
        &record.state,
        State::Decided {
            deliveries: None,
            ..
        }
    );
    // Begun before the launch's time was known; now the verdict waits for it alone. On a way out it may
    // have failed meanwhile.
    if unknown && (record.facts.timeout_ms.is_some() || !record.transition.kind.is_entry()) {
        effects.push(Effect::Join);
    }
    effects
}

/// ABANDON, with what is left of the instance's evidence first.
pub(super) fn abandon(record: &mut Record, error: LaunchError) {
    put(record, Verdict::Abandon(error));
    if !record.facts.evidence {
        collect(record);
    }
}

/// Evidence is collected, once: were it that what crashed us, the verdict must go out all the same.
pub(super) fn collect(record: &mut Record) {
    record.facts.evidence = true;
    record.facts.collecting = true;
}

fn put(record: &mut Record, verdict: Verdict) {
    let deliveries = match &mut record.state {
        State::Undecided { recipients } => recipients.take().map(pending),
        State::Decided { deliveries, .. } => deliveries.take(),
    };
    record.state = State::Decided {
        verdict,
        deliveries,
    };
}
