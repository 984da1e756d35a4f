//! A verdict on its way: who is told next, who is kept waiting, and what the process exits with.

use super::{
    event::Effect,
    record::{Delivery, Recipient, Record, Settled, State, Verdict},
};
use crate::verdict::Exit;

pub(super) fn settle(record: &Record) -> Vec<Effect> {
    let mut effects = vec![Effect::Persist];
    effects.extend(on(record, false));
    effects
}

/// What is next for a verdict, once it is known whom to tell.
pub(super) fn on(record: &Record, again: bool) -> Vec<Effect> {
    match &record.state {
        State::Decided {
            verdict,
            deliveries: Some(deliveries),
        } => deliver(record, verdict, deliveries, again),
        State::Decided {
            deliveries: None, ..
        }
        | State::Undecided { .. } => vec![],
    }
}

/// Tells the next who has not been told, and keeps all of these waiting; when all are told, a failed
/// workload is stopped, and that is it. Nobody is told CONTINUE while the workload is being started
/// again.
pub(super) fn deliver(
    record: &Record,
    verdict: &Verdict,
    deliveries: &[Delivery],
    again: bool,
) -> Vec<Effect> {
    let go = matches!(verdict, Verdict::Continue(_));
    let waiting = keep_waiting(deliveries);
    if go && !record.is_served() {
        return vec![waiting];
    }
    if let Some(next) = deliveries
        .iter()
        .find(|delivery| delivery.settled.is_none())
    {
        let to = next.to.clone();
        return vec![waiting, Effect::Signal { to, go, again }];
    }
    if !go && !record.facts.stopped {
        return vec![waiting, Effect::StopWorkload];
    }
    vec![Effect::Exit(exit(&record.state))]
}

/// Whoever has not been told is kept waiting.
pub(super) fn keep_waiting(deliveries: &[Delivery]) -> Effect {
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
pub(super) fn exit(state: &State) -> Exit {
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
