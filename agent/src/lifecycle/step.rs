//! The transitions themselves: events in, the next record and effects out.

use super::{
    clock::Now,
    event::{Effect, Event, Fact, Unjoined, Work},
    record::{Delivery, Kind, Proof, Recipient, Record, Settled, State, Verdict},
};
use crate::{
    imds::{Identity, TargetState},
    verdict::{Exit, LaunchError},
};

/// The record to start on: the one that was left, or a new one.
///
/// Another instance's or image's record is discarded. A changed target begins a new epoch, unless it
/// is a way out: an ABANDON has the group want the instance terminated, and stands. A new boot alone
/// never begins one.
pub fn open(left: Option<Record>, me: &Identity, target: Option<TargetState>, now: &Now) -> Record {
    match left {
        Some(record) if record.is_of(me) => {
            let changed =
                matches!((&record.facts.target, &target), (Some(then), Some(is)) if then != is);
            if changed && target.as_ref().is_some_and(TargetState::is_entered) {
                let mut next = Record::new(
                    me,
                    record.transition.epoch.saturating_add(1),
                    Kind::Launch,
                    target,
                    now,
                );
                // Later edits of the spec reach new instances only.
                next.facts.document = record.facts.document;
                return next;
            }
            let mut record = record;
            record.facts.boot.clone_from(&now.boot);
            record.facts.target = target.or(record.facts.target);
            record
        }
        Some(_) | None => Record::new(me, 1, Kind::Launch, target, now),
    }
}

/// One step: the next record, and what is to be done, in order.
pub fn step(record: &Record, event: Event) -> (Record, Vec<Effect>) {
    let mut next = record.clone();
    let effects = match event {
        Event::Started => start(&mut next),
        Event::Learned(fact) => learn(&mut next, fact),
        Event::Joined(joined) => join(&mut next, joined),
        Event::Worked(outcome) => worked(&mut next, outcome),
        Event::NotForUs => vec![Effect::Forget, Effect::Exit(Exit::Done)],
        Event::Signalled(to, settled) => signalled(&mut next, &to, settled),
        Event::Stopped => {
            next.facts.stopped = true;
            vec![Effect::Persist, Effect::Exit(exit(&next.state))]
        }
        Event::NotPersisted { error, decided } => not_persisted(&mut next, error, decided),
        Event::Terminate => vec![Effect::Abort, Effect::Exit(exit(&next.state))],
    };
    (next, effects)
}

fn start(record: &mut Record) -> Vec<Effect> {
    // What an earlier process could not deliver, this one may: a permission was granted, a network mended.
    if let State::Decided {
        deliveries: Some(deliveries),
        ..
    } = &mut record.state
    {
        for delivery in deliveries
            .iter_mut()
            .filter(|delivery| matches!(delivery.settled, Some(Settled::Failed(_))))
        {
            delivery.settled = None;
        }
    }
    match &record.state {
        State::Undecided { .. } => vec![Effect::Persist, Effect::Join, Effect::Begin(Work::Launch)],
        State::Decided {
            verdict: Verdict::Continue(_),
            deliveries: None,
        } if !served(record) => vec![Effect::Join, Effect::Begin(Work::Launch)],
        State::Decided {
            deliveries: None, ..
        } => vec![Effect::Join],
        // Secrets and containers of an earlier boot are gone. The verdict stands; whoever still waits for
        // it hears it when what it says is true again.
        State::Decided {
            verdict: Verdict::Continue(_),
            deliveries: Some(deliveries),
        } if !served(record) => vec![keep_waiting(deliveries), Effect::Begin(Work::Launch)],
        State::Decided {
            verdict,
            deliveries: Some(deliveries),
        } => deliver(record, verdict, deliveries, true),
    }
}

/// Whether the workload was proven in this boot.
fn served(record: &Record) -> bool {
    record.facts.proven_in.as_ref() == Some(&record.facts.boot)
}

fn learn(record: &mut Record, fact: Fact) -> Vec<Effect> {
    // Started again after the verdict: the record holds all this.
    if record.verdict().is_some() {
        return vec![];
    }
    match fact {
        Fact::Configured {
            document,
            timeout_ms,
        } => {
            record.facts.document = Some(document);
            record.facts.timeout_ms = Some(timeout_ms);
            vec![Effect::Persist]
        }
        Fact::Resolved(wish) => {
            record.facts.signal = Some(wish);
            // Whom to tell is open again until it is refined: a verdict waits for that.
            record.state = State::Undecided { recipients: None };
            vec![Effect::Join]
        }
        Fact::Pulled(images) => {
            record.facts.images = images;
            vec![Effect::Persist]
        }
    }
}

