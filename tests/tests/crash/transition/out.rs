//! On the way out of service, and what goes wrong in it.

use std::time::Duration;

use firstlight_tests::stage::{Edge, Fault, Group, Lifecycle, Outcome, Pool, SpotAction};

use super::into::{ABANDON, LAUNCH};
use super::reached::{begins, ends, gone, has, rests_in_pool, serves};
use super::{DOWN, INTO_POOL, INTO_SERVICE, OUT, Step, Transition, warmed};

/// Back into the warm pool.
pub(crate) const WARM_RETURN: Transition = Transition {
    name: "warm return",
    effects: TERMINATE.effects,
    joins: |stage| stage.plan(|plan| plan.pool = Some(Pool::Hibernated)),
    prelude: Some(serves),
    steps: &[Step {
        act: |world| world.stage.group(Group::return_to_pool),
        dies: false,
        done: rests_in_pool,
    }],
    passages: &[
        INTO_SERVICE,
        (Edge::WarmReturn, &[(DOWN, Outcome::Continue)]),
    ],
    containers: &[],
    ..LAUNCH
};

/// The group ends the instance.
const ENDS: Step = Step {
    act: |world| world.stage.group(Group::terminate),
    dies: false,
    done: gone,
};

/// Out of the group. The balancer takes its time.
pub(crate) const TERMINATE: Transition = Transition {
    name: "terminate",
    effects: &[
        "abort",
        "persist",
        "join",
        "begin_drain",
        "heartbeat",
        "signal",
        "rest",
        "exit",
    ],
    joins: |stage| stage.plan(|plan| plan.deregister = Duration::from_millis(300)),
    prelude: Some(serves),
    steps: &[ENDS],
    passages: &[INTO_SERVICE, OUT],
    containers: ABANDON.containers,
    ..LAUNCH
};

/// The same from the warm pool, where nothing runs.
pub(crate) const TERMINATE_IN_POOL: Transition = Transition {
    name: "terminate in the pool",
    joins: warmed,
    prelude: Some(rests_in_pool),
    steps: &[Step {
        act: |world| world.stage.group(Group::terminate),
        dies: false,
        done: |world, effects| ends(effects) && world.is(Lifecycle::WarmedTerminatingProceed),
    }],
    passages: &[
        INTO_POOL,
        (Edge::WarmTerminate, &[(DOWN, Outcome::Continue)]),
    ],
    containers: &[],
    ..TERMINATE
};

/// EC2 takes the instance back, and services are drained for it.
const SPOT_NOTICE: Step = Step {
    act: |world| {
        // So near that there is no time left to serve in.
        let left = Duration::from_secs(12);
        world.stage.spot_notice(SpotAction::Terminate, left);
        Ok(())
    },
    dies: false,
    done: |world, effects| world.fact("drained_in").is_some() && ends(effects),
};

/// EC2 takes the instance back: services are drained at once, and the group ends it after.
pub(crate) const SPOT: Transition = Transition {
    name: "spot",
    steps: &[SPOT_NOTICE, ENDS],
    ..TERMINATE
};

/// The same, when the group has CONTINUE and the agent does not know: what it may have told it tells nobody again.
pub(crate) const UNTOLD: Transition = Transition {
    name: "untold",
    effects: &["persist", "begin_drain", "withhold", "heartbeat", "rest"],
    arrange: |world| {
        let told = Fault::DoThenHang.on("autoscaling", "CompleteLifecycleAction");
        world.stage.order(told.times(1));
    },
    prelude: Some(|world, effects| has(effects, "begin_keep") && world.is(Lifecycle::InService)),
    steps: &[SPOT_NOTICE],
    sequel: Some(&ENDS),
    ..SPOT
};

/// The machine is shut down, which the next boot makes up for.
pub(crate) const SHUTDOWN: Transition = Transition {
    name: "shutdown",
    effects: &["begin_drain", "persist", "heartbeat", "rest"],
    shuts_down: true,
    prelude: Some(serves),
    steps: &[begins(|_, effects| ends(effects))],
    containers: ABANDON.containers,
    ..LAUNCH
};

/// In service, where the service dies again and again.
pub(crate) const DYING: Transition = Transition {
    name: "dying",
    effects: &["report_unhealthy", "abort", "exit"],
    prelude: Some(serves),
    steps: &[Step {
        act: |_| Ok(()),
        dies: true,
        done: |world, _| !world.stage.health().is_empty(),
    }],
    ..LAUNCH
};
