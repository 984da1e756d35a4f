//! Which work a state asks for.
//!
//! To add a work: a variant of [`Work`], and the states that want it in [`wanted`].

use super::{
    event::{Effect, Why, Work},
    notice::Notice,
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
            Some((_, by_ms)) => Work::Drain(Why::Notice { by_ms }),
            None => Work::Keep,
        }),
        State::Decided { .. } => None,
    }
}

/// Begins what is wanted; what is under way goes on.
pub(super) fn begin(record: &Record) -> Vec<Effect> {
    let work = wanted(record);
    let mut effects = Vec::new();
    if work == Some(Work::Launch) {
        effects.extend(permit(record));
    }
    effects.extend(work.map(Effect::Begin));
    effects
}

/// Whether what is under way has an end to wait for.
pub(super) fn is_busy(record: &Record) -> bool {
    !matches!(wanted(record), None | Some(Work::Keep))
}

/// Containers may be started once it is known where the group wants the instance: they must not run in a
/// warm pool. What served before may serve again.
pub(super) fn permit(record: &Record) -> Option<Effect> {
    let launch = record.transition.kind == Kind::Launch;
    let known = record.facts.target.is_some() || record.verdict().is_some();
    (launch && known).then_some(Effect::Permit)
}

/// The most urgent of what is announced and the spec wants heeded, and when it happens.
pub(super) fn heeded(record: &Record) -> Option<(Notice, Option<u64>)> {
    let wanted = &record.facts.conduct.drain_on;
    let named = record.facts.notices.iter();
    let mut named = named.filter(|(notice, _)| wanted.contains(notice));
    named.next_back().map(|(notice, at_ms)| (*notice, *at_ms))
}
