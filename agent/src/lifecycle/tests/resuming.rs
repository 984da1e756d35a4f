//! Killed, rebooted, asleep, or on a record that is not ours.

use super::*;

#[test]
fn killed_anywhere_it_resumes_with_the_same_verdict() {
    let launching = Life::begun("InService").after([joined("a b")]);
    let failing = launching.clone().after([failed()]);
    let warm = Life::begun("Warmed:Stopped").after([joined("a")]);
    let serving = Life::serving();
    let returning = serving
        .clone()
        .after([headed("Warmed:Stopped"), joined("a")]);
    let ending = serving.clone().after([headed("Terminated"), joined("a")]);
    let ended = [drained(), told("a")];
    for (what, life, wanted) in [
        (
            "launching",
            launching.clone(),
            "Persist, Join, Permit, Begin(Launch)",
        ),
        (
            "healthy",
            launching.clone().after([healthy()]),
            "Begin(Keep), Heartbeat(a b), Signal(a CONTINUE again)",
        ),
        (
            "between two signals",
            launching.clone().after([healthy(), told("a")]),
            "Begin(Keep), Heartbeat(b), Signal(b CONTINUE again)",
        ),
        (
            "serving",
            serving.clone(),
            "Begin(Keep), Heartbeat(), Rest(Done), Look",
        ),
        (
            "healthy, and nobody known",
            Life::begun("InService").after([healthy()]),
            "Join, Begin(Keep)",
        ),
        (
            "draining for a notice",
            serving.clone().after([noticed("spot@5")]),
            "Begin(Drain for a notice by 5), Heartbeat(), Look",
        ),
        (
            "drained",
            serving.clone().after([noticed("spot"), drained()]),
            "Heartbeat(), Rest(Done), Look",
        ),
        (
            "collecting evidence",
            failing.clone(),
            "Heartbeat(a b), Signal(a ABANDON again)",
        ),
        (
            "failed, and told",
            failing
                .clone()
                .after([Event::Collected, told("a"), told("b")]),
            "Heartbeat(), StopWorkload",
        ),
        (
            "failed, and stopped",
            failing.after([Event::Collected, told("a"), told("b"), Event::Stopped]),
            "Heartbeat(), Rest(Spec)",
        ),
        ("preparing", warm.clone(), "Persist, Join, Begin(Prepare)"),
        (
            "prepared",
            warm.clone().after([prepared()]),
            "Heartbeat(a), Signal(a CONTINUE again)",
        ),
        (
            "in the pool",
            warm.after([prepared(), told("a")]),
            "Heartbeat(), Rest(Done)",
        ),
        (
            "returning",
            returning.clone(),
            "Persist, Join, Begin(Drain for the group)",
        ),
        (
            "returned",
            returning.clone().after([drained()]),
            "Heartbeat(a), Signal(a CONTINUE again)",
        ),
        (
            "back in the pool",
            returning.after(ended.clone()),
            "Heartbeat(), Rest(Done), Look",
        ),
        (
            "ending",
            ending.clone(),
            "Persist, Join, Begin(Drain for the group)",
        ),
        (
            "ended, not told",
            ending.clone().after([drained()]),
            "Heartbeat(a), Signal(a CONTINUE again)",
        ),
        ("ended", ending.after(ended), "Heartbeat(), Rest(Done)"),
    ] {
        let mut again = life.clone();
        let at = life.record.facts.target.clone().map(String::from).unwrap();
        assert_eq!(again.killed(&at), wanted, "{what}");
        assert_eq!(again.verdict(), life.verdict(), "{what}");
        assert_eq!(again.record.transition, life.record.transition, "{what}");
    }
}

#[test]
fn a_reboot_before_the_verdict_was_told_proves_it_again_first() {
    let mut life = Life::begun("InService").after([joined("a"), healthy()]);
    assert_eq!(
        life.rebooted("InService"),
        "Permit, Begin(Launch), Withhold, Heartbeat(a)"
    );
    // It does not come up: nobody is told that it did, nor kept waiting, and the verdict stands for the next start.
    let mut broken = life.clone();
    let dying = Event::Learned(Fact::Dying("web".into()));
    assert_eq!(broken.on(dying), "Heartbeat()");
    let error = because(Reason::ServiceExited, Stage::Health);
    assert_eq!(broken.on(Event::Worked(Err(error))), "Rest(Workload)");
    assert_eq!(broken.verdict(), "CONTINUE");
    assert_eq!(
        life.on(healthy()),
        "Persist, Begin(Keep), Heartbeat(a), Signal(a CONTINUE again)"
    );
    // Drained meanwhile, for EC2 takes it back: it must not be told that it serves.
    let mut life = life.after([noticed("spot")]);
    assert_eq!(
        life.on(drained()),
        "Persist, Withhold, Heartbeat(), Rest(Undelivered)"
    );
}

