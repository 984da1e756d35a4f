//! The machine at its table: every edge of a launch, and every place where it may be killed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use super::*;
use crate::{
    imds::{Identity, TargetState},
    verdict::{Exit, LaunchError, Reason, Stage},
};

fn me() -> Identity {
    Identity {
        instance_id: "i-0123456789abcdef0".into(),
        image_id: "ami-0123456789abcdef0".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        availability_zone: "eu-west-1a".into(),
        instance_type: "t3.small".into(),
        architecture: "x86_64".into(),
    }
}

fn now() -> Now {
    Now {
        wall_ms: 1_000_000,
        uptime_ms: 10_000,
        boot: "boot-a".into(),
    }
}

fn fresh() -> Record {
    open(None, &me(), Some(TargetState::InService), &now())
}

fn hook(name: &str) -> Recipient {
    Recipient::Hook {
        group: "web".into(),
        hook: name.into(),
    }
}

fn failed(reason: Reason, stage: Stage) -> LaunchError {
    LaunchError {
        stage,
        reason,
        message: "because".into(),
    }
}

fn unjoined(error: LaunchError, waiting: &[&str]) -> Result<Vec<Recipient>, Unjoined> {
    let waiting = waiting.iter().map(|name| hook(name)).collect();
    Err(Unjoined {
        error,
        waiting: Some(waiting),
    })
}

fn delivered() -> Settled {
    Settled::Delivered
}

/// Feeds events in turn; gives the last record and the effects of the last event.
fn run(record: &Record, events: &[Event]) -> (Record, Vec<Effect>) {
    events
        .iter()
        .fold((record.clone(), vec![]), |(record, _), event| {
            step(&record, event.clone())
        })
}

fn waiting(names: &[&str]) -> Effect {
    Effect::Heartbeat(names.iter().map(|name| hook(name)).collect())
}

fn signal(name: &str, go: bool, again: bool) -> Effect {
    Effect::Signal {
        to: hook(name),
        go,
        again,
    }
}

#[test]
fn a_healthy_launch_persists_its_verdict_before_it_signals() {
    let (record, effects) = run(&fresh(), &[Event::Started]);
    assert_eq!(
        effects,
        [Effect::Persist, Effect::Join, Effect::Begin(Work::Launch)]
    );
    let (record, effects) = run(&record, &[Event::Joined(Ok(vec![hook("a")]))]);
    assert_eq!(effects, [Effect::Heartbeat(vec![hook("a")])]);
    let (record, effects) = run(&record, &[Event::Worked(Ok(Proof::HEALTHY))]);
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["a"]), signal("a", true, false)]
    );
    let (record, effects) = run(&record, &[Event::Signalled(hook("a"), delivered())]);
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);

    // And run again: nothing is sent, nothing is started.
    let again = open(Some(record), &me(), Some(TargetState::InService), &now());
    assert_eq!(step(&again, Event::Started).1, [Effect::Exit(Exit::Done)]);
}

#[test]
fn a_failed_launch_signals_then_stops_what_runs() {
    let error = failed(Reason::ImageUnknown, Stage::Pull);
    let (record, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Err(error)),
        ],
    );
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["a"]), signal("a", false, false)]
    );
    let (record, effects) = run(&record, &[Event::Signalled(hook("a"), delivered())]);
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&[]), Effect::StopWorkload]
    );
    let (_, effects) = run(&record, &[Event::Stopped]);
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Spec)]);
}

#[test]
fn a_verdict_waits_until_it_is_known_whom_to_tell() {
    let (record, effects) = run(
        &fresh(),
        &[Event::Started, Event::Worked(Ok(Proof::HEALTHY))],
    );
    assert_eq!(effects, [Effect::Persist]);
    let (_, effects) = run(&record, &[Event::Joined(Ok(vec![hook("a")]))]);
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["a"]), signal("a", true, false)]
    );
}

