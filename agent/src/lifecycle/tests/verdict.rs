//! What is decided, once.

use super::*;

#[test]
fn a_healthy_launch_persists_its_verdict_before_it_signals() {
    let mut life = Life::begun("");
    assert_eq!(
        life.killed("InService"),
        "Persist, Join, Permit, Begin(Launch)"
    );
    assert_eq!(life.on(joined("a")), "Heartbeat(a)");
    assert_eq!(
        life.on(healthy()),
        "Persist, Heartbeat(a), Signal(a CONTINUE), Begin(Keep)"
    );
    assert_eq!(life.on(told("a")), "Persist, Heartbeat(), Rest(Done)");
    // And run again: nothing is sent, nothing is started, unless the group waits anew.
    assert_eq!(
        life.killed("InService"),
        "Begin(Keep), Heartbeat(), Rest(Done), Look"
    );
    assert_eq!(life.on(Event::Found(Some("InService".into()))), "");
}

#[test]
fn a_failed_launch_keeps_evidence_then_signals_then_stops_what_runs() {
    let mut life = Life::begun("InService").after([joined("a")]);
    assert_eq!(life.on(failed()), "Persist, Evidence, Heartbeat(a)");
    assert_eq!(life.on(Event::Collected), "Heartbeat(a), Signal(a ABANDON)");
    assert_eq!(life.on(told("a")), "Persist, Heartbeat(), StopWorkload");
    // The group that heard it ends the instance, and may want it drained before.
    assert_eq!(life.on(Event::Stopped), "Persist, Heartbeat(), Rest(Spec)");
}

/// A backstop decides, and leaves the evidence to whoever tells.
#[test]
fn evidence_that_is_still_to_be_collected_is_so_before_anybody_hears() {
    for (whom, said) in [
        (Some(joined("a")), "Persist, Evidence, Heartbeat(a)"),
        (None, "Persist, Join, Evidence"),
    ] {
        let mut life = Life::begun("InService").after(whom).after([failed()]);
        life.record.facts.evidence = false;
        assert_eq!(life.killed("InService"), said);
        assert!(life.record.facts.evidence);
    }
}

#[test]
fn evidence_is_collected_once_whatever_becomes_of_it() {
    let mut life = Life::begun("InService").after([joined("a"), failed()]);
    assert_eq!(
        life.killed("InService"),
        "Heartbeat(a), Signal(a ABANDON again)",
        "were it evidence that killed us, the group must hear all the same"
    );
    // Whatever else happens meanwhile, nobody hears of it before it is safe.
    for event in [
        joined("a"),
        noticed("spot"),
        Event::Missed,
        headed("Standby"),
        not_persisted(true),
    ] {
        let mut life = Life::begun("InService").after([joined("a"), failed()]);
        let what = format!("{event:?}");
        assert!(!life.on(event).contains("Signal"), "{what}");
        assert_eq!(
            life.on(Event::Collected),
            "Heartbeat(a), Signal(a ABANDON)",
            "{what}"
        );
    }
}

#[test]
fn a_failure_that_nobody_hears_is_over_when_all_is_stopped_and_safe() {
    let nobody = || unjoined(Reason::SignalUndelivered, None);
    for (first, second) in [
        (Event::Stopped, Event::Collected),
        (Event::Collected, Event::Stopped),
    ] {
        let mut life = Life::begun("InService");
        assert_eq!(life.on(nobody()), "Abort, Persist, Evidence, StopWorkload");
        assert!(!life.on(first).contains("Exit"));
        assert!(life.on(second).ends_with("Exit(Undelivered)"));
    }
    // Safe before it is known that nobody can be found.
    let mut life = Life::begun("InService").after([failed()]);
    assert_eq!(life.on(Event::Collected), "");
    assert_eq!(life.on(nobody()), "StopWorkload");
    assert_eq!(life.on(Event::Stopped), "Persist, Exit(Undelivered)");
}

#[test]
fn nobody_to_tell_is_done() {
    let mut life = Life::begun("InService").after([joined("")]);
    assert_eq!(
        life.on(healthy()),
        "Persist, Heartbeat(), Rest(Done), Begin(Keep)"
    );
    let mut life = Life::begun("InService").after([joined(""), failed()]);
    assert_eq!(life.on(Event::Collected), "Heartbeat(), StopWorkload");
    assert_eq!(life.on(Event::Stopped), "Persist, Heartbeat(), Exit(Spec)");
}

#[test]
fn nothing_to_launch_leaves_nothing_behind() {
    let mut life = Life::begun("InService");
    assert_eq!(life.on(Event::NotForUs), "Forget, Exit(Done)");
}

#[test]
fn the_first_verdict_stands() {
    for (verdict, first) in [("CONTINUE", healthy()), ("image_unknown", failed())] {
        let decided = Life::begun("InService").after([joined("a"), first]);
        for event in [
            Event::Worked(Err(because(Reason::ServiceExited, Stage::Health))),
            healthy(),
            drained(),
            unjoined(Reason::HookUnknown, Some("")),
            configured(true, &[], false),
            resolved(),
            noticed("spot"),
            headed("Standby"),
            Event::Found(None),
            Event::Started,
            Event::Collected,
            Event::Stopped,
            Event::Missed,
            Event::Terminate,
            Event::ShuttingDown,
            not_persisted(true),
        ] {
            let mut life = decided.clone();
            let what = format!("{verdict}: {event:?}");
            let said = life.on(event);
            assert_eq!(life.verdict(), verdict, "{what}");
            let other = match verdict {
                "CONTINUE" => " ABANDON",
                _ => " CONTINUE",
            };
            assert!(!said.contains(other), "{what}: {said}");
        }
    }
}

#[test]
fn every_transition_has_its_own_proof() {
    for (at, proof, others) in [
        ("InService", healthy(), [prepared(), drained()]),
        ("Warmed:Stopped", prepared(), [healthy(), drained()]),
        ("Terminated", drained(), [healthy(), prepared()]),
    ] {
        let life = Life::begun(at).after([joined("a")]);
        assert_eq!(life.clone().after([proof]).verdict(), "CONTINUE", "{at}");
        for other in others {
            let what = format!("{at}: {other:?}");
            let mut life = life.clone();
            assert_eq!(life.on(other), "Persist, Rest(Interrupted)", "{what}");
            assert_eq!(life.verdict(), "", "{what}");
        }
    }
}

#[test]
fn what_a_proof_says_of_the_services() {
    let mut life = Life::serving();
    assert!(life.record.is_served() && !life.record.is_drained());
    life.on(drained());
    assert!(!life.record.is_served() && life.record.is_drained());
    life.on(healthy());
    assert!(life.record.is_served() && !life.record.is_drained());
    let life = Life::begun("Warmed:Stopped").after([prepared()]);
    assert!(!life.record.is_served() && !life.record.is_drained());
}

#[test]
fn a_service_that_dies_is_reported_where_the_spec_wants_that() {
    let dying = || Event::Learned(Fact::Dying("web".into()));
    for (unhealthy, said) in [(false, ""), (true, "ReportUnhealthy")] {
        let mut life = Life::begun("InService").after([
            configured(true, &[], unhealthy),
            joined("a"),
            healthy(),
        ]);
        assert_eq!(life.on(dying()), said);
        assert_eq!(life.after([told("a")]).on(dying()), said);
    }
}
