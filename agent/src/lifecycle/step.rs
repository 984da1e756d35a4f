//! The transitions themselves: events in, the next record and effects out.

use super::{
    delivery::{deliver, exit, keep_waiting, on, pending, settle, signalled},
    event::{Effect, Event, Fact, Unjoined, Work},
    record::{Proof, Recipient, Record, Settled, State, Verdict},
};
use crate::verdict::{Exit, LaunchError};

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
        } if !record.is_served() => vec![Effect::Join, Effect::Begin(Work::Launch)],
        State::Decided {
            deliveries: None, ..
        } => vec![Effect::Join],
        // Secrets and containers of an earlier boot are gone. The verdict stands; whoever still waits for
        // it hears it when what it says is true again.
        State::Decided {
            verdict: Verdict::Continue(_),
            deliveries: Some(deliveries),
        } if !record.is_served() => vec![keep_waiting(deliveries), Effect::Begin(Work::Launch)],
        State::Decided {
            verdict,
            deliveries: Some(deliveries),
        } => deliver(record, verdict, deliveries, true),
    }
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
