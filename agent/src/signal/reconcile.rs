//! What to make of "No active Lifecycle Action": too early, too late, or already done. Pure.

use super::{Delivery, state::Phase};
use std::{fmt, time::Duration};

/// What the group says of the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// Its lifecycle state.
    State(String),
    /// It is in no group.
    Absent,
    /// It could not be asked.
    Unavailable(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::State(state) => write!(f, "the instance is {state}"),
            Seen::Absent => f.write_str("the instance is in no group"),
            Seen::Unavailable(why) => f.write_str(why),
        }
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Signal again after a while.
    Again,
    /// It is over.
    Done(Delivery),
}

impl Seen {
    /// True while the hook does not wait yet: patience begins when it does.
    pub(super) fn is_early(&self) -> bool {
        matches!(self, Seen::State(state) if Phase::of(state) == Phase::Early)
    }
}

/// What follows from `seen`.
///
/// `sent_before`: an earlier attempt may have arrived. `waited`: since the first refusal that was not
/// merely early. After `patience`, what may have arrived counts as arrived, for another hook may be
/// what holds the instance; so does what nobody can look up.
pub(super) fn reconcile(
    seen: Seen,
    sent_before: bool,
    waited: Duration,
    patience: Duration,
) -> Next {
    let assume = |may: bool, why: String| {
        if may && waited >= patience {
            Next::Done(Delivery::Assumed { why })
        } else {
            Next::Again
        }
    };
    match seen {
        Seen::Absent => Next::Done(Delivery::Outside),
        Seen::Unavailable(why) => assume(true, why),
        Seen::State(state) => match Phase::of(&state) {
            Phase::Early => Next::Again,
            Phase::Waiting => assume(sent_before, format!("the state is still {state}")),
            Phase::Passed => Next::Done(Delivery::Late { state }),
            Phase::Leaving => Next::Done(Delivery::Terminating { state }),
            Phase::Unknown => assume(true, format!("the state is {state}")),
        },
    }
}