#[test]
fn what_the_spec_says_of_whom_to_tell_holds_even_if_it_comes_late() {
    let wish = Wish {
        launching: vec!["b".into()],
        ..Wish::default()
    };
    let (record, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a"), hook("b")])),
            Event::Learned(Fact::Resolved(wish)),
        ],
    );
    assert_eq!(effects, [Effect::Join]);
    let (record, effects) = run(&record, &[Event::Worked(Ok(Proof::HEALTHY))]);
    assert_eq!(
        effects,
        [Effect::Persist],
        "the hooks found first must not be told"
    );
    let (_, effects) = run(&record, &[Event::Joined(Ok(vec![hook("b")]))]);
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["b"]), signal("b", true, false)]
    );
}

#[test]
fn nobody_to_tell_is_done() {
    let (_, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
}

#[test]
fn a_launch_that_cannot_be_told_is_abandoned_by_what_was_found() {
    let error = failed(Reason::HookUnknown, Stage::Signal);
    let (_, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Joined(unjoined(error.clone(), &[])),
        ],
    );
    assert_eq!(
        effects,
        [
            Effect::Abort,
            Effect::Persist,
            waiting(&["a"]),
            signal("a", false, false)
        ]
    );
    let (record, effects) = run(
        &fresh(),
        &[Event::Started, Event::Joined(unjoined(error, &[]))],
    );
    assert_eq!(
        effects,
        [
            Effect::Abort,
            Effect::Persist,
            waiting(&[]),
            Effect::StopWorkload
        ]
    );
    assert_eq!(
        run(&record, &[Event::Stopped]).1,
        [Effect::Persist, Effect::Exit(Exit::Spec)]
    );
}

#[test]
fn whoever_could_not_be_found_is_looked_for_at_the_next_start() {
    let error = failed(Reason::SignalUndelivered, Stage::Signal);
    let nobody = Event::Joined(Err(Unjoined {
        error,
        waiting: None,
    }));
    let (record, effects) = run(&fresh(), &[Event::Started, nobody.clone()]);
    assert_eq!(
        effects,
        [Effect::Abort, Effect::Persist, Effect::StopWorkload]
    );
    let (record, effects) = step(&record, Event::Stopped);
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Undelivered)]);
    let again = open(Some(record), &me(), Some(TargetState::InService), &now());
    let (again, effects) = step(&again, Event::Started);
    assert_eq!(effects, [Effect::Join]);
    assert_eq!(
        step(&again, nobody).1,
        [Effect::Exit(Exit::Undelivered)],
        "stopped before"
    );
    let (_, effects) = step(&again, Event::Joined(Ok(vec![hook("a")])));
    assert!(effects.contains(&signal("a", false, false)), "{effects:?}");
}

#[test]
fn two_hooks_are_kept_waiting_until_each_is_told() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a"), hook("b"), hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let (record, effects) = step(&record, Event::Signalled(hook("a"), delivered()));
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["b"]), signal("b", true, false)]
    );
    let (_, effects) = step(&record, Event::Signalled(hook("b"), delivered()));
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
}

#[test]
fn nothing_to_launch_leaves_nothing_behind() {
    let (_, effects) = run(&fresh(), &[Event::Started, Event::NotForUs]);
    assert_eq!(effects, [Effect::Forget, Effect::Exit(Exit::Done)]);
}

#[test]
fn whoever_waits_hears_of_a_spec_that_names_nobody() {
    let error = failed(Reason::HookUnknown, Stage::Signal);
    let early = failed(Reason::ImageAbsent, Stage::Pull);
    let resolved = Event::Learned(Fact::Resolved(Wish::default()));
    let known = Event::Joined(Ok(vec![hook("a"), hook("b")]));
    let nobody = Event::Joined(unjoined(error, &["a", "b"]));
    let told = |effects: &[Effect]| effects.contains(&signal("a", false, false));
    let events = [Event::Started, known, resolved.clone(), nobody.clone()];
    assert!(told(&run(&fresh(), &events).1));
    let failed = Event::Worked(Err(early));
    let (record, effects) = run(&fresh(), &[Event::Started, resolved, failed, nobody]);
    assert!(told(&effects), "{effects:?}");
    assert!(
        matches!(record.verdict(), Some(Verdict::Abandon(error)) if error.reason == Reason::ImageAbsent)
    );
}

