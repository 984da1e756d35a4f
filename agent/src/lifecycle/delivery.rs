//! A verdict on its way: who is told next, who is kept waiting, and what the process exits with.

use super::{
    event::Effect,
    heed::heeded,
    record::{Delivery, Kind, Recipient, Record, Settled, State, Verdict},
    work::{begin, is_busy},
};
use crate::{imds::TargetState, verdict::Exit};

/// What follows a change that has to be on disk first.
pub(super) fn settle(record: &Record) -> Vec<Effect> {
    let mut effects = vec![Effect::Persist];
    effects.extend(on(record, false));
    effects
}

/// Other work is wanted; and where a launch said that it serves, what may be told changes with it.
pub(super) fn changed(record: &Record) -> Vec<Effect> {
    let mut effects = begin(record);
    let go = matches!(record.verdict(), Some(Verdict::Continue(_)));
    if go && record.transition.kind == Kind::Launch && !record.is_told() {
        effects.extend(on(record, true));
    }
    effects
}

/// What is next for a verdict: the evidence of a failure, and whom to tell, once that is known.
pub(super) fn on(record: &Record, again: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    if record.facts.collecting {
        effects.push(Effect::Evidence);
    }
    if let State::Decided {
        verdict,
        deliveries: Some(deliveries),
    } = &record.state
    {
        effects.extend(deliver(record, verdict, deliveries, again));
    }
    effects
}

/// Tells the next who has not been told, and keeps all of these waiting; when all are told, a failed
/// workload is stopped, and that is it. Nobody is told CONTINUE while the workload is being started
/// again or drained, ABANDON before the evidence is safe, or anything while what the group wants is a
/// riddle.
fn deliver(
    record: &Record,
    verdict: &Verdict,
    deliveries: &[Delivery],
    again: bool,
) -> Vec<Effect> {
    let kind = record.transition.kind;
    let go = matches!(verdict, Verdict::Continue(_));
    let waiting = keep_waiting(deliveries);
    let riddle = matches!(record.facts.target, Some(TargetState::Unknown(_)));
    if record.facts.collecting {
        return vec![waiting];
    }
    let untold = deliveries
        .iter()
        .find(|delivery| delivery.settled.is_none());
    let serves = record.is_served() && !record.facts.leaving && heeded(record).is_none();
    let next = match untold {
        Some(_) if go && kind == Kind::Launch && !serves => return withhold(record, waiting),
        Some(_) if riddle => return withhold(record, waiting),
        Some(next) => Some(Effect::Signal {
            to: next.to.clone(),
            go,
            again,
        }),
        None if !go && !record.facts.stopped => Some(Effect::StopWorkload),
        None => leave(record, end(record)),
    };
    [waiting].into_iter().chain(next).collect()
}

/// Nothing more for now, though not all are told. Once services are drained nothing may ever be told:
/// then the group shall not wait for it either.
fn withhold(record: &Record, waiting: Effect) -> Vec<Effect> {
    let given_up = record.transition.kind == Kind::Launch && record.is_drained();
    let waiting = match given_up {
        true => Effect::Heartbeat(vec![]),
        false => waiting,
    };
    let rest = leave(record, Effect::Rest(exit(&record.state)));
    [Effect::Withhold, waiting]
        .into_iter()
        .chain(rest)
        .collect()
}

/// An end, or a rest: never before what has to be worked at is done.
pub(super) fn leave(record: &Record, end: Effect) -> Option<Effect> {
    (!is_busy(record)).then_some(end)
}

/// What follows when the evidence is safe, or a failed workload is stopped.
pub(super) fn over(record: &Record) -> Vec<Effect> {
    let nobody = matches!(
        &record.state,
        State::Decided {
            deliveries: None,
            ..
        }
    );
    match nobody {
        true if record.facts.stopped && !record.facts.collecting => {
            let end = Effect::Exit(exit(&record.state));
            leave(record, end).into_iter().collect()
        }
        true => vec![],
        false => on(record, false),
    }
}

/// The end of a transition. The agent stays where somebody may want it again: to keep services, or to
/// end the instance that a group gives up. What the next start may deliver is left to it.
fn end(record: &Record) -> Effect {
    let code = exit(&record.state);
    let State::Decided {
        verdict,
        deliveries,
    } = &record.state
    else {
        return Effect::Exit(code);
    };
    let heard = |delivery: &Delivery| {
        matches!(delivery.to, Recipient::Hook { .. })
            && !matches!(delivery.settled, Some(Settled::Failed(_)) | None)
    };
    match verdict {
        _ if code == Exit::Undelivered => Effect::Exit(code),
        Verdict::Continue(_) => Effect::Rest(code),
        Verdict::Abandon(_) if deliveries.iter().flatten().any(heard) => Effect::Rest(code),
        Verdict::Abandon(_) => Effect::Exit(code),
    }
}

/// Whoever has not been told is kept waiting.
fn keep_waiting(deliveries: &[Delivery]) -> Effect {
    let untold = deliveries
        .iter()
        .filter(|delivery| delivery.settled.is_none());
    Effect::Heartbeat(untold.map(|delivery| delivery.to.clone()).collect())
}

pub(super) fn signalled(record: &mut Record, to: &Recipient, settled: Settled) -> Vec<Effect> {
    if let State::Decided {
        deliveries: Some(deliveries),
        ..
    } = &mut record.state
    {
        for delivery in deliveries.iter_mut().filter(|delivery| delivery.to == *to) {
            delivery.settled = Some(settled.clone());
        }
    }
    settle(record)
}

pub(super) fn pending(recipients: Vec<Recipient>) -> Vec<Delivery> {
    recipients
        .into_iter()
        .map(|to| Delivery { to, settled: None })
        .collect()
}

/// What the process says when it leaves in this state.
pub fn exit(state: &State) -> Exit {
    let State::Decided {
        verdict,
        deliveries,
    } = state
    else {
        return Exit::Interrupted;
    };
    let failed = deliveries
        .iter()
        .flatten()
        .find_map(|delivery| match &delivery.settled {
            Some(Settled::Failed(error)) => Some(error.exit()),
            Some(Settled::Delivered | Settled::Needless(_)) => None,
            None => Some(Exit::Undelivered),
        });
    match (verdict, failed) {
        (_, Some(exit)) => exit,
        (_, None) if deliveries.is_none() => Exit::Undelivered,
        (Verdict::Continue(_), None) => Exit::Done,
        (Verdict::Abandon(error), None) => error.exit(),
    }
}
