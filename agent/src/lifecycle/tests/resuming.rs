//! Killed, rebooted, or on a record that is not ours.

use super::*;

#[test]
fn killed_anywhere_it_resumes_with_the_same_verdict() {
    let started = run(&fresh(), &[Event::Started]).0;
    let decided = run(
        &started,
        &[
            Event::Joined(joined(vec![hook("a"), hook("b")])),
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
        assert_eq!(step(&resumed, Event::Started, &now()).1, wanted, "{what}");
    }
}

#[test]
fn a_full_disk_after_a_reboot_ends_no_workload() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![])),
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
    let (record, effects) = step(&record, not_persisted, &now());
    assert_eq!(effects, [Effect::Exit(Exit::Done)]);
    assert!(matches!(record.verdict(), Some(Verdict::Continue(_))));
}

#[test]
fn a_reboot_before_the_verdict_was_told_proves_it_again_first() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let record = open(
        Some(record),
        &me(),
        Some(TargetState::InService),
        &rebooted(),
    );
    let (record, effects) = step(&record, Event::Started, &now());
    assert_eq!(
        effects,
        [
            Effect::Heartbeat(vec![hook("a")]),
            Effect::Begin(Work::Launch)
        ]
    );
    let (_, effects) = step(&record, Event::Worked(Ok(Proof::HEALTHY)), &now());
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["a"]), signal("a", true, true)]
    );
    // It does not come up: nobody is told that it did, and the verdict stands for the next start.
    let error = failed(Reason::ServiceExited, Stage::Health);
    let (record, effects) = step(&record, Event::Worked(Err(error)), &now());
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
fn a_new_boot_starts_the_workload_again_and_signals_nothing() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
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
    let (record, effects) = step(&record, Event::Started, &now());
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
            Event::Joined(joined(vec![])),
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
