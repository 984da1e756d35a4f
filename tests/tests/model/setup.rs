//! What a history begins with: the group, the spec, and what is denied for good.

use std::time::Duration;

use firstlight::lifecycle::{Conduct, Notice, Wish};
use firstlight_tests::stage::{Hook, Opens, Outcome, Plan, Pool};

use crate::tape::Tape;

/// How the instance comes into its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Launched,
    Warmed,
    /// Attached, if ever.
    Outside,
}

/// A history's setting.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) plan: Plan,
    pub(crate) entry: Entry,
    pub(crate) wish: Wish,
    pub(crate) conduct: Conduct,
    /// The instance's role may not complete lifecycle actions.
    pub(crate) denied: bool,
    /// …nor send heartbeats.
    pub(crate) mute: bool,
    /// No source says anything to firstlight.
    pub(crate) not_for_us: bool,
}

/// The launch hook that is not ours: somebody else completes it.
pub(crate) const OTHER: &str = "other";

const S: fn(u64) -> Duration = Duration::from_secs;

fn hooks(tape: &mut Tape) -> Vec<Hook> {
    let (up, down) = (Hook::launching("up"), Hook::terminating("down"));
    let (other, second) = (Hook::launching(OTHER), Hook::terminating("second"));
    let hooks = match tape.draw(8) {
        0 | 1 => vec![up, down],
        2 => vec![up],
        3 => vec![],
        4 => vec![down],
        5 => vec![up, other, down],
        6 => vec![up, down, second],
        _ => vec![other, up, down, second],
    };
    let time_out = S([3600, 300, 60][tape.draw(3)]);
    let result = [Outcome::Abandon, Outcome::Continue][tape.draw(2)];
    let set = |hook: Hook| hook.timeout(time_out).default_result(result);
    hooks.into_iter().map(set).collect()
}

pub(crate) fn setup(tape: &mut Tape) -> Setup {
    let hooks = hooks(tape);
    let entry = [
        Entry::Launched,
        Entry::Warmed,
        Entry::Warmed,
        Entry::Launched,
        Entry::Outside,
    ][tape.draw(5)];
    let pool = [Pool::Stopped, Pool::Running, Pool::Hibernated][tape.draw(3)];
    let pool = (entry == Entry::Warmed || tape.draw(2) == 0).then_some(pool);
    let named = tape.draw(4);
    let name = |name: &str| {
        let named = hooks.iter().find(|hook| hook.name == name);
        named.map(|hook| hook.name.clone()).into_iter().collect()
    };
    Setup {
        entry,
        // A spec that names a hook that there is not is another error, and another test's.
        wish: Wish {
            launching: if named == 3 { vec![] } else { name("up") },
            terminating: if named == 2 { vec![] } else { name("down") },
            ..Wish::default()
        },
        conduct: Conduct {
            drain_on_terminate: !tape.once_in(8),
            drain_on: match tape.draw(3) {
                0 => vec![Notice::Spot],
                1 => vec![],
                _ => Notice::ALL.to_vec(),
            },
            unhealthy_when_dead: tape.draw(2) == 1,
        },
        plan: Plan {
            hooks,
            pool,
            opens: Opens::After(S([0, 3, 20][tape.draw(3)])),
            deaf: S([0, 7][tape.draw(2)]),
            proceed: S([2, 20][tape.draw(2)]),
            deregister: S([30, 0, 300][tape.draw(3)]),
            shutdown: S(60),
            // Blind for longer than a stay in the pool, nobody could tell its two launches apart.
            untold: S([0, 3, if pool.is_some() { 8 } else { 90 }][tape.draw(3)]),
            grace: S(0),
            replaces: Some(S(10)),
            ..Plan::default()
        },
        denied: tape.once_in(24),
        mute: tape.once_in(12),
        not_for_us: tape.once_in(24),
    }
}
