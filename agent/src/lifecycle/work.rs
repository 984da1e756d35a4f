//! Which work a state asks for.
//!
//! To add a work: a variant of [`Work`], and the states that want it in [`wanted`].

use super::{
    event::{Effect, Why, Work},
    heed::heeded,
    record::{Kind, Record, State, Verdict},
};

/// What this state wants to be worked at, if anything.
pub(super) fn wanted(record: &Record) -> Option<Work> {
    let kind = record.transition.kind;
    match &record.state {
        _ if record.facts.leaving => (!record.is_drained()).then_some(Work::Drain(Why::Shutdown)),
        State::Undecided { .. } => Some(match kind {
            Kind::Launch => Work::Launch,
            Kind::WarmEnter => Work::Prepare,
            Kind::WarmReturn | Kind::Terminate => Work::Drain(Why::Group {
                by_ms: heeded(record).and_then(|(_, at_ms)| at_ms),
            }),
        }),
        State::Decided {
            verdict: Verdict::Continue(_),
            ..
        } if kind == Kind::Launch && !record.is_drained() => Some(match heeded(record) {
            // Secrets and containers of an earlier boot are gone. The verdict stands, and what it says
            // is made true again.
            _ if !record.is_served() => Work::Launch,
            Some((notice, by_ms)) => Work::Drain(Why::Notice { notice, by_ms }),
            None => Work::Keep,
        }),
        State::Decided { .. } => None,
    }
}

/// Begins what is wanted; what is under way goes on.
pub(super) fn begin(record: &Record) -> Vec<Effect> {
    let permit = permit(record, false).into_iter();
    permit.chain(wanted(record).map(Effect::Begin)).collect()
}

/// Whether what is under way has an end to wait for.
pub(super) fn is_busy(record: &Record) -> bool {
    !matches!(wanted(record), None | Some(Work::Keep))
}

/// Cuts the work off where it is; but a machine that goes down is drained, whatever else fails.
pub(super) fn abort(record: &Record) -> Option<Effect> {
    (!record.facts.leaving).then_some(Effect::Abort)
}

/// A launch may start containers once it is known where the group wants the instance, or that there is
/// no group: they must not run in a warm pool. What served before may serve again.
pub(super) fn permit(record: &Record, outside: bool) -> Option<Effect> {
    let known = outside || record.facts.target.is_some() || record.verdict().is_some();
    let launch = wanted(record) == Some(Work::Launch);
    (launch && known).then_some(Effect::Permit)
}
