//! Whom to tell, once that is known, or cannot be.

use super::{
    decide::abandon,
    delivery::{exit, leave, pending, settle},
    event::{Effect, Joined, Unjoined},
    record::{Record, State, Verdict},
    work::{abort, permit},
};

/// It is known whom to tell, or why not.
pub(super) fn join(record: &mut Record, joined: Result<Joined, Unjoined>) -> Vec<Effect> {
    let entry = record.transition.kind.is_entry();
    match (&mut record.state, joined) {
        (State::Undecided { recipients }, Ok(found)) => {
            *recipients = Some(found.recipients.clone());
            let mut effects = vec![Effect::Heartbeat(found.recipients)];
            if !found.member {
                effects.extend(permit(record, true));
            }
            effects
        }
        // A way out cannot be refused: whoever is known is told when it is done, and whoever is not is
        // looked for again.
        (State::Undecided { recipients }, Err(Unjoined { waiting, .. })) if !entry => {
            recipients.clone_from(&waiting);
            waiting.map(Effect::Heartbeat).into_iter().collect()
        }
        // Whoever is to be told cannot be told: a launch that ends so is no launch.
        (State::Undecided { recipients }, Err(Unjoined { error, waiting })) => {
            *recipients = recipients.take().or(waiting);
            let unknown = recipients.is_none();
            abandon(record, error);
            let aborted = abort(record).into_iter();
            let stop = unknown.then_some(Effect::StopWorkload);
            aborted.chain(settle(record)).chain(stop).collect()
        }
        (
            State::Decided {
                deliveries: deliveries @ None,
                ..
            },
            Ok(found),
        ) => {
            *deliveries = Some(pending(found.recipients));
            settle(record)
        }
        (
            State::Decided {
                verdict,
                deliveries: deliveries @ None,
            },
            Err(Unjoined {
                waiting: Some(waiting),
                ..
            }),
        ) if matches!(verdict, Verdict::Abandon(_)) || !entry => {
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
        ) => leave(record, Effect::Exit(exit(&record.state)))
            .into_iter()
            .collect(),
        (
            State::Decided {
                deliveries: Some(_),
                ..
            },
            _,
        ) => vec![],
    }
}
