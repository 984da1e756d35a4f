//! What EC2 announces, in every state.

use super::*;

#[test]
fn a_notice_during_a_launch_ends_it_without_continue() {
    for (at, wanted, notices, verdict) in [
        ("InService", vec![Notice::Spot], "spot", "reclaimed"),
        ("InService", vec![Notice::Spot], "rebalance", ""),
        ("InService", vec![Notice::Spot], "maintenance", ""),
        (
            "InService",
            vec![Notice::Rebalance],
            "rebalance",
            "reclaimed",
        ),
        (
            "InService",
            vec![Notice::Maintenance],
            "maintenance",
            "reclaimed",
        ),
        // It will never serve, whatever is to be done where it does.
        ("InService", vec![], "spot", "reclaimed"),
        ("InService", vec![Notice::Rebalance], "spot", "reclaimed"),
        ("InService", vec![], "rebalance maintenance", ""),
        ("Warmed:Running", vec![], "spot", "reclaimed"),
        ("Warmed:Running", vec![], "rebalance", ""),
    ] {
        let what = format!("{at} {wanted:?} {notices}");
        let spec = || configured(true, &wanted, false);
        let ended = "Abort, Persist, Evidence, Heartbeat(a)";
        // The spec is read before, or after.
        let mut life = Life::begun(at).after([joined("a"), spec()]);
        let said = life.on(noticed(notices));
        assert_eq!(life.verdict(), verdict, "{what}");
        assert_eq!(said.ends_with(ended), !verdict.is_empty(), "{what}: {said}");
        let mut life = Life::begun(at).after([joined("a"), noticed(notices)]);
        if life.verdict().is_empty() {
            let said = life.on(spec());
            assert_eq!(said.ends_with(ended), !verdict.is_empty(), "{what}: {said}");
        }
        assert_eq!(life.verdict(), verdict, "{what}");
    }
    let life = Life::begun("InService").after([noticed("rebalance spot")]);
    let Some(Verdict::Abandon(error)) = life.record.verdict() else {
        panic!("{life:?}");
    };
    assert!(error.message.contains("(spot notice)"), "{}", error.message);
}

#[test]
fn in_service_what_the_spec_names_drains() {
    let serving = |wanted: &[Notice]| {
        Life::begun("InService").after([
            configured(true, wanted, false),
            joined("a"),
            healthy(),
            told("a"),
        ])
    };
    for (wanted, notices, said) in [
        (
            vec![Notice::Spot],
            "spot@5",
            "Persist, Begin(Drain for a notice by 5)",
        ),
        (
            vec![Notice::Spot],
            "spot",
            "Persist, Begin(Drain for a notice)",
        ),
        (vec![Notice::Spot], "rebalance maintenance@5", "Persist"),
        (vec![], "spot", "Persist"),
        (
            vec![Notice::Rebalance],
            "rebalance spot@5",
            "Persist, Begin(Drain for a notice)",
        ),
        (
            vec![Notice::Rebalance, Notice::Maintenance, Notice::Spot],
            "rebalance spot@5 maintenance@9",
            "Persist, Begin(Drain for a notice by 5)",
        ),
    ] {
        let mut life = serving(&wanted);
        assert_eq!(life.on(noticed(notices)), said, "{wanted:?} {notices}");
    }
}

#[test]
fn drained_for_a_notice_it_is_told_nothing_and_ends_with_nothing_left() {
    let mut life = Life::serving().after([noticed("spot@5")]);
    assert_eq!(
        life.on(noticed("spot@6")),
        "Persist, Begin(Drain for a notice by 6)"
    );
    assert_eq!(life.on(drained()), "Persist, Heartbeat(), Rest(Done)");
    assert_eq!(life.on(noticed("spot@7")), "Persist", "drained is drained");
    assert_eq!((life.verdict(), life.epoch()), ("CONTINUE", 1));
    assert_eq!(
        life.on(headed("Terminated")),
        "Abort, Persist, Join, Begin(Drain for the group by 7)"
    );
    life.on(joined("b"));
    assert_eq!(
        life.on(drained()),
        "Persist, Heartbeat(b), Signal(b CONTINUE)"
    );
}

