//! What an announcement of EC2 asks for.

use super::{
    decide::decide,
    delivery::changed,
    event::Effect,
    notice::{Notice, Notices},
    record::{Kind, Record, State, Verdict},
    step::noted,
    work::{abort, begin},
};
use crate::verdict::{LaunchError, Reason, Stage};

/// EC2 announces `notices`, and nothing else any more.
pub(super) fn noticed(record: &mut Record, notices: Notices) -> Vec<Effect> {
    let before = heeded(record).is_some();
    record.facts.notices = notices;
    // The instance was kept after all: where services were drained for it, they serve again.
    if before && heeded(record).is_none() && record.transition.kind == Kind::Launch {
        record.facts.drained_in = None;
        // Some may be stopped already: what they are is proven again.
        record.facts.served = None;
        return noted(changed(record));
    }
    heed(record)
}

/// What the record now says of announcements is written down, and asks for what it asks in this state.
pub(super) fn heed(record: &mut Record) -> Vec<Effect> {
    let wanted = heeded(record).map(|(notice, _)| notice);
    match &record.state {
        State::Undecided { .. } if record.transition.kind.is_entry() => {
            let spot = record.facts.notices.contains_key(&Notice::Spot);
            let Some(notice) = wanted.or(spot.then_some(Notice::Spot)) else {
                return noted(vec![]);
            };
            // It will never serve: whoever waits is told at once, and gets another.
            let aborted = abort(record).into_iter();
            let decided = decide(record, Verdict::Abandon(reclaimed(notice)));
            aborted.chain(decided).collect()
        }
        // By when it has to be over is another.
        State::Undecided { .. } => noted(begin(record)),
        State::Decided { .. } if wanted.is_some() && record.is_served() => noted(changed(record)),
        State::Decided { .. } => noted(vec![]),
    }
}

/// The most urgent of what is announced and the spec wants heeded, and when it happens.
pub(super) fn heeded(record: &Record) -> Option<(Notice, Option<u64>)> {
    let wanted = &record.facts.conduct.drain_on;
    let named = record.facts.notices.iter();
    let mut named = named.filter(|(notice, _)| wanted.contains(notice));
    named.next_back().map(|(notice, at_ms)| (*notice, *at_ms))
}

fn reclaimed(notice: Notice) -> LaunchError {
    LaunchError {
        stage: Stage::Signal,
        reason: Reason::Reclaimed,
        message: format!(
            "EC2 takes this instance back ({} notice), so it will not serve; nothing is wrong with what was launched",
            notice.as_str()
        ),
    }
}
