//! Every way that an instance can go, state by state, as Describe and metadata tell it.
use super::*;
use Lifecycle as L;

type Order = fn(&mut Group, Instant) -> Result<(), Refusal>;

/// A step of a way: what is done, how many seconds after the last, and what Describe and metadata then tell.
struct Step(Do, u32, Option<L>, Option<&'static str>);

enum Do {
    Order(Order),
    /// An order that is refused.
    Not(Order),
    Complete(&'static str, Outcome),
    Add(Hook),
    Wait,
}

use Do::{Add, Complete, Not, Order as Told, Wait};

fn walk(what: &str, plan: Plan, steps: Vec<Step>) {
    let mut now = Instant::now();
    let mut group = Group::new(plan, "i-1", now);
    for (number, Step(action, seconds, state, target)) in steps.into_iter().enumerate() {
        now += SECOND * seconds;
        match action {
            Told(order) => order(&mut group, now).unwrap(),
            Not(order) => {
                let is = group.state(now);
                assert_eq!(
                    order(&mut group, now),
                    Err(Refusal::NoWay(is)),
                    "{what}: {number}"
                );
            }
            Complete(hook, outcome) => {
                group.complete("web", hook, &me(), outcome, now).unwrap();
            }
            Add(hook) => group.add_hook(hook, now),
            Wait => {}
        }
        let is = (group.state(now), group.target(now));
        assert_eq!(is, (state, target), "{what}: step {number}");
    }
}

const GO: Outcome = Outcome::Continue;
const NO: Outcome = Outcome::Abandon;

fn slow(hooks: Vec<Hook>, pool: Option<Pool>) -> Plan {
    Plan {
        hooks,
        pool,
        opens: Opens::After(SECOND),
        proceed: SECOND,
        deregister: SECOND * 10,
        shutdown: SECOND * 5,
        ..Plan::default()
    }
}

fn step(action: Do, seconds: u32, state: L, target: &'static str) -> Step {
    Step(action, seconds, Some(state), Some(target))
}

/// Launched, and in service after four steps.
fn in_service() -> Vec<Step> {
    vec![
        step(Told(Group::launch), 0, L::Pending, "InService"),
        step(Wait, 1, L::PendingWait, "InService"),
        step(Complete("up", GO), 1, L::PendingProceed, "InService"),
        step(Wait, 1, L::InService, "InService"),
    ]
}

/// Resting in the warm pool.
fn warmed(pool: L) -> Vec<Step> {
    vec![
        step(Told(Group::warm), 0, L::WarmedPending, pool.name()),
        step(Wait, 1, L::WarmedPendingWait, pool.name()),
        step(Complete("up", GO), 1, L::WarmedPendingProceed, pool.name()),
        step(Wait, 1, pool, pool.name()),
    ]
}

#[test]
fn a_termination_waits_for_the_balancer_then_for_hooks() {
    for outcome in [GO, NO] {
        let mut steps = in_service();
        steps.extend([
            step(Told(Group::terminate), 5, L::Terminating, "Terminated"),
            step(Not(Group::terminate), 9, L::Terminating, "Terminated"),
            step(Wait, 1, L::TerminatingWait, "Terminated"),
            step(
                Complete("down", outcome),
                9,
                L::TerminatingProceed,
                "Terminated",
            ),
            step(Wait, 5, L::Terminated, "Terminated"),
            step(Not(Group::terminate), 0, L::Terminated, "Terminated"),
        ]);
        walk("scale-in", slow(both(), None), steps);
    }
}

#[test]
fn an_abandoned_launch_is_terminated_through_its_hooks() {
    walk(
        "abandoned",
        slow(both(), None),
        vec![
            step(Told(Group::launch), 0, L::Pending, "InService"),
            step(Wait, 1, L::PendingWait, "InService"),
            // It never served: there is nothing to drain.
            step(Complete("up", NO), 1, L::TerminatingWait, "Terminated"),
            step(Complete("down", GO), 1, L::TerminatingProceed, "Terminated"),
            step(Wait, 5, L::Terminated, "Terminated"),
        ],
    );
    walk(
        "abandoned, without a termination hook",
        slow(vec![Hook::launching("up")], None),
        vec![
            step(Told(Group::launch), 1, L::Pending, "InService"),
            step(Wait, 1, L::PendingWait, "InService"),
            step(Complete("up", NO), 1, L::Terminating, "Terminated"),
            step(Wait, 5, L::Terminated, "Terminated"),
        ],
    );
}

#[test]
fn into_the_warm_pool_out_of_it_and_back() {
    for (pool, state) in [
        (Pool::Stopped, L::WarmedStopped),
        (Pool::Running, L::WarmedRunning),
        (Pool::Hibernated, L::WarmedHibernated),
    ] {
        let mut steps = warmed(state);
        steps.extend([
            step(Not(Group::return_to_pool), 0, state, state.name()),
            step(Told(Group::leave_pool), 60, L::Pending, "InService"),
            step(Wait, 1, L::PendingWait, "InService"),
            step(Complete("up", GO), 1, L::PendingProceed, "InService"),
            step(Wait, 1, L::InService, "InService"),
            step(
                Told(Group::return_to_pool),
                60,
                L::WarmedPending,
                state.name(),
            ),
            step(Wait, 10, L::WarmedPendingWait, state.name()),
            step(
                Complete("down", GO),
                1,
                L::WarmedPendingProceed,
                state.name(),
            ),
            step(Wait, 1, state, state.name()),
            step(
                Told(Group::terminate),
                60,
                L::WarmedTerminatingWait,
                "Warmed:Terminated",
            ),
            step(
                Complete("down", GO),
                1,
                L::WarmedTerminatingProceed,
                "Warmed:Terminated",
            ),
            step(Wait, 5, L::WarmedTerminated, "Warmed:Terminated"),
        ]);
        walk(state.name(), slow(both(), Some(pool)), steps);
    }
}

#[test]
fn what_an_abandon_in_the_warm_pool_leads_to() {
    let ends = || {
        [
            step(
                Complete("down", NO),
                1,
                L::WarmedTerminatingProceed,
                "Warmed:Terminated",
            ),
            step(Wait, 5, L::WarmedTerminated, "Warmed:Terminated"),
        ]
    };
    let waits = (L::WarmedTerminatingWait, "Warmed:Terminated");
    let mut entering = vec![
        step(Told(Group::warm), 0, L::WarmedPending, "Warmed:Stopped"),
        step(Wait, 1, L::WarmedPendingWait, "Warmed:Stopped"),
        step(Complete("up", NO), 1, waits.0, waits.1),
    ];
    entering.extend(ends());
    walk("entering", slow(both(), Some(Pool::Stopped)), entering);

    let mut returning = in_service();
    returning.extend([
        step(
            Told(Group::return_to_pool),
            1,
            L::WarmedPending,
            "Warmed:Stopped",
        ),
        step(Wait, 10, L::WarmedPendingWait, "Warmed:Stopped"),
        step(Complete("down", NO), 1, waits.0, waits.1),
    ]);
    returning.extend(ends());
    walk("returning", slow(both(), Some(Pool::Stopped)), returning);

    let mut leaving = warmed(L::WarmedStopped);
    leaving.extend([
        step(Told(Group::leave_pool), 1, L::Pending, "InService"),
        step(Wait, 1, L::PendingWait, "InService"),
        step(Complete("up", NO), 1, L::TerminatingWait, "Terminated"),
    ]);
    walk("leaving", slow(both(), Some(Pool::Stopped)), leaving);
}

#[test]
fn standby_and_detachment_open_no_hook() {
    let mut steps = in_service();
    steps.extend([
        step(Told(Group::enter_standby), 1, L::EnteringStandby, "Standby"),
        step(Wait, 10, L::Standby, "Standby"),
        step(Not(Group::return_to_pool), 0, L::Standby, "Standby"),
        step(Told(Group::leave_standby), 1, L::Pending, "InService"),
        step(Wait, 1, L::InService, "InService"),
        step(Told(Group::detach), 1, L::Detaching, "Detached"),
        Step(Wait, 10, Some(L::Detached), None),
        Step(Not(Group::terminate), 0, Some(L::Detached), None),
        step(Told(Group::attach), 1, L::Pending, "InService"),
        step(Wait, 1, L::InService, "InService"),
    ]);
    walk("member", slow(both(), None), steps);
}

#[test]
fn an_instance_of_no_group_joins_late() {
    let plan = Plan {
        untold: SECOND * 3,
        ..slow(both(), None)
    };
    walk(
        "outsider",
        plan,
        vec![
            Step(Wait, 0, None, None),
            Step(Not(Group::terminate), 9, None, None),
            Step(Told(Group::attach), 0, Some(L::Pending), None),
            Step(Wait, 2, Some(L::InService), None),
            step(Wait, 1, L::InService, "InService"),
            step(Not(Group::attach), 0, L::InService, "InService"),
        ],
    );
}

#[test]
fn a_root_volume_is_replaced_between_termination_and_launch_hooks() {
    let mut steps = in_service();
    let unknown = "RootVolumeReplaced";
    steps.extend([
        step(
            Told(Group::replace_root),
            1,
            L::ReplacingRootVolume,
            unknown,
        ),
        step(Wait, 10, L::ReplacingRootVolumeWait, unknown),
        step(
            Not(Group::root_replaced),
            0,
            L::ReplacingRootVolumeWait,
            unknown,
        ),
        step(
            Complete("down", GO),
            1,
            L::ReplacingRootVolumeProceed,
            unknown,
        ),
        step(Wait, 1, L::RootVolumeReplaced, unknown),
        step(Told(Group::root_replaced), 60, L::Pending, "InService"),
        step(Wait, 1, L::PendingWait, "InService"),
        step(Complete("up", GO), 0, L::PendingProceed, "InService"),
    ]);
    walk("refreshed", slow(both(), None), steps);
}

#[test]
fn any_state_can_be_put() {
    let mut steps = in_service();
    let retained = L::Other("Terminating:Retained");
    steps.extend([
        step(
            Told(|group, now| {
                group.put(L::Other("Terminating:Retained"), Some("Retained"), now);
                Ok(())
            }),
            1,
            retained,
            "Retained",
        ),
        step(Wait, 999, retained, "Retained"),
    ]);
    walk("by hand", slow(both(), None), steps);
}

#[test]
fn a_hook_holds_up_what_comes_after_it_was_made() {
    let quick = Plan {
        pool: Some(Pool::Running),
        ..Plan::default()
    };
    walk(
        "late hooks",
        quick,
        vec![
            step(Told(Group::warm), 0, L::WarmedRunning, "Warmed:Running"),
            step(
                Add(Hook::launching("up")),
                0,
                L::WarmedRunning,
                "Warmed:Running",
            ),
            step(Told(Group::leave_pool), 0, L::PendingWait, "InService"),
            step(
                Add(Hook::launching("other")),
                0,
                L::PendingWait,
                "InService",
            ),
            step(Complete("up", GO), 0, L::InService, "InService"),
            step(Add(Hook::terminating("down")), 0, L::InService, "InService"),
            step(Told(Group::terminate), 0, L::TerminatingWait, "Terminated"),
        ],
    );
}

#[test]
fn a_termination_comes_in_the_middle_of_anything() {
    let middle: [(Vec<Step>, L, &str); 4] = [
        (
            in_service().into_iter().take(1).collect(),
            L::TerminatingWait,
            "Terminated",
        ),
        (
            in_service().into_iter().take(2).collect(),
            L::TerminatingWait,
            "Terminated",
        ),
        (
            in_service().into_iter().take(3).collect(),
            L::TerminatingWait,
            "Terminated",
        ),
        (
            warmed(L::WarmedStopped).into_iter().take(2).collect(),
            L::WarmedTerminatingWait,
            "Warmed:Terminated",
        ),
    ];
    for (mut steps, state, target) in middle {
        steps.push(step(Told(Group::terminate), 0, state, target));
        walk("in the middle", slow(both(), None), steps);
    }
}
