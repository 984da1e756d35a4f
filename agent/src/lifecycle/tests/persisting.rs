//! A record that cannot be written.

use super::*;

#[test]
fn a_continue_that_cannot_be_written_becomes_an_abandon() {
    for (at, proof) in [("InService", healthy()), ("Warmed:Stopped", prepared())] {
        let mut life = Life::begun(at).after([joined("a"), proof]);
        assert_eq!(
            life.on(not_persisted(false)),
            "Abort, Evidence, Heartbeat(a)"
        );
        assert_eq!(life.verdict(), "state_unusable");
        assert_eq!(life.on(Event::Collected), "Heartbeat(a), Signal(a ABANDON)");
        // Nothing of what follows can be written either.
        life.on(told("a"));
        assert_eq!(
            life.on(not_persisted(false)),
            "Abort, Heartbeat(), StopWorkload"
        );
        life.on(Event::Stopped);
        assert_eq!(
            life.on(not_persisted(false)),
            "Abort, Heartbeat(), Rest(Unavailable)"
        );
    }
}

#[test]
fn a_record_that_cannot_be_written_from_the_start_is_an_abandon_too() {
    let mut life = Life::begun("InService");
    assert_eq!(life.on(not_persisted(false)), "Abort, Join, Evidence");
    life.on(joined("a"));
    assert_eq!(
        life.on(not_persisted(false)),
        "Abort, Evidence, Heartbeat(a)"
    );
    assert_eq!(life.on(Event::Collected), "Heartbeat(a), Signal(a ABANDON)");
}

#[test]
fn the_first_reason_stands() {
    let mut life = Life::begun("InService").after([joined("a"), failed()]);
    assert_eq!(
        life.on(not_persisted(false)),
        "Abort, Evidence, Heartbeat(a)"
    );
    assert_eq!(life.verdict(), "image_unknown");
    let mut life = life.after([Event::Collected]);
    assert_eq!(
        life.on(not_persisted(false)),
        "Abort, Heartbeat(a), Signal(a ABANDON)",
        "evidence is collected once"
    );
}

#[test]
fn a_verdict_on_disk_stands_and_only_a_note_is_lost() {
    let mut life = Life::serving();
    assert_eq!(
        life.on(not_persisted(true)),
        "Begin(Keep), Heartbeat(), Rest(Done)"
    );
    assert_eq!(life.verdict(), "CONTINUE");
    // After a reboot it ends no workload.
    life.rebooted("InService");
    let mut life = life.after([Event::Found(None), healthy()]);
    assert_eq!(
        life.on(not_persisted(true)),
        "Begin(Keep), Heartbeat(), Rest(Done)"
    );
    let mut life = Life::begun("InService").after([joined("a"), failed()]);
    assert_eq!(life.on(not_persisted(true)), "Evidence, Heartbeat(a)");
}

#[test]
fn a_way_out_goes_on() {
    for at in ["Terminated", "Warmed:Stopped"] {
        let mut life = Life::serving().after([headed(at)]);
        assert_eq!(
            life.on(not_persisted(false)),
            "Join, Begin(Drain for the group)",
            "{at}"
        );
        life.on(joined("b"));
        assert_eq!(
            life.on(not_persisted(false)),
            "Heartbeat(b), Begin(Drain for the group)",
            "{at}"
        );
        life.on(drained());
        assert_eq!(
            life.on(not_persisted(false)),
            "Heartbeat(b), Signal(b CONTINUE again)",
            "{at}"
        );
        life.on(told("b"));
        assert_eq!(
            life.on(not_persisted(true)),
            "Heartbeat(), Rest(Done)",
            "{at}"
        );
        assert_eq!(life.verdict(), "CONTINUE", "{at}");
    }
}

#[test]
fn another_launch_that_cannot_be_written_is_abandoned_for_itself() {
    let mut life = Life::begun("Warmed:Stopped").after([
        joined("a"),
        prepared(),
        told("a"),
        headed("InService"),
    ]);
    assert_eq!(life.on(not_persisted(false)), "Abort, Join, Evidence");
    assert_eq!((life.epoch(), life.verdict()), (2, "state_unusable"));
}