#[test]
fn a_reboot_in_service_looks_first_then_serves_again_and_signals_nothing() {
    for state in [Some("InService"), Some("Standby"), None] {
        let mut life = Life::serving();
        assert_eq!(life.rebooted("InService"), "Look");
        assert_eq!(
            life.on(Event::Found(state.map(str::to_owned))),
            "Permit, Begin(Launch), Heartbeat()",
            "{state:?}"
        );
        // It reads, resolves and pulls again; the record holds all that.
        let before = life.record.clone();
        assert_eq!(life.on(configured(false, &[], true)), "");
        assert_eq!(life.on(resolved()), "");
        assert_eq!(life.on(Event::Learned(Fact::Pulled(images("2")))), "");
        assert_eq!(life.record, before);
        assert_eq!(
            life.on(healthy()),
            "Persist, Begin(Keep), Heartbeat(), Rest(Done)"
        );
        assert_eq!(life.epoch(), 1);
    }
}

#[test]
fn a_group_that_waits_again_began_another_launch() {
    let mut life = Life::serving();
    life.rebooted("InService");
    // On the way to its hooks, or past them, nobody waits: from standby perhaps, which has none.
    for state in ["Pending", "Pending:Proceed"] {
        let mut life = life.clone();
        assert_eq!(
            life.on(Event::Found(Some(state.into()))),
            "Permit, Begin(Launch), Heartbeat()"
        );
        assert_eq!((life.epoch(), life.verdict()), (1, "CONTINUE"));
    }
    assert_eq!(
        life.on(Event::Found(Some("Pending:Wait".into()))),
        "Persist, Join, Permit, Begin(Launch)"
    );
    assert_eq!((life.epoch(), life.verdict()), (2, ""));
    assert_eq!(life.kind(), Kind::Launch);
}

#[test]
fn asleep_or_blind_it_may_have_missed_a_transition() {
    let mut life = Life::serving();
    assert_eq!(life.on(Event::Missed), "Look");
    assert_eq!(life.clone().on(Event::Found(Some("InService".into()))), "");
    assert_eq!(
        life.on(Event::Found(Some("Pending:Wait".into()))),
        "Persist, Join, Permit, Begin(Launch)"
    );
    // Where it is about to be told, or is told otherwise, the target tells.
    for mut life in [
        life,
        Life::begun("InService").after([joined("a"), healthy()]),
        Life::begun("InService").after([joined("a"), failed(), Event::Collected, told("a")]),
        Life::begun("Warmed:Hibernated").after([joined("a"), prepared(), told("a")]),
        Life::begun("InService").after([joined(""), failed(), Event::Collected]),
        Life::begun("InService").after([
            joined("a"),
            healthy(),
            refused("a", Reason::SignalDenied),
        ]),
        Life::begun("InService").after([joined("a"), failed(), Event::Collected, needless("a")]),
        Life::serving().after([headed("Terminated"), joined("a"), drained(), told("a")]),
    ] {
        assert_eq!(life.on(Event::Missed), "", "{life:?}");
    }
}

/// No hook waited for it, or for something else: the group goes on with the instance. When it waits again, the first verdict
/// stands.
#[test]
fn a_failed_launch_that_nobody_heard_of_is_told_when_the_group_waits_again() {
    let unheard = |who: &str, events: Vec<Event>| {
        let life = Life::begun("InService").after([joined(who), failed(), Event::Collected]);
        life.after(events).after([Event::Stopped])
    };
    let mut life = unheard("a", vec![needless("a")]);
    for found in [
        None,
        Some("InService"),
        Some("Pending"),
        Some("Terminating:Wait"),
    ] {
        assert_eq!(life.killed("InService"), "Heartbeat(), Rest(Spec), Look");
        assert_eq!(life.on(Event::Found(found.map(str::to_owned))), "");
    }
    assert_eq!(life.on(Event::Missed), "Look");
    assert_eq!(
        life.on(Event::Found(Some("Pending:Wait".into()))),
        "Persist, Heartbeat(a), Signal(a ABANDON again)"
    );
    assert_eq!(life.epoch(), 1);
    assert_eq!(life.on(told("a")), "Persist, Heartbeat(), Rest(Spec)");
    // One that heard of it ends the instance.
    let mut life = unheard("a b", vec![needless("a"), told("b")]);
    assert_eq!(life.killed("InService"), "Heartbeat(), Rest(Spec)");
}

#[test]
fn drained_in_this_boot_it_stays_so_and_serves_in_the_next() {
    let mut life = Life::serving().after([noticed("spot"), drained()]);
    assert_eq!(life.killed("InService"), "Heartbeat(), Rest(Done), Look");
    assert_eq!(life.on(Event::Found(None)), "");
    assert_eq!(life.rebooted("InService"), "Look");
    assert_eq!(
        life.on(Event::Found(None)),
        "Permit, Begin(Launch), Heartbeat()",
        "what was announced was for the boot that is over"
    );
}