fn join(record: &mut Record, joined: Result<Vec<Recipient>, Unjoined>) -> Vec<Effect> {
    match (&mut record.state, joined) {
        (State::Undecided { recipients }, Ok(found)) => {
            *recipients = Some(found.clone());
            vec![Effect::Heartbeat(found)]
        }
        // Whoever is to be told cannot be told: a launch that ends so is no launch.
        (State::Undecided { recipients }, Err(Unjoined { error, waiting })) => {
            let deliveries = recipients.take().or(waiting).map(pending);
            let unknown = deliveries.is_none();
            record.state = State::Decided {
                verdict: Verdict::Abandon(error),
                deliveries,
            };
            let mut effects = vec![Effect::Abort];
            effects.extend(settle(record));
            if unknown {
                effects.push(Effect::StopWorkload);
            }
            effects
        }
        (
            State::Decided {
                deliveries: deliveries @ None,
                ..
            },
            Ok(found),
        ) => {
            *deliveries = Some(pending(found));
            settle(record)
        }
        (
            State::Decided {
                verdict: Verdict::Abandon(_),
                deliveries: deliveries @ None,
            },
            Err(Unjoined {
                waiting: Some(waiting),
                ..
            }),
        ) => {
            *deliveries = Some(pending(waiting));
            settle(record)
        }
        // The verdict stands, and the next start tries again to find who waits for it.
        (
            State::Decided {
                verdict: Verdict::Abandon(_),
                deliveries: None,
            },
            Err(_),
        ) if !record.facts.stopped => vec![Effect::StopWorkload],
        (
            State::Decided {
                deliveries: None, ..
            },
            Err(_),
        ) => vec![Effect::Exit(exit(&record.state))],
        (
            State::Decided {
                deliveries: Some(_),
                ..
            },
            _,
        ) => vec![],
    }
}

fn worked(record: &mut Record, outcome: Result<Proof, LaunchError>) -> Vec<Effect> {
    if outcome.is_ok() {
        record.facts.proven_in = Some(record.facts.boot.clone());
    }
    match (&record.state, outcome) {
        (State::Undecided { .. }, outcome) => decide(
            record,
            outcome.map_or_else(Verdict::Abandon, Verdict::Continue),
        ),
        // Started again after the verdict.
        (State::Decided { .. }, Ok(_)) => {
            let mut effects = vec![Effect::Persist];
            effects.extend(on(record, true));
            effects
        }
        (State::Decided { .. }, Err(error)) => vec![Effect::Exit(error.exit())],
    }
}

/// The verdict: on disk before anybody hears it, and never another one after it.
fn decide(record: &mut Record, verdict: Verdict) -> Vec<Effect> {
    let State::Undecided { recipients } = &mut record.state else {
        return vec![];
    };
    let deliveries = recipients.take().map(pending);
    let unknown = deliveries.is_none();
    record.state = State::Decided {
        verdict,
        deliveries,
    };
    let mut effects = settle(record);
    // Begun before the launch's time was known; now the verdict waits for it alone.
    if unknown && record.facts.timeout_ms.is_some() {
        effects.push(Effect::Join);
    }
    effects
}

fn settle(record: &Record) -> Vec<Effect> {
    let mut effects = vec![Effect::Persist];
    effects.extend(on(record, false));
    effects
}

/// What is next for a verdict, once it is known whom to tell.
fn on(record: &Record, again: bool) -> Vec<Effect> {
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
fn deliver(
    record: &Record,
    verdict: &Verdict,
    deliveries: &[Delivery],
    again: bool,
) -> Vec<Effect> {
    let go = matches!(verdict, Verdict::Continue(_));
    let waiting = keep_waiting(deliveries);
    if go && !served(record) {
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
fn keep_waiting(deliveries: &[Delivery]) -> Effect {
    let untold = deliveries
        .iter()
        .filter(|delivery| delivery.settled.is_none());
    Effect::Heartbeat(untold.map(|delivery| delivery.to.clone()).collect())
}

fn signalled(record: &mut Record, to: &Recipient, settled: Settled) -> Vec<Effect> {
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

/// A CONTINUE that is not on disk might be followed by another verdict after a crash, so it must not
/// be sent. An ABANDON may: the group replaces the instance, and its disk with it. A verdict that is on
/// disk stands; only a note of how far it got is lost.
fn not_persisted(record: &mut Record, error: LaunchError, decided: bool) -> Vec<Effect> {
    if decided {
        return on(record, false);
    }
    let mut effects = vec![Effect::Abort];
    match &mut record.state {
        State::Undecided { recipients } => {
            let deliveries = recipients.take().map(pending);
            record.state = State::Decided {
                verdict: Verdict::Abandon(error),
                deliveries,
            };
        }
        State::Decided {
            verdict: verdict @ Verdict::Continue(_),
            ..
        } => *verdict = Verdict::Abandon(error),
        State::Decided { .. } => {}
    }
    if matches!(
        &record.state,
        State::Decided {
            deliveries: None,
            ..
        }
    ) {
        // Begun before, perhaps, but what came after the write may just as well have been this.
        effects.push(Effect::Join);
    }
    effects.extend(on(record, false));
    effects
}

fn pending(recipients: Vec<Recipient>) -> Vec<Delivery> {
    recipients
        .into_iter()
        .map(|to| Delivery { to, settled: None })
        .collect()
}

/// What the process says when it leaves in this state.
fn exit(state: &State) -> Exit {
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
