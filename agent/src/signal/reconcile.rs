//! "No active Lifecycle Action found": too early, too late, or never there. The group's own state tells.
//! Pure, so that the model test plays with the same rules.
//!
//! Source of the states: "Amazon EC2 Auto Scaling instance lifecycle" and "Lifecycle hooks for warm pools".

use super::group::Way;
use crate::{imds::TargetState, lifecycle::Kind};

/// What a refused signal means, given what the group says of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The hook is not open yet, so nothing that was sent has been taken: send it again after a while.
    Early,
    /// Send it again after a while.
    Again,
    /// It need not be sent again: in words, why.
    Settled(&'static str),
}

/// `state` is the instance's lifecycle state, `None` when it is in no group. `sent` says that an earlier
/// send may have arrived; `waited` that it was given its time since.
pub fn next(kind: Kind, state: Option<&str>, sent: bool, waited: bool) -> Next {
    let Some(state) = state else {
        return Next::Settled("the instance is in no group any more");
    };
    match at(kind, state) {
        // All hooks open at once, so ours is done, and another is what holds the instance.
        At::Wait if waited => Next::Settled(match sent {
            true => "an earlier signal was taken, and another hook holds the instance",
            false => "this hook was completed before, and another hook holds the instance",
        }),
        // `Pending` comes before `Pending:Wait`, and a hook takes no verdict before that.
        At::Before => Next::Early,
        At::Wait => Next::Again,
        At::Ending => Next::Settled("the group is terminating the instance"),
        At::Past => Next::Settled("the group has gone on"),
    }
}

/// The same, where the group does not say. Given its time, a refusal most likely means that the hook is
/// done; but on a way out load balancers may hold an instance up for an hour before its hooks open.
pub fn next_unsaid(kind: Kind, waited: bool) -> Next {
    match Way::of(kind) {
        Way::In if waited => {
            Next::Settled("refused for long, and the group's state cannot be read: taken for done")
        }
        Way::In | Way::Out => Next::Again,
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

/// Whether a transition of this kind leads to this target.
pub fn leads_to(kind: Kind, target: &TargetState) -> bool {
    match target {
        TargetState::InService => kind == Kind::Launch,
        TargetState::WarmedHibernated | TargetState::WarmedRunning | TargetState::WarmedStopped => {
            matches!(kind, Kind::WarmEnter | Kind::WarmReturn)
        }
        TargetState::Terminated | TargetState::WarmedTerminated => kind == Kind::Terminate,
        TargetState::Standby | TargetState::Detached | TargetState::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::{Launch, Terminate, WarmEnter, WarmReturn};

    #[test]
    fn what_a_refused_signal_means() {
        let gone_on = Next::Settled("the group has gone on");
        let terminating = Next::Settled("the group is terminating the instance");
        let another =
            Next::Settled("an earlier signal was taken, and another hook holds the instance");
        let before =
            Next::Settled("this hook was completed before, and another hook holds the instance");
        let (again, soon) = (Next::Again, Next::Early);
        // `late`: an earlier send may have arrived, and was given its time
        for (kind, state, early, late) in [
            (Launch, "Pending", soon, soon),
            (Launch, "Pending:Wait", again, another),
            (Launch, "Pending:Proceed", gone_on, gone_on),
            (Launch, "InService", gone_on, gone_on),
            (Launch, "Standby", gone_on, gone_on),
            (Launch, "Warmed:Stopped", soon, soon),
            (Launch, "Warmed:Running", soon, soon),
            (Launch, "Warmed:Pending:Proceed", gone_on, gone_on),
            (Launch, "Terminating", terminating, terminating),
            (Launch, "Terminating:Wait", terminating, terminating),
            (Launch, "Terminated", terminating, terminating),
            (Launch, "Warmed:Terminating:Wait", terminating, terminating),
            (WarmEnter, "Warmed:Pending", soon, soon),
            (WarmEnter, "Warmed:Pending:Wait", again, another),
            (WarmEnter, "Warmed:Pending:Proceed", gone_on, gone_on),
            (WarmEnter, "Warmed:Stopped", gone_on, gone_on),
            (WarmEnter, "Warmed:Hibernated", gone_on, gone_on),
            (WarmEnter, "Warmed:Terminating", terminating, terminating),
            (WarmReturn, "InService", soon, soon),
            (WarmReturn, "Terminating", soon, soon),
            (WarmReturn, "Warmed:Pending", soon, soon),
            (WarmReturn, "Warmed:Pending:Wait", again, another),
            (WarmReturn, "Warmed:Pending:Proceed", gone_on, gone_on),
            (WarmReturn, "Warmed:Running", gone_on, gone_on),
            (WarmReturn, "Terminated", gone_on, gone_on),
            (Terminate, "InService", soon, soon),
            (Terminate, "Standby", soon, soon),
            (Terminate, "Pending:Wait", soon, soon),
            (Terminate, "Warmed:Stopped", soon, soon),
            (Terminate, "Terminating", soon, soon),
            (Terminate, "Terminating:Wait", again, another),
            (Terminate, "Warmed:Terminating:Wait", again, another),
            (Terminate, "Terminating:Proceed", gone_on, gone_on),
            (Terminate, "Terminating:Retained", gone_on, gone_on),
            (Terminate, "Warmed:Terminating:Proceed", gone_on, gone_on),
            (Terminate, "Terminated", gone_on, gone_on),
        ] {
            let unsent = if late == another { before } else { early };
            let rows = [
                (false, false, early),
                (false, true, unsent),
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

    #[test]
    fn what_a_refused_signal_means_where_the_group_does_not_say() {
        for kind in [Launch, WarmEnter, WarmReturn, Terminate] {
            assert_eq!(next_unsaid(kind, false), Next::Again, "{kind:?}");
            let settled = matches!(next_unsaid(kind, true), Next::Settled(_));
            assert_eq!(settled, kind.is_entry(), "{kind:?}");
        }
    }

    #[test]
    fn where_each_transition_leads() {
        for (target, kinds) in [
            ("InService", &[Launch][..]),
            ("Warmed:Stopped", &[WarmEnter, WarmReturn]),
            ("Warmed:Running", &[WarmEnter, WarmReturn]),
            ("Warmed:Hibernated", &[WarmEnter, WarmReturn]),
            ("Terminated", &[Terminate]),
            ("Warmed:Terminated", &[Terminate]),
            ("Standby", &[]),
            ("Detached", &[]),
            ("RootVolumeReplaced", &[]),
        ] {
            let target = TargetState::from(target.to_owned());
            for kind in [Launch, WarmEnter, WarmReturn, Terminate] {
                let wanted = kinds.contains(&kind);
                assert_eq!(leads_to(kind, &target), wanted, "{kind:?} {target:?}");
            }
        }
    }
}
