//! "No active Lifecycle Action found": too early, too late, or never there. The group's own state tells.
//!
//! Source of the states: "Amazon EC2 Auto Scaling instance lifecycle" and "Lifecycle hooks for warm pools".

use super::group::Way;
use crate::lifecycle::Kind;

/// What a refused signal means, given what the group says of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Send it again after a while.
    Again,
    /// It need not be sent again: in words, why.
    Settled(&'static str),
}

/// `state` is the instance's lifecycle state, `None` when it is in no group. `sent` says that an earlier
/// send may have arrived; `waited` that it was given its time since.
pub(super) fn next(kind: Kind, state: Option<&str>, sent: bool, waited: bool) -> Next {
    let Some(state) = state else {
        return Next::Settled("the instance is in no group any more");
    };
    match at(kind, state) {
        // Ours is done, and another hook is what holds the instance.
        At::Wait if sent && waited => {
            Next::Settled("an earlier signal was taken, and another hook holds the instance")
        }
        // `Pending` comes before `Pending:Wait`, and a hook takes no verdict before that.
        At::Before | At::Wait => Next::Again,
        At::Ending => Next::Settled("the group is terminating the instance"),
        At::Past => Next::Settled("the group has gone on"),
    }
}

/// Where a state is, seen from a transition.
enum At {
    /// On the way to its hooks.
    Before,
    /// Held by hooks.
    Wait,
    /// Beyond them.
    Past,
    /// On another way: out.
    Ending,
}

fn at(kind: Kind, state: &str) -> At {
    let (pool, step) = match state.strip_prefix("Warmed:") {
        Some(step) => (true, step),
        None => (false, state),
    };
    match Way::of(kind) {
        Way::In => coming(kind, pool, step),
        Way::Out => leaving(kind, pool, step),
    }
}

fn coming(kind: Kind, pool: bool, step: &str) -> At {
    match step {
        "Pending" => At::Before,
        "Pending:Wait" => At::Wait,
        // It is about to leave the pool.
        "Stopped" | "Running" | "Hibernated" if pool && kind == Kind::Launch => At::Before,
        step if step.starts_with("Terminat") => At::Ending,
        _ => At::Past,
    }
}

fn leaving(kind: Kind, pool: bool, step: &str) -> At {
    match step {
        "Terminating" => At::Before,
        "Terminating:Wait" => At::Wait,
        step if step.starts_with("Terminat") => At::Past,
        // Back into the pool, under the terminate hooks.
        "Pending" if pool => At::Before,
        "Pending:Wait" if pool => At::Wait,
        _ if pool && kind == Kind::WarmReturn => At::Past,
        _ => At::Before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refused_signal_means() {
        use Kind::{Launch, Terminate, WarmEnter, WarmReturn};
        let gone_on = Next::Settled("the group has gone on");
        let terminating = Next::Settled("the group is terminating the instance");
        let another =
            Next::Settled("an earlier signal was taken, and another hook holds the instance");
        let again = Next::Again;
        // `late`: an earlier send may have arrived, and was given its time
        for (kind, state, early, late) in [
            (Launch, "Pending", again, again),
            (Launch, "Pending:Wait", again, another),
            (Launch, "Pending:Proceed", gone_on, gone_on),
            (Launch, "InService", gone_on, gone_on),
            (Launch, "Standby", gone_on, gone_on),
            (Launch, "Warmed:Stopped", again, again),
            (Launch, "Warmed:Running", again, again),
            (Launch, "Warmed:Pending:Proceed", gone_on, gone_on),
            (Launch, "Terminating", terminating, terminating),
            (Launch, "Terminating:Wait", terminating, terminating),
            (Launch, "Terminated", terminating, terminating),
            (Launch, "Warmed:Terminating:Wait", terminating, terminating),
            (WarmEnter, "Warmed:Pending", again, again),
            (WarmEnter, "Warmed:Pending:Wait", again, another),
            (WarmEnter, "Warmed:Pending:Proceed", gone_on, gone_on),
            (WarmEnter, "Warmed:Stopped", gone_on, gone_on),
            (WarmEnter, "Warmed:Hibernated", gone_on, gone_on),
            (WarmEnter, "Warmed:Terminating", terminating, terminating),
            (WarmReturn, "InService", again, again),
            (WarmReturn, "Terminating", again, again),
            (WarmReturn, "Warmed:Pending", again, again),
            (WarmReturn, "Warmed:Pending:Wait", again, another),
            (WarmReturn, "Warmed:Pending:Proceed", gone_on, gone_on),
            (WarmReturn, "Warmed:Running", gone_on, gone_on),
            (WarmReturn, "Terminated", gone_on, gone_on),
            (Terminate, "InService", again, again),
            (Terminate, "Standby", again, again),
            (Terminate, "Pending:Wait", again, again),
            (Terminate, "Warmed:Stopped", again, again),
            (Terminate, "Terminating", again, again),
            (Terminate, "Terminating:Wait", again, another),
            (Terminate, "Warmed:Terminating:Wait", again, another),
            (Terminate, "Terminating:Proceed", gone_on, gone_on),
            (Terminate, "Terminating:Retained", gone_on, gone_on),
            (Terminate, "Warmed:Terminating:Proceed", gone_on, gone_on),
            (Terminate, "Terminated", gone_on, gone_on),
        ] {
            let rows = [
                (false, false, early),
                (false, true, early),
                (true, false, early),
                (true, true, late),
            ];
            for (sent, waited, wanted) in rows {
                let next = next(kind, Some(state), sent, waited);
                assert_eq!(
                    next, wanted,
                    "{kind:?} {state}, sent {sent}, waited {waited}"
                );
            }
            assert!(matches!(next(kind, None, false, false), Next::Settled(_)));
        }
    }
}
