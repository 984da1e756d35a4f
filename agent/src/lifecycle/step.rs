//! The transitions themselves: events in, the next record and effects out.
//!
//! [`resume`] is the machine's one view of what has to be under way in a state; events change the state
//! and ask for what they add to that.

use super::{
    clock::Now,
    decide::{abandon, collect, decide},
    delivery::{changed, exit, on, over, signalled},
    event::{Effect, Event, Fact},
    heed::{heed, noticed},
    join::join,
    missed::{found, is_over, is_to_serve_again, untell},
    proof::Proof,
    record::{Kind, Record, Settled, State, Verdict},
    transition::{begun_by, successor},
    work::{self, abort, permit},
};
use crate::{
    imds::TargetState,
    verdict::{Exit, LaunchError},
    workload::Launch,
};

/// One step: the next record, and what is to be done, in order.
pub fn step(record: &Record, event: Event, now: &Now) -> (Record, Vec<Effect>) {
    let mut next = record.clone();
    let effects = match event {
        Event::Started => start(&mut next),
        Event::Target(target) => headed(&mut next, target, now),
        Event::Noticed(notices) => noticed(&mut next, notices),
        Event::Missed if is_over(&next) => vec![Effect::Look],
        Event::Missed => vec![],
        Event::Learned(fact) => learn(&mut next, fact),
        Event::Joined(joined) => join(&mut next, joined),
        Event::Found(state) => found(&mut next, state.as_deref(), now),
        Event::Worked(outcome) => worked(&mut next, outcome),
        Event::NotForUs => vec![Effect::Forget, Effect::Exit(Exit::Done)],
        Event::Signalled(to, settled) => signalled(&mut next, &to, settled),
        Event::Collected => {
            next.facts.collecting = false;
            over(&next)
        }
        Event::Stopped => {
            next.facts.stopped = true;
            noted(over(&next))
        }
        Event::NotPersisted { error, decided } => not_persisted(&mut next, error, decided),
        Event::Terminate => vec![Effect::Abort, Effect::Exit(exit(&next.state))],
        Event::ShuttingDown => {
            next.facts.leaving = true;
            match work::wanted(&next) {
                Some(_) => changed(&next),
                None => resume(&next),
            }
        }
    };
    (next, effects)
}

/// What one state asks to be under way; asking for what is under way changes nothing.
pub(super) fn resume(record: &Record) -> Vec<Effect> {
    let mut effects = Vec::new();
    match &record.state {
        State::Undecided {
            recipients: Some(recipients),
        } => effects.push(Effect::Heartbeat(recipients.clone())),
        State::Undecided { recipients: None }
        | State::Decided {
            deliveries: None, ..
        } => effects.push(Effect::Join),
        State::Decided {
            deliveries: Some(_),
            ..
        } => {}
    }
    effects.extend(work::begin(record));
    effects.extend(on(record, true));
    effects
}

/// The exit code of a record on which nothing more is to be done for now.
pub fn rest(record: &Record) -> Option<Exit> {
    resume(record).into_iter().find_map(|effect| {
        if let Effect::Rest(code) | Effect::Exit(code) = effect {
            Some(code)
        } else {
            None
        }
    })
}

fn start(record: &mut Record) -> Vec<Effect> {
    // What an earlier process could not deliver, this one may: a permission was granted, a network mended.
    untell(record, |settled| matches!(settled, Settled::Failed(_)));
    match &record.state {
        State::Undecided { .. } => begin(record),
        State::Decided {
            verdict: Verdict::Abandon(_),
            ..
        } if !record.facts.evidence => {
            collect(record);
            noted(resume(record))
        }
        State::Decided { .. } if is_to_serve_again(record) => vec![Effect::Look],
        // There may have been a transition of the group's that nobody was there to see: the group knows.
        State::Decided { .. } => {
            let look = is_over(record).then_some(Effect::Look);
            resume(record).into_iter().chain(look).collect()
        }
    }
}

/// An undecided transition begins, or begins again.
pub(super) fn begin(record: &mut Record) -> Vec<Effect> {
    record.state = State::Undecided { recipients: None };
    // A shutdown that did not come to pass, perhaps.
    record.facts.drained_in = None;
    noted(resume(record))
}