#[test]
fn killed_anywhere_it_resumes_with_the_same_verdict() {
    let started = run(&fresh(), &[Event::Started]).0;
    let decided = run(
        &started,
        &[
            Event::Joined(Ok(vec![hook("a"), hook("b")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    )
    .0;
    let half = run(&decided, &[Event::Signalled(hook("a"), delivered())]).0;
    for (what, left, wanted) in [
        (
            "before the verdict",
            started,
            vec![Effect::Persist, Effect::Join, Effect::Begin(Work::Launch)],
        ),
        (
            "after the verdict",
            decided,
            vec![waiting(&["a", "b"]), signal("a", true, true)],
        ),
        (
            "between two signals",
            half,
            vec![waiting(&["b"]), signal("b", true, true)],
        ),
    ] {
        let left: Record = serde_json::from_str(&serde_json::to_string(&left).unwrap()).unwrap();
        let resumed = open(Some(left), &me(), Some(TargetState::InService), &now());
        assert_eq!(step(&resumed, Event::Started).1, wanted, "{what}");
    }
}

#[test]
fn the_first_verdict_stands() {
    let (decided, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    for event in [
        Event::Worked(Err(failed(Reason::ServiceExited, Stage::Health))),
        Event::Joined(unjoined(failed(Reason::HookUnknown, Stage::Signal), &[])),
        Event::Started,
        Event::Terminate,
    ] {
        let (after, effects) = step(&decided, event.clone());
        assert_eq!(after.verdict(), decided.verdict(), "{event:?}");
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::Signal { go: false, .. })),
            "{event:?}"
        );
    }
}

#[test]
fn a_continue_that_cannot_be_written_becomes_an_abandon() {
    let error = failed(Reason::StateUnusable, Stage::Signal);
    let (decided, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let not_persisted = |decided| Event::NotPersisted {
        error: error.clone(),
        decided,
    };
    let (_, effects) = step(&decided, not_persisted(false));
    assert_eq!(
        effects,
        [Effect::Abort, waiting(&["a"]), signal("a", false, false)]
    );

    // But on disk it stands: only the note of the answer is lost.
    let (told, _) = step(&decided, Event::Signalled(hook("a"), delivered()));
    let (told, effects) = step(&told, not_persisted(true));
    assert!(matches!(told.verdict(), Some(Verdict::Continue(_))));
    assert_eq!(effects, [Effect::Exit(Exit::Done)]);

    // A record that cannot be written from the start ends in an ABANDON too, once the hook is known.
    let (record, effects) = run(&fresh(), &[Event::Started, not_persisted(false)]);
    assert_eq!(effects, [Effect::Abort, Effect::Join]);
    let (record, _) = step(&record, Event::Joined(Ok(vec![hook("a")])));
    assert_eq!(
        step(&record, not_persisted(false)).1,
        [Effect::Abort, waiting(&["a"]), signal("a", false, false)]
    );
}

#[test]
fn a_full_disk_after_a_reboot_ends_no_workload() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let record = open(
        Some(record),
        &me(),
        Some(TargetState::InService),
        &rebooted(),
    );
    let (record, effects) = run(
        &record,
        &[Event::Started, Event::Worked(Ok(Proof::HEALTHY))],
    );
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
    let not_persisted = Event::NotPersisted {
        error: failed(Reason::StateUnusable, Stage::Signal),
        decided: true,
    };
    let (record, effects) = step(&record, not_persisted);
    assert_eq!(effects, [Effect::Exit(Exit::Done)]);
    assert!(matches!(record.verdict(), Some(Verdict::Continue(_))));
}

#[test]
fn a_reboot_before_the_verdict_was_told_proves_it_again_first() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let record = open(
        Some(record),
        &me(),
        Some(TargetState::InService),
        &rebooted(),
    );
    let (record, effects) = step(&record, Event::Started);
    assert_eq!(
        effects,
        [
            Effect::Heartbeat(vec![hook("a")]),
            Effect::Begin(Work::Launch)
        ]
    );
    let (_, effects) = step(&record, Event::Worked(Ok(Proof::HEALTHY)));
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["a"]), signal("a", true, true)]
    );
    // It does not come up: nobody is told that it did, and the verdict stands for the next start.
    let error = failed(Reason::ServiceExited, Stage::Health);
    let (record, effects) = step(&record, Event::Worked(Err(error)));
    assert_eq!(effects, [Effect::Exit(Exit::Workload)]);
    assert!(matches!(record.verdict(), Some(Verdict::Continue(_))));
}

