//! Where the group wants the instance, in every state.

use super::*;
use crate::verdict::Exit;

/// Every target there is, and one that is not known.
const TARGETS: [&str; 9] = [
    "InService",
    "Standby",
    "Detached",
    "Terminated",
    "Warmed:Hibernated",
    "Warmed:Running",
    "Warmed:Stopped",
    "Warmed:Terminated",
    "Odd",
];

#[test]
fn what_a_first_look_begins() {
    for (at, kind, said) in [
        ("", Kind::Launch, "Persist, Join, Begin(Launch)"),
        (
            "InService",
            Kind::Launch,
            "Persist, Join, Permit, Begin(Launch)",
        ),
        (
            "Standby",
            Kind::Launch,
            "Persist, Join, Permit, Begin(Launch)",
        ),
        (
            "Detached",
            Kind::Launch,
            "Persist, Join, Permit, Begin(Launch)",
        ),
        ("Odd", Kind::Launch, "Persist, Join, Permit, Begin(Launch)"),
        (
            "Warmed:Hibernated",
            Kind::WarmEnter,
            "Persist, Join, Begin(Prepare)",
        ),
        (
            "Warmed:Running",
            Kind::WarmEnter,
            "Persist, Join, Begin(Prepare)",
        ),
        (
            "Warmed:Stopped",
            Kind::WarmEnter,
            "Persist, Join, Begin(Prepare)",
        ),
        (
            "Terminated",
            Kind::Terminate,
            "Persist, Join, Begin(Drain for the group)",
        ),
        (
            "Warmed:Terminated",
            Kind::Terminate,
            "Persist, Join, Begin(Drain for the group)",
        ),
    ] {
        let mut life = Life::begun(at);
        assert_eq!((life.kind(), life.epoch()), (kind, 1), "{at}");
        assert_eq!(life.killed(at), said, "{at}");
    }
}

/// What each target does to a life: the new transition's work, or what is said in the old one.
fn heads(what: &str, life: &Life, targets: &[&str], said: &str) {
    for at in targets {
        let mut life = life.clone();
        assert_eq!(life.on(headed(at)), said, "{what}: {at}");
        assert_eq!(life.record.facts.target, target(at), "{what}: {at}");
        let begun = said.starts_with("Abort");
        assert_eq!(life.epoch(), if begun { 2 } else { 1 }, "{what}: {at}");
        assert_eq!(
            life.record.facts.began.uptime_ms, 10_000,
            "{what}: a transition begins now"
        );
    }
}

