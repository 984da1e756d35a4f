//! Asked to leave: the agent alone, or with the machine.

use super::*;
use crate::verdict::Exit;

/// Every kind of state, by name; the exit codes when the agent leaves there.
fn lives() -> Vec<(&'static str, Life, &'static str)> {
    let launching = Life::begun("InService").after([joined("a")]);
    let warm = Life::begun("Warmed:Stopped").after([joined("a")]);
    let ending = Life::serving().after([headed("Terminated"), joined("a")]);
    let returning = Life::serving().after([headed("Warmed:Stopped"), joined("a")]);
    let gone = [failed(), Event::Collected, told("a"), Event::Stopped];
    vec![
        ("launching", launching.clone(), "Interrupted"),
        (
            "healthy",
            launching.clone().after([healthy()]),
            "Undelivered",
        ),
        ("serving", Life::serving(), "Done"),
        (
            "draining for a notice",
            Life::serving().after([noticed("spot")]),
            "Done",
        ),
        (
            "failing",
            launching.clone().after([failed()]),
            "Undelivered",
        ),
        ("failed", launching.after(gone), "Spec"),
        ("preparing", warm.clone(), "Interrupted"),
        ("prepared", warm.clone().after([prepared()]), "Undelivered"),
        ("in the pool", warm.after([prepared(), told("a")]), "Done"),
        ("returning", returning.clone(), "Interrupted"),
        (
            "back in the pool",
            returning.after([drained(), told("a")]),
            "Done",
        ),
        ("ending", ending.clone(), "Interrupted"),
        (
            "ended, not told",
            ending.clone().after([drained()]),
            "Undelivered",
        ),
        ("ended", ending.after([drained(), told("a")]), "Done"),
    ]
}

#[test]
fn the_agent_alone_leaves_services_as_they_are() {
    for (what, mut life, code) in lives() {
        let before = life.record.clone();
        assert_eq!(
            life.on(Event::Terminate),
            format!("Abort, Exit({code})"),
            "{what}"
        );
        assert_eq!(life.record, before, "{what}: SIGTERM is no verdict");
    }
}

#[test]
fn with_the_machine_it_drains_first() {
    for (what, mut life, code) in lives() {
        let verdict = life.verdict();
        let said = life.on(Event::ShuttingDown);
        if life.record.is_drained() {
            let end = match code {
                "Done" => "Heartbeat(), Rest(Done)",
                _ => "Heartbeat(a), Signal(a CONTINUE again)",
            };
            assert_eq!(said, end, "{what}: there is nothing left to drain");
            continue;
        }
        // What it says of the services is soon no more true.
        let kind = life.record.transition.kind;
        let held = match (kind, life.verdict(), code) {
            (Kind::Launch, "CONTINUE", "Undelivered") => ", Withhold, Heartbeat(a)",
            _ => "",
        };
        assert_eq!(said, format!("Begin(Drain for shutdown){held}"), "{what}");
        assert_eq!(life.verdict(), verdict, "{what}: SIGTERM is no verdict");
        // Until it has, nothing lets the agent go, or begins anything else.
        for event in [
            noticed("spot@5"),
            noticed(""),
            told("a"),
            Event::Collected,
            Event::Stopped,
            Event::Found(None),
            Event::Found(Some("Pending:Wait".into())),
            headed("Warmed:Running"),
            headed("InService"),
            headed("Terminated"),
            not_persisted(true),
            not_persisted(false),
            unjoined(Reason::HookUnknown, None),
        ] {
            let mut life = life.clone();
            let what = format!("{what}: {event:?}");
            let said = life.on(event);
            for word in ["Rest", "Exit", "Abort", "Permit"] {
                assert!(!said.contains(word), "{what}: {said}");
            }
            let begun = said.matches("Begin(").count();
            assert_eq!(
                said.matches("Begin(Drain for shutdown)").count(),
                begun,
                "{what}: {said}"
            );
        }
        let said = life.on(drained());
        // A way out is proven by it, and still told.
        let wanted = match what {
            "returning" | "ending" => "Signal(a CONTINUE)".into(),
            "prepared" => "Signal(a CONTINUE again)".into(),
            "failing" => "Heartbeat(a)".into(),
            _ => format!("Rest({code})"),
        };
        assert!(said.ends_with(&wanted), "{what}: {said}");
        assert!(life.record.is_drained(), "{what}");
    }
}

