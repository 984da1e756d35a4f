//! "No active Lifecycle Action found": too early, too late, or never there. The group's own state tells.

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
pub(super) fn next(state: Option<&str>, sent: bool, waited: bool) -> Next {
    let Some(state) = state else {
        return Next::Settled("the instance is in no group any more");
    };
    // `Pending` comes before `Pending:Wait`, and a hook takes no verdict before that.
    if state.ends_with("Pending") {
        return Next::Again;
    }
    if state.ends_with(":Wait") && state.contains("Pending") {
        return if sent && waited {
            // Ours is done, and another hook is what holds the instance.
            Next::Settled("an earlier signal was taken, and another hook holds the instance")
        } else {
            Next::Again
        };
    }
    if state.starts_with("Terminat") || state.contains(":Terminat") {
        return Next::Settled("the group is terminating the instance");
    }
    Next::Settled("the group has gone on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refused_signal_means() {
        let gone_on = Next::Settled("the group has gone on");
        let terminating = Next::Settled("the group is terminating the instance");
        for (state, sent, waited, wanted) in [
            ("Pending", false, false, Next::Again),
            ("Pending", true, true, Next::Again),
            ("Warmed:Pending", false, false, Next::Again),
            ("Pending:Wait", false, false, Next::Again),
            ("Pending:Wait", false, true, Next::Again),
            ("Pending:Wait", true, false, Next::Again),
            ("Pending:Proceed", false, false, gone_on),
            ("Warmed:Pending:Proceed", false, false, gone_on),
            ("InService", false, false, gone_on),
            ("Warmed:Stopped", false, false, gone_on),
            ("Standby", false, false, gone_on),
            ("Terminating", false, false, terminating),
            ("Terminating:Wait", false, false, terminating),
            ("Warmed:Terminating:Wait", false, false, terminating),
            ("Terminated", true, true, terminating),
        ] {
            assert_eq!(
                next(Some(state), sent, waited),
                wanted,
                "{state}, sent {sent}, waited {waited}"
            );
        }
        for state in ["Pending:Wait", "Warmed:Pending:Wait"] {
            assert!(
                matches!(next(Some(state), true, true), Next::Settled(_)),
                "{state}"
            );
        }
        assert!(matches!(next(None, false, false), Next::Settled(_)));
    }
}