fn rebooted() -> Now {
    Now {
        boot: "boot-b".into(),
        ..now()
    }
}

#[test]
fn sigterm_is_not_a_verdict() {
    let (started, _) = run(&fresh(), &[Event::Started]);
    let (after, effects) = step(&started, Event::Terminate);
    assert_eq!(effects, [Effect::Abort, Effect::Exit(Exit::Interrupted)]);
    assert_eq!(after.verdict(), None);
    let (decided, _) = run(
        &started,
        &[
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    assert_eq!(
        step(&decided, Event::Terminate).1,
        [Effect::Abort, Effect::Exit(Exit::Undelivered)]
    );
}

#[test]
fn what_could_not_be_delivered_is_tried_at_the_next_start() {
    let denied = Settled::Failed(failed(Reason::SignalDenied, Stage::Signal));
    let (record, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
            Event::Signalled(hook("a"), denied),
        ],
    );
    assert_eq!(effects.last(), Some(&Effect::Exit(Exit::Denied)));
    let again = open(Some(record), &me(), Some(TargetState::InService), &now());
    assert_eq!(
        step(&again, Event::Started).1,
        [waiting(&["a"]), signal("a", true, true)]
    );
}

#[test]
fn a_new_boot_starts_the_workload_again_and_signals_nothing() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
            Event::Signalled(hook("a"), delivered()),
        ],
    );
    let record = open(
        Some(record),
        &me(),
        Some(TargetState::InService),
        &rebooted(),
    );
    let (record, effects) = step(&record, Event::Started);
    assert_eq!(
        effects,
        [Effect::Heartbeat(vec![]), Effect::Begin(Work::Launch)]
    );
    let (_, effects) = run(
        &record,
        &[
            Event::Learned(Fact::Resolved(Wish::default())),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
}

#[test]
fn whose_record_and_which_epoch() {
    let left = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(Ok(vec![])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    )
    .0;
    let target = |text: &str| Some(TargetState::from(text.to_owned()));
    let other = |change: fn(&mut Identity)| {
        let mut me = me();
        change(&mut me);
        me
    };
    for (what, me, target, now, epoch, kept) in [
        ("the same", me(), target("InService"), now(), 1, true),
        (
            "another boot",
            me(),
            target("InService"),
            Now {
                boot: "boot-b".into(),
                ..now()
            },
            1,
            true,
        ),
        (
            "a target that metadata does not tell",
            me(),
            None,
            now(),
            1,
            true,
        ),
        (
            "another target",
            me(),
            target("Warmed:Stopped"),
            now(),
            2,
            false,
        ),
        (
            "on the way out: an ABANDON stands",
            me(),
            target("Terminated"),
            now(),
            1,
            true,
        ),
        (
            "another instance: baked into an image",
            other(|me| me.instance_id = "i-0fedcba9876543210".into()),
            target("InService"),
            now(),
            1,
            false,
        ),
        (
            "another image: root volume replaced",
            other(|me| me.image_id = "ami-0fedcba9876543210".into()),
            target("InService"),
            now(),
            1,
            false,
        ),
    ] {
        let record = open(Some(left.clone()), &me, target, &now);
        assert_eq!(record.transition.epoch, epoch, "{what}");
        assert_eq!(record.verdict().is_some(), kept, "{what}");
        assert!(record.is_of(&me), "{what}");
    }
}