#[test]
fn drained_before_anybody_was_told_nobody_is() {
    let mut life = Life::begun("InService").after([joined("a"), healthy()]);
    assert_eq!(
        life.on(noticed("spot")),
        "Persist, Begin(Drain for a notice), Withhold, Heartbeat(a)"
    );
    // Killed, it does not take up what it withheld.
    let again = "Begin(Drain for a notice), Withhold, Heartbeat(a)";
    assert_eq!(life.clone().killed("InService"), again);
    // Nor does the group go on waiting for what may never be true again.
    let rest = "Persist, Withhold, Heartbeat(), Rest(Undelivered)";
    assert_eq!(life.on(drained()), rest);
    assert_eq!(
        life.on(noticed("")),
        "Persist, Permit, Begin(Launch), Withhold, Heartbeat(a)"
    );
    assert_eq!(
        life.on(healthy()),
        "Persist, Begin(Keep), Heartbeat(a), Signal(a CONTINUE again)"
    );
}

#[test]
fn withdrawn_it_serves_again() {
    let mut draining = Life::serving().after([noticed("spot")]);
    // Some may be stopped already: what they are is proven again.
    assert_eq!(draining.on(noticed("")), "Persist, Permit, Begin(Launch)");
    let mut drained = Life::serving().after([noticed("spot"), drained()]);
    assert_eq!(drained.on(noticed("")), "Persist, Permit, Begin(Launch)");
    assert_eq!(
        drained.on(healthy()),
        "Persist, Begin(Keep), Heartbeat(), Rest(Done)"
    );
    // What was not heeded withdraws nothing.
    let mut life = Life::serving().after([noticed("rebalance")]);
    assert_eq!(life.on(noticed("")), "Persist");
    // An instance that was given up is not taken up again.
    let mut life =
        Life::begun("InService").after([joined("a"), noticed("spot"), Event::Collected, told("a")]);
    assert_eq!(life.on(noticed("")), "Persist");
    assert_eq!(life.verdict(), "reclaimed");
}

#[test]
fn a_way_out_is_over_when_the_instance_is() {
    let out = || Life::begun("Terminated").after([joined("a")]);
    let mut life = out();
    assert_eq!(
        life.on(noticed("spot@5")),
        "Persist, Begin(Drain for the group by 5)"
    );
    assert_eq!(
        life.on(noticed("rebalance")),
        "Persist, Begin(Drain for the group)"
    );
    // Its verdict is one, and stands.
    let mut life = out().after([drained()]);
    assert_eq!(life.on(noticed("spot@5")), "Persist");
    assert_eq!(life.on(noticed("")), "Persist");
    assert_eq!(life.verdict(), "CONTINUE");
}

#[test]
fn at_rest_elsewhere_a_notice_is_noted() {
    for mut life in [
        Life::begun("Warmed:Running").after([joined("a"), prepared(), told("a")]),
        Life::begun("InService").after([
            joined("a"),
            failed(),
            Event::Collected,
            told("a"),
            Event::Stopped,
        ]),
        Life::serving().after([headed("Terminated"), joined("a"), drained(), told("a")]),
    ] {
        assert_eq!(life.on(noticed("spot@5")), "Persist");
        assert_eq!(life.record.facts.notices, [(Notice::Spot, Some(5))].into());
    }
}

#[test]
fn while_services_come_up_again_a_notice_waits_for_them() {
    let mut life = Life::serving();
    life.rebooted("InService");
    assert_eq!(life.on(noticed("spot")), "Persist", "it looks first");
    life.on(Event::Found(None));
    assert_eq!(life.on(noticed("spot@5")), "Persist");
    assert_eq!(
        life.on(healthy()),
        "Persist, Begin(Drain for a notice by 5), Heartbeat()"
    );
}

#[test]
fn what_they_are_called_in_a_spec() {
    let names = Notice::ALL.map(Notice::as_str);
    assert_eq!(names, ["rebalance", "maintenance", "spot"]);
    assert_eq!(
        Conduct::default(),
        Conduct {
            drain_on_terminate: true,
            drain_on: vec![Notice::Spot],
            unhealthy_when_dead: false
        }
    );
}