/// The group wants the instance at `target`.
fn headed(record: &mut Record, target: TargetState, now: &Now) -> Vec<Effect> {
    if record.facts.target.as_ref() == Some(&target) {
        return vec![];
    }
    if let Some(kind) = begun_by(record, &target) {
        *record = successor(record, kind, Some(target), now);
        let aborted = abort(record).into_iter();
        return aborted.chain(begin(record)).collect();
    }
    let first = record.facts.target.is_none();
    let was_unknown = matches!(record.facts.target, Some(TargetState::Unknown(_)));
    record.facts.target = Some(target);
    noted(match &record.state {
        // It counted as in no group, and has a target: the group lists it by now.
        State::Undecided {
            recipients: Some(nobody),
        } if nobody.is_empty() && first => {
            let permit = permit(record, false).into_iter();
            permit.chain([Effect::Join]).collect()
        }
        State::Undecided { .. } => permit(record, false).into_iter().collect(),
        // What was held back while nobody knew what the group wants.
        State::Decided { .. } if was_unknown => on(record, true),
        State::Decided { .. } => vec![],
    })
}

/// What follows once the record is on disk.
pub(super) fn noted(then: Vec<Effect>) -> Vec<Effect> {
    [Effect::Persist].into_iter().chain(then).collect()
}

fn learn(record: &mut Record, fact: Fact) -> Vec<Effect> {
    if let Fact::Dying(_) = fact {
        return dying(record);
    }
    // Started again after the verdict: the record holds all this.
    if record.verdict().is_some() {
        return vec![];
    }
    match fact {
        Fact::Configured {
            document,
            timeout_ms,
            conduct,
        } => {
            record.facts.document = Some(document);
            record.facts.timeout_ms = Some(timeout_ms);
            record.facts.conduct = conduct;
            heed(record)
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
        Fact::Dying(_) => vec![],
    }
}

/// What served keeps dying, or does not come up again. Who waits to hear that it serves waits in vain: the
/// hook's own end may replace the instance.
fn dying(record: &Record) -> Vec<Effect> {
    let in_vain = record.verdict().is_some() && !record.is_served() && !record.is_told();
    let tell = record.facts.conduct.unhealthy_when_dead;
    [
        in_vain.then_some(Effect::Heartbeat(vec![])),
        tell.then_some(Effect::ReportUnhealthy),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn worked(record: &mut Record, outcome: Result<Proof, LaunchError>) -> Vec<Effect> {
    let kind = record.transition.kind;
    let proof = match (outcome, &record.state) {
        (Err(error), State::Undecided { .. }) => return decide(record, Verdict::Abandon(error)),
        // Started again after the verdict, and given up: whoever comes next tries again.
        (Err(error), State::Decided { .. }) => return vec![Effect::Rest(error.exit())],
        (Ok(proof), _) => proof,
    };
    if proof.is_drained() {
        record.facts.served = None;
        record.facts.drained_in = Some(record.facts.boot.clone());
    } else if proof.proves(Kind::Launch) {
        record.facts.drained_in = None;
        record.facts.served = Some(Launch {
            epoch: record.transition.epoch,
            boot_id: record.facts.boot.clone(),
        });
    }
    match &record.state {
        State::Undecided { .. } if proof.proves(kind) => {
            let mut effects = decide(record, Verdict::Continue(proof));
            effects.extend(work::begin(record));
            effects
        }
        // Drained on the way: for the machine goes down, and the next boot goes on.
        State::Undecided { .. } => vec![Effect::Persist, Effect::Rest(exit(&record.state))],
        State::Decided { .. } => noted(resume(record)),
    }
}

/// A CONTINUE that is not on disk might be followed by another verdict after a crash, so it must not
/// be sent. An ABANDON may: the group replaces the instance, and its disk with it. A verdict that is on
/// disk stands; only a note of how far it got is lost. A way out has one verdict only.
fn not_persisted(record: &mut Record, error: LaunchError, decided: bool) -> Vec<Effect> {
    if decided || !record.transition.kind.is_entry() {
        return resume(record);
    }
    let mut effects: Vec<Effect> = abort(record).into_iter().collect();
    if !matches!(record.verdict(), Some(Verdict::Abandon(_))) {
        abandon(record, error);
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