#[test]
fn drained_with_the_machine_everybody_is_told_and_then_it_leaves() {
    for at in ["Terminated", "Warmed:Stopped"] {
        let mut life =
            Life::serving().after([headed(at), joined("b"), Event::ShuttingDown, drained()]);
        assert_eq!(
            life.on(told("b")),
            "Persist, Heartbeat(), Rest(Done)",
            "{at}"
        );
    }
    let mut life =
        Life::begun("InService").after([joined("a"), failed(), Event::ShuttingDown, drained()]);
    assert_eq!(life.on(Event::Collected), "Heartbeat(a), Signal(a ABANDON)");
    assert_eq!(life.on(told("a")), "Persist, Heartbeat(), StopWorkload");
    assert_eq!(life.on(Event::Stopped), "Persist, Heartbeat(), Rest(Spec)");
}

#[test]
fn going_down_before_it_is_known_whom_to_tell() {
    let nobody = || unjoined(Reason::SignalUndelivered, None);
    // Found while draining: the services are gone when it could be told, so the next boot tells.
    let down = Life::begun("InService").after([healthy(), Event::ShuttingDown]);
    let mut found = down.clone();
    assert_eq!(found.on(joined("a")), "Persist, Withhold, Heartbeat(a)");
    assert_eq!(
        found.on(drained()),
        "Persist, Withhold, Heartbeat(), Rest(Undelivered)"
    );
    // Not found while draining: once more when drained, and then it leaves.
    let mut lost = down.clone();
    assert_eq!(lost.on(nobody()), "");
    assert_eq!(lost.on(drained()), "Persist, Join");
    assert_eq!(lost.clone().on(nobody()), "Exit(Undelivered)");
    assert_eq!(
        lost.on(joined("a")),
        "Persist, Withhold, Heartbeat(), Rest(Undelivered)"
    );
    // A failure that nobody can hear of.
    let mut life =
        Life::begun("InService").after([failed(), Event::ShuttingDown, nobody(), Event::Collected]);
    assert_eq!(life.on(Event::Stopped), "Persist");
    assert_eq!(life.on(drained()), "Persist, Join");
    assert_eq!(life.on(nobody()), "Exit(Undelivered)");
}

#[test]
fn a_shutdown_that_did_not_come_to_pass_is_forgotten_by_the_next_start() {
    let mut life = Life::begun("InService").after([joined("a"), Event::ShuttingDown, drained()]);
    assert_eq!(
        life.killed("InService"),
        "Persist, Join, Permit, Begin(Launch)"
    );
    let mut life = life.after([joined("a"), healthy()]);
    assert!(life.record.is_served() && !life.record.is_drained());
    // In service it stays drained as long as this boot lasts.
    let mut serving = life
        .clone()
        .after([told("a"), Event::ShuttingDown, drained()]);
    assert_eq!(serving.killed("InService"), "Heartbeat(), Rest(Done), Look");
    assert_eq!(serving.rebooted("InService"), "Look");
    // Before the verdict is told, it must be true again first.
    life.on(Event::ShuttingDown);
    life.on(drained());
    assert_eq!(
        life.killed("InService"),
        "Withhold, Heartbeat(), Rest(Undelivered)"
    );
    assert_eq!(
        life.rebooted("InService"),
        "Permit, Begin(Launch), Withhold, Heartbeat(a)"
    );
}

#[test]
fn what_one_who_follows_leaves_with() {
    let launching = Life::begun("InService").after([joined("a")]);
    let told_nobody = launching
        .clone()
        .after([healthy(), refused("a", Reason::SignalUndelivered)]);
    for (what, life, code) in [
        ("launching", launching.clone(), None),
        ("healthy", launching.clone().after([healthy()]), None),
        ("serving", Life::serving(), Some(Exit::Done)),
        (
            "denied",
            launching
                .clone()
                .after([healthy(), refused("a", Reason::SignalDenied)]),
            Some(Exit::Denied),
        ),
        ("not told", told_nobody, Some(Exit::Undelivered)),
        (
            "draining for a notice",
            Life::serving().after([noticed("spot")]),
            None,
        ),
        (
            "drained",
            Life::serving().after([noticed("spot"), drained()]),
            Some(Exit::Done),
        ),
        ("failing", launching.clone().after([failed()]), None),
        (
            "failed, told",
            launching
                .clone()
                .after([failed(), Event::Collected, told("a")]),
            None,
        ),
        (
            "failed",
            launching.after([failed(), Event::Collected, told("a"), Event::Stopped]),
            Some(Exit::Spec),
        ),
        (
            "riddle",
            Life::begun("Odd").after([joined("a"), healthy()]),
            Some(Exit::Undelivered),
        ),
        (
            "nobody known",
            Life::begun("InService").after([healthy()]),
            None,
        ),
    ] {
        assert_eq!(rest(&life.record), code, "{what}");
    }
}
