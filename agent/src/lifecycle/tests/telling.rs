//! Who is told, and kept waiting until then.

use super::*;

#[test]
fn a_verdict_waits_until_it_is_known_whom_to_tell() {
    let mut life = Life::begun("InService");
    assert_eq!(life.on(healthy()), "Persist, Begin(Keep)");
    assert_eq!(
        life.on(joined("a")),
        "Persist, Heartbeat(a), Signal(a CONTINUE)"
    );
    // Begun before the launch's time was known, it is begun anew within that.
    let mut life = Life::begun("InService").after([configured(true, &[], false)]);
    assert_eq!(life.on(healthy()), "Persist, Join, Begin(Keep)");
    let mut life = life.after([joined("a")]);
    assert_eq!(life.on(joined("b")), "", "it is known already");
}

#[test]
fn what_the_spec_says_of_whom_to_tell_holds_even_if_it_comes_late() {
    let mut life = Life::begun("InService").after([joined("a b")]);
    assert_eq!(life.on(resolved()), "Join");
    assert_eq!(
        life.on(healthy()),
        "Persist, Begin(Keep)",
        "the hooks found first must not be told"
    );
    assert_eq!(
        life.on(joined("b")),
        "Persist, Heartbeat(b), Signal(b CONTINUE)"
    );
}

#[test]
fn a_launch_that_cannot_be_told_is_abandoned_by_what_was_found() {
    let nobody = || unjoined(Reason::HookUnknown, Some(""));
    for at in ["InService", "Warmed:Running"] {
        let mut life = Life::begun(at).after([joined("a")]);
        assert_eq!(life.on(nobody()), "Abort, Persist, Evidence, Heartbeat(a)");
        assert_eq!(life.verdict(), "hook_unknown");
    }
    let mut life = Life::begun("InService");
    assert_eq!(life.on(nobody()), "Abort, Persist, Evidence, Heartbeat()");
    assert_eq!(life.on(Event::Collected), "Heartbeat(), StopWorkload");
    assert_eq!(life.on(Event::Stopped), "Persist, Heartbeat(), Exit(Spec)");
}

#[test]
fn whoever_waits_hears_of_a_spec_that_names_nobody() {
    let nobody = || unjoined(Reason::HookUnknown, Some("a b"));
    let mut life = Life::begun("InService").after([joined("a b"), resolved()]);
    assert_eq!(
        life.on(nobody()),
        "Abort, Persist, Evidence, Heartbeat(a b)"
    );
    let mut life = Life::begun("InService").after([resolved(), failed()]);
    assert_eq!(life.on(nobody()), "Persist, Evidence, Heartbeat(a b)");
    assert_eq!(life.verdict(), "image_unknown");
    // But a CONTINUE is not for whoever may wait.
    let mut life = Life::begun("InService").after([resolved(), healthy()]);
    assert_eq!(life.on(nobody()), "Exit(Undelivered)");
    assert_eq!(life.verdict(), "CONTINUE");
}

#[test]
fn whoever_could_not_be_found_is_looked_for_at_the_next_start() {
    let nobody = || unjoined(Reason::SignalUndelivered, None);
    let mut life = Life::begun("InService").after([nobody(), Event::Collected, Event::Stopped]);
    assert_eq!(life.killed("InService"), "Join");
    assert_eq!(
        life.clone().on(nobody()),
        "Exit(Undelivered)",
        "stopped before"
    );
    assert_eq!(
        life.on(joined("a")),
        "Persist, Heartbeat(a), Signal(a ABANDON)"
    );
}

#[test]
fn a_way_out_cannot_be_refused() {
    let nobody = || unjoined(Reason::SignalUndelivered, None);
    let some = || unjoined(Reason::HookUnknown, Some("a"));
    let out = [
        Life::begun("Terminated"),
        Life::serving().after([headed("Warmed:Stopped")]),
    ];
    for life in out {
        let mut known = life.clone();
        assert_eq!(known.on(some()), "Heartbeat(a)");
        assert_eq!(
            known.on(drained()),
            "Persist, Heartbeat(a), Signal(a CONTINUE)"
        );
        // Whoever was not found is looked for again when there is something to tell.
        let mut unknown = life.clone();
        assert_eq!(unknown.on(nobody()), "");
        assert_eq!(unknown.on(drained()), "Persist, Join");
        assert_eq!(unknown.clone().on(nobody()), "Exit(Undelivered)");
        assert_eq!(
            unknown.on(some()),
            "Persist, Heartbeat(a), Signal(a CONTINUE)"
        );
    }
}