#[test]
fn a_launch_that_is_interrupted_by_a_reboot_begins_again_in_its_time() {
    let mut life = Life::begun("InService").after([
        configured(true, &[], false),
        Event::Learned(Fact::Pulled(images("1"))),
        joined("a"),
    ]);
    let began = life.record.facts.began.clone();
    assert_eq!(
        life.rebooted("InService"),
        "Persist, Join, Permit, Begin(Launch)"
    );
    let facts = &life.record.facts;
    assert_eq!(facts.began, began);
    assert_eq!(facts.boot, life.now.boot);
    assert_eq!(facts.images, images("1"));
    assert_eq!((facts.timeout_ms, life.epoch()), (Some(60_000), 1));
}

fn images(tag: &str) -> crate::image::Images {
    let image = crate::image::Image {
        reference: format!("web:{tag}"),
        pinned: "web@sha256:0".into(),
        has_healthcheck: false,
    };
    [("web".to_owned(), image)].into()
}

#[test]
fn what_the_next_transition_takes_over() {
    let life = Life::begun("Warmed:Stopped").after([
        configured(true, &[Notice::Rebalance], true),
        Event::Learned(Fact::Pulled(images("1"))),
        resolved(),
        joined("a"),
        prepared(),
        told("a"),
        headed("InService"),
    ]);
    let facts = &life.record.facts;
    assert!(facts.document.is_some() && facts.signal.is_some() && facts.timeout_ms.is_some());
    assert_eq!(facts.conduct.drain_on, [Notice::Rebalance]);
    assert!(facts.images.is_empty(), "tags are looked up again");
    let life = life.after([
        Event::Learned(Fact::Pulled(images("2"))),
        joined("a"),
        healthy(),
        told("a"),
        noticed("maintenance"),
        headed("Warmed:Stopped"),
    ]);
    let facts = &life.record.facts;
    let launched = facts.served.as_ref().map(|served| served.epoch);
    assert_eq!((life.epoch(), launched), (3, Some(2)));
    assert_eq!(facts.images, images("2"), "what runs is what was started");
    assert_eq!(facts.notices.len(), 1);
    let life = life.after([drained(), headed("InService")]);
    assert_eq!(life.record.facts.served, None);
}

#[test]
fn whose_record_and_which_epoch() {
    let life = Life::serving();
    let other = |change: fn(&mut Identity)| {
        let mut me = me();
        change(&mut me);
        me
    };
    let instance = other(|me| me.instance_id = "i-0fedcba9876543210".into());
    let image = other(|me| me.image_id = "ami-0fedcba9876543210".into());
    let boot = Now {
        boot: "boot-2".into(),
        ..life.now.clone()
    };
    let same = &life.now;
    for (what, me, at, now, epoch, kept) in [
        ("the same", me(), "InService", same, 1, true),
        ("another boot", me(), "InService", &boot, 1, true),
        ("a target that is not told", me(), "", same, 1, true),
        ("standby", me(), "Standby", same, 1, true),
        ("another target", me(), "Warmed:Stopped", same, 2, false),
        ("the end", me(), "Terminated", same, 2, false),
        (
            "another instance: baked",
            instance,
            "InService",
            same,
            1,
            false,
        ),
        (
            "another image: root volume replaced",
            image,
            "InService",
            same,
            1,
            false,
        ),
    ] {
        let record = open(Some(life.record.clone()), &me, target(at), now);
        assert_eq!(record.transition.epoch, epoch, "{what}");
        assert_eq!(record.verdict().is_some(), kept, "{what}");
        assert!(record.is_of(&me), "{what}");
        assert_eq!(record.facts.boot, now.boot, "{what}");
        let known = target(at).or(target("InService"));
        assert_eq!(record.facts.target, known, "{what}");
    }
}

#[test]
fn a_pool_that_waits_again_had_it_out_and_back() {
    let pooled =
        Life::serving().after([headed("Warmed:Stopped"), joined("a"), drained(), told("a")]);
    let again = "Heartbeat(), Rest(Done), Look";
    assert_eq!(pooled.clone().killed("Warmed:Stopped"), again);
    for (state, wanted, epoch) in [
        (
            Some("Warmed:Pending:Wait"),
            "Persist, Join, Begin(Drain for the group)",
            3,
        ),
        (Some("Warmed:Running"), "", 2),
        (None, "", 2),
    ] {
        let mut life = pooled.clone();
        assert_eq!(life.rebooted("Warmed:Stopped"), again);
        let said = life.on(Event::Found(state.map(str::to_owned)));
        assert_eq!((said.as_str(), life.epoch()), (wanted, epoch), "{state:?}");
        assert_eq!(life.kind(), Kind::WarmReturn);
    }
}
