//! On the way into service, or into the warm pool.

use firstlight_tests::stage::{Edge, Group, Lifecycle, Outcome};

use super::reached::{begins, ends, gone, has, rests_in_pool, serves};
use super::{INTO_POOL, INTO_SERVICE, OUT, Says, Step, Transition, UP, warmed};

/// Where metadata tells what the group wants.
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";

/// Into service.
pub(crate) const LAUNCH: Transition = Transition {
    name: "launch",
    command: "run",
    effects: &[
        "persist",
        "join",
        "heartbeat",
        "permit",
        "begin_launch",
        "signal",
        "begin_keep",
        "rest",
        "abort",
        "exit",
    ],
    joins: |stage| stage,
    arrange: |_| {},
    says: Says::Works,
    reboots: false,
    shuts_down: false,
    prelude: None,
    steps: &[begins(serves)],
    sequel: None,
    code: 0,
    passages: &[INTO_SERVICE],
    containers: &[("job", false), ("web", true)],
};

/// The same, by `firstlight launch`.
pub(crate) const LAUNCH_AND_LEAVE: Transition = Transition {
    name: "launch and leave",
    command: "launch",
    effects: &[
        "persist",
        "join",
        "heartbeat",
        "permit",
        "begin_launch",
        "signal",
        "begin_keep",
        "rest",
    ],
    steps: &[begins(|_, effects| ends(effects))],
    ..LAUNCH
};

/// A task fails; the group then ends the instance, which metadata tells when what was started is stopped: either could be
/// first, and the effects would be others.
pub(crate) const ABANDON: Transition = Transition {
    name: "abandon",
    effects: &[
        "persist",
        "join",
        "heartbeat",
        "permit",
        "begin_launch",
        "evidence",
        "signal",
        "stop_workload",
        "rest",
    ],
    says: Says::Fails,
    arrange: |world| world.stage.set_metadata(TARGET, Some(b"InService")),
    steps: &[begins(|world, effects| {
        ends(effects) && world.is(Lifecycle::TerminatingWait)
    })],
    sequel: Some(&Step {
        act: |world| {
            world.stage.set_metadata(TARGET, Some(b"Terminated"));
            Ok(())
        },
        dies: false,
        done: gone,
    }),
    passages: &[(Edge::Launch, &[(UP, Outcome::Abandon)]), OUT],
    containers: &[("job", false), ("web", false)],
    ..LAUNCH
};

/// No source says anything to firstlight.
pub(crate) const NOT_FOR_US: Transition = Transition {
    name: "not for us",
    effects: &[
        "persist",
        "join",
        "permit",
        "begin_launch",
        "forget",
        "exit",
    ],
    says: Says::Nothing,
    steps: &[begins(|_, effects| has(effects, "exit"))],
    passages: &[(Edge::Launch, &[])],
    containers: &[],
    ..LAUNCH
};

/// A plain reboot of what is in service.
pub(crate) const REBOOT: Transition = Transition {
    name: "reboot",
    effects: &[
        "look",
        "permit",
        "begin_launch",
        "persist",
        "begin_keep",
        "heartbeat",
        "rest",
        "abort",
        "exit",
    ],
    reboots: true,
    ..LAUNCH
};

/// Into a warm pool.
pub(crate) const WARM_ENTER: Transition = Transition {
    name: "warm enter",
    effects: &[
        "persist",
        "join",
        "heartbeat",
        "begin_prepare",
        "signal",
        "rest",
        "abort",
        "exit",
    ],
    joins: warmed,
    steps: &[begins(rests_in_pool)],
    passages: &[INTO_POOL],
    containers: &[],
    ..LAUNCH
};

/// Out of the warm pool, by resume from hibernation: the same boot, and the same process.
pub(crate) const WARM_LEAVE: Transition = Transition {
    name: "warm leave",
    joins: warmed,
    prelude: Some(rests_in_pool),
    steps: &[Step {
        act: |world| world.stage.group(Group::leave_pool),
        dies: false,
        done: serves,
    }],
    passages: &[INTO_POOL, (Edge::WarmLeave, &[(UP, Outcome::Continue)])],
    ..LAUNCH
};