#[test]
fn every_state_and_every_target() {
    const LAUNCH: &str = "Abort, Persist, Join, Permit, Begin(Launch)";
    const PREPARE: &str = "Abort, Persist, Join, Begin(Prepare)";
    const DRAIN: &str = "Abort, Persist, Join, Begin(Drain for the group)";
    let entered = |at: &str| Life::begun(at).after([joined("a")]);
    let serving = Life::serving();
    let out = |at: &str| Life {
        record: {
            let mut record = serving.clone().after([headed(at), joined("a")]).record;
            record.transition.epoch = 1;
            record
        },
        ..serving.clone()
    };
    let launching = entered("InService");
    let abandoned =
        launching
            .clone()
            .after([failed(), Event::Collected, told("a"), Event::Stopped]);
    let warm = entered("Warmed:Stopped");
    let pooled = warm.clone().after([prepared(), told("a")]);
    let back = out("Warmed:Stopped");
    let ended = out("Terminated");
    let ways_out = ["Terminated", "Warmed:Terminated"];
    let pool = ["Warmed:Hibernated", "Warmed:Running", "Warmed:Stopped"];
    let aside = ["Standby", "Detached", "Odd"];
    for (what, life, into_service, into_pool, put_aside, ended) in [
        (
            "target not told",
            entered(""),
            "Persist, Permit",
            PREPARE,
            "Persist, Permit",
            DRAIN,
        ),
        (
            "launching",
            launching.clone(),
            "",
            DRAIN,
            "Persist, Permit",
            DRAIN,
        ),
        (
            "launching aside",
            entered("Standby"),
            "Persist, Permit",
            PREPARE,
            "Persist, Permit",
            DRAIN,
        ),
        (
            "healthy",
            launching.clone().after([healthy()]),
            "",
            DRAIN,
            "Persist",
            DRAIN,
        ),
        ("serving", serving.clone(), "", DRAIN, "Persist", DRAIN),
        (
            "serving aside",
            serving.clone().after([headed("Standby")]),
            "Persist",
            DRAIN,
            "Persist",
            DRAIN,
        ),
        (
            "drained for a notice",
            serving.clone().after([noticed("spot"), drained()]),
            "",
            DRAIN,
            "Persist",
            DRAIN,
        ),
        (
            "failed",
            launching.after([failed()]),
            "",
            DRAIN,
            "Persist",
            DRAIN,
        ),
        ("failed and told", abandoned, "", DRAIN, "Persist", DRAIN),
        (
            "preparing",
            warm.clone(),
            LAUNCH,
            "Persist",
            "Persist",
            DRAIN,
        ),
        (
            "prepared",
            warm.after([prepared()]),
            LAUNCH,
            "Persist",
            "Persist",
            DRAIN,
        ),
        ("in the pool", pooled, LAUNCH, "Persist", "Persist", DRAIN),
        (
            "returning",
            back.clone(),
            LAUNCH,
            "Persist",
            "Persist",
            DRAIN,
        ),
        (
            "back in the pool",
            back.after([drained(), told("a")]),
            LAUNCH,
            "Persist",
            "Persist",
            DRAIN,
        ),
        (
            "ending",
            ended.clone(),
            LAUNCH,
            "Persist",
            "Persist",
            "Persist",
        ),
        (
            "ended",
            ended.after([drained(), told("a")]),
            LAUNCH,
            "Persist",
            "Persist",
            "Persist",
        ),
    ] {
        let is = life.record.facts.target.clone().map(String::from);
        let changed = |targets: &[&'static str]| -> Vec<&'static str> {
            let is = is.as_deref();
            targets
                .iter()
                .copied()
                .filter(|at| Some(*at) != is)
                .collect()
        };
        heads(what, &life, &changed(&["InService"]), into_service);
        heads(what, &life, &changed(&pool), into_pool);
        heads(what, &life, &changed(&aside), put_aside);
        heads(what, &life, &changed(&ways_out), ended);
        if let Some(is) = &is {
            assert_eq!(life.clone().on(headed(is)), "", "{what}: no news");
        }
    }
    assert_eq!(1 + pool.len() + aside.len() + ways_out.len(), TARGETS.len());
}

#[test]
fn where_the_spec_wants_no_drain_the_end_is_no_transition() {
    let launching =
        || Life::begun("InService").after([configured(false, &[Notice::Spot], false), joined("a")]);
    let mut life = launching().after([healthy(), told("a")]);
    assert_eq!(life.on(headed("Terminated")), "Persist");
    assert_eq!((life.kind(), life.epoch()), (Kind::Launch, 1));
    // But a launch on its way is over.
    let mut life = launching();
    assert!(life.on(headed("Terminated")).starts_with("Abort, Persist"));
    // And back to the pool nothing may run.
    let mut life = launching().after([healthy(), told("a")]);
    life.on(headed("Warmed:Stopped"));
    assert_eq!(life.kind(), Kind::WarmReturn);
}

#[test]
fn containers_start_once_the_target_is_known_or_there_is_no_group() {
    let permits = |said: &str| said.contains("Permit");
    let mut life = Life::begun("");
    assert!(!permits(&life.on(joined("a"))));
    assert!(permits(&life.on(headed("InService"))));
    let mut life = Life::begun("");
    assert_eq!(life.on(alone()), "Heartbeat(), Permit");
    // In a pool they never do, whoever says so.
    let mut life = Life::begun("Warmed:Running");
    for event in [alone(), headed("Warmed:Stopped"), Event::Started] {
        assert!(!permits(&life.on(event)));
    }
    // What served without a group serves again after a reboot.
    let mut life = Life::begun("").after([alone(), healthy()]);
    life.rebooted("");
    assert_eq!(
        life.on(Event::Found(None)),
        "Permit, Begin(Launch), Heartbeat()"
    );
}

#[test]
fn a_warm_pools_round_trip() {
    let mut life = Life::begun("Warmed:Stopped");
    let mut trip = vec![];
    for (at, hook, proof) in [
        ("Warmed:Stopped", "in", prepared()),
        ("InService", "in", healthy()),
        ("Warmed:Hibernated", "out", drained()),
        ("InService", "in", healthy()),
        ("Terminated", "out", drained()),
    ] {
        if life.record.verdict().is_some() {
            // Of several ways to learn of it, one: the machine stood still, or the agent watched.
            match at {
                "InService" => life.rebooted(at),
                _ => life.on(headed(at)),
            };
        }
        life.on(joined(hook));
        let said = life.on(proof);
        assert!(
            said.starts_with(&format!(
                "Persist, Heartbeat({hook}), Signal({hook} CONTINUE)"
            )),
            "{at}: {said}"
        );
        let said = life.on(told(hook));
        assert_eq!(said, "Persist, Heartbeat(), Rest(Done)", "{at}");
        trip.push((life.kind(), life.epoch()));
    }
    assert_eq!(
        trip,
        [
            (Kind::WarmEnter, 1),
            (Kind::Launch, 2),
            (Kind::WarmReturn, 3),
            (Kind::Launch, 4),
            (Kind::Terminate, 5),
        ]
    );
}

#[test]
fn a_launch_out_of_the_pool_may_fail_though_entering_it_succeeded() {
    let mut life = Life::begun("Warmed:Running").after([
        joined("a"),
        prepared(),
        told("a"),
        headed("InService"),
        joined("a"),
    ]);
    assert_eq!(life.on(failed()), "Persist, Evidence, Heartbeat(a)");
    assert_eq!(life.verdict(), "image_unknown");
}

/// Who follows another agent came for the way in, and a way out follows a failed one at once.
#[test]
fn a_way_out_remembers_how_the_way_in_ended() {
    let entered = |life: &Life| life.record.facts.entered;
    let launching = Life::begun("InService").after([joined("a")]);
    let failing = launching.clone().after([failed(), Event::Collected]);
    for (what, life, wanted) in [
        ("cut off", launching, Exit::Interrupted),
        ("failed, untold", failing.clone(), Exit::Undelivered),
        ("failed", failing.after([told("a")]), Exit::Spec),
        ("served", Life::serving(), Exit::Done),
    ] {
        assert_eq!(entered(&life), None, "{what}");
        let out = life.after([headed("Warmed:Stopped"), headed("Terminated")]);
        assert_eq!(out.kind(), Kind::Terminate, "{what}");
        assert_eq!(entered(&out), Some(wanted), "{what}");
        let back = out.after([headed("InService")]);
        assert_eq!(entered(&back), None, "{what}: another way in");
    }
}

#[test]
fn a_target_tells_that_it_was_looked_for_too_early() {
    let mut life = Life::begun("").after([alone()]);
    assert_eq!(life.on(headed("InService")), "Persist, Permit, Join");
    assert_eq!(life.on(joined("a")), "Heartbeat(a)");
    // Who is known already is not looked for again.
    let mut life = Life::begun("").after([joined("a")]);
    assert_eq!(life.on(headed("InService")), "Persist, Permit");
}