#[test]
fn two_hooks_are_kept_waiting_until_each_is_told() {
    let mut life = Life::begun("InService").after([joined("a b a"), healthy()]);
    assert_eq!(
        life.on(told("a")),
        "Persist, Heartbeat(b), Signal(b CONTINUE)"
    );
    assert_eq!(life.on(told("b")), "Persist, Heartbeat(), Rest(Done)");
}

#[test]
fn the_record_knows_whom_the_verdict_is_for() {
    let mut life = Life::begun("InService").after([joined("a b")]);
    assert_eq!(life.record.recipients(), []);
    for event in [healthy(), told("a"), told("b")] {
        life.on(event);
        assert_eq!(life.record.recipients(), [hook("a"), hook("b")]);
    }
}

#[test]
fn how_a_delivery_ends_is_how_the_agent_ends() {
    let denied = || refused("a", Reason::SignalDenied);
    let lost = || refused("a", Reason::SignalUndelivered);
    for (verdict, settled, end) in [
        (healthy(), needless("a"), "Rest(Done)"),
        (healthy(), denied(), "Rest(Denied)"),
        // Started again, it may succeed.
        (healthy(), lost(), "Exit(Undelivered)"),
        (failed(), needless("a"), "Rest(Spec)"),
        // Nobody heard it: nobody will want the instance drained.
        (failed(), denied(), "Exit(Denied)"),
        (failed(), lost(), "Exit(Undelivered)"),
    ] {
        let what = format!("{verdict:?} {settled:?}");
        let mut life = Life::begun("InService").after([joined("a"), verdict, Event::Collected]);
        let said = match life.on(settled) {
            said if said.ends_with("StopWorkload") => life.on(Event::Stopped),
            said => said,
        };
        assert_eq!(said, format!("Persist, Heartbeat(), {end}"), "{what}");
    }
}

#[test]
fn one_hook_that_heard_is_enough_to_stay_for() {
    let both = Event::Joined(Ok(Joined {
        recipients: vec![hook("a"), stack()],
        member: true,
    }));
    let denied = Settled::Failed(because(Reason::SignalDenied, Stage::Signal));
    for (by_hook, by_stack, end) in [
        (Settled::Delivered, denied.clone(), "Rest(Denied)"),
        (denied, Settled::Delivered, "Exit(Denied)"),
    ] {
        let mut life = Life::begun("InService").after([
            both.clone(),
            failed(),
            Event::Collected,
            Event::Signalled(hook("a"), by_hook),
            Event::Signalled(stack(), by_stack),
        ]);
        assert_eq!(
            life.on(Event::Stopped),
            format!("Persist, Heartbeat(), {end}")
        );
    }
}

#[test]
fn what_could_not_be_delivered_is_tried_at_the_next_start() {
    let mut life = Life::begun("InService").after([
        joined("a b"),
        healthy(),
        refused("a", Reason::SignalDenied),
        told("b"),
    ]);
    assert_eq!(
        life.killed("InService"),
        "Begin(Keep), Heartbeat(a), Signal(a CONTINUE again)"
    );
}

#[test]
fn nobody_hears_anything_while_what_the_group_wants_is_a_riddle() {
    for verdict in [healthy(), failed()] {
        let mut life = Life::begun("Terminating:Odd").after([joined("a"), verdict]);
        let said = life.on(Event::Collected);
        assert!(
            said.starts_with("Withhold, Heartbeat(a), Rest(Undelivered)"),
            "{said}"
        );
        // Another riddle is one.
        assert_eq!(
            life.on(headed("Odder")),
            "Persist, Withhold, Heartbeat(a), Rest(Undelivered)"
        );
        let said = life.on(headed("InService"));
        assert!(
            said.starts_with("Persist, Heartbeat(a), Signal(a ") && said.ends_with(" again)"),
            "{said}"
        );
        // Told or not, another target changes nothing.
        assert_eq!(life.on(headed("Standby")), "Persist");
    }
    // On the way out too: nobody knows what transition a signal would reach.
    let mut life = Life::begun("Terminated").after([joined("a"), headed("Odd")]);
    assert_eq!(
        life.on(drained()),
        "Persist, Withhold, Heartbeat(a), Rest(Undelivered)"
    );
}

#[test]
fn what_people_read_of_whom_is_told() {
    for (recipient, words) in [
        (hook("a"), "web/a"),
        (stack(), "stack s/r"),
        (Recipient::Unknown { why: "?".into() }, "the group"),
    ] {
        assert_eq!(recipient.to_string(), words);
    }
}

fn stack() -> Recipient {
    Recipient::CloudFormation {
        stack: "s".into(),
        resource: "r".into(),
    }
}
