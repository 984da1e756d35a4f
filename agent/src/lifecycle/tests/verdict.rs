//! What is decided, once.

use super::*;

#[test]
fn a_healthy_launch_persists_its_verdict_before_it_signals() {
    let (record, effects) = run(&fresh(), &[Event::Started]);
    assert_eq!(
        effects,
        [Effect::Persist, Effect::Join, Effect::Begin(Work::Launch)]
    );
    let (record, effects) = run(&record, &[Event::Joined(joined(vec![hook("a")]))]);
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
    assert_eq!(
        step(&again, Event::Started, &now()).1,
        [Effect::Exit(Exit::Done)]
    );
}

#[test]
fn a_failed_launch_signals_then_stops_what_runs() {
    let error = failed(Reason::ImageUnknown, Stage::Pull);
    let (record, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
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
fn nobody_to_tell_is_done() {
    let (_, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
}

#[test]
fn nothing_to_launch_leaves_nothing_behind() {
    let (_, effects) = run(&fresh(), &[Event::Started, Event::NotForUs]);
    assert_eq!(effects, [Effect::Forget, Effect::Exit(Exit::Done)]);
}

#[test]
fn the_first_verdict_stands() {
    let (decided, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    for event in [
        Event::Worked(Err(failed(Reason::ServiceExited, Stage::Health))),
        Event::Joined(unjoined(failed(Reason::HookUnknown, Stage::Signal), &[])),
        Event::Started,
        Event::Terminate,
    ] {
        let (after, effects) = step(&decided, event.clone(), &now());
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
            Event::Joined(joined(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let not_persisted = |decided| Event::NotPersisted {
        error: error.clone(),
        decided,
    };
    let (_, effects) = step(&decided, not_persisted(false), &now());
    assert_eq!(
        effects,
        [Effect::Abort, waiting(&["a"]), signal("a", false, false)]
    );

    // But on disk it stands: only the note of the answer is lost.
    let (told, _) = step(&decided, Event::Signalled(hook("a"), delivered()), &now());
    let (told, effects) = step(&told, not_persisted(true), &now());
    assert!(matches!(told.verdict(), Some(Verdict::Continue(_))));
    assert_eq!(effects, [Effect::Exit(Exit::Done)]);

    // A record that cannot be written from the start ends in an ABANDON too, once the hook is known.
    let (record, effects) = run(&fresh(), &[Event::Started, not_persisted(false)]);
    assert_eq!(effects, [Effect::Abort, Effect::Join]);
    let (record, _) = step(&record, Event::Joined(joined(vec![hook("a")])), &now());
    assert_eq!(
        step(&record, not_persisted(false), &now()).1,
        [Effect::Abort, waiting(&["a"]), signal("a", false, false)]
    );
}

#[test]
fn sigterm_is_not_a_verdict() {
    let (started, _) = run(&fresh(), &[Event::Started]);
    let (after, effects) = step(&started, Event::Terminate, &now());
    assert_eq!(effects, [Effect::Abort, Effect::Exit(Exit::Interrupted)]);
    assert_eq!(after.verdict(), None);
    let (decided, _) = run(
        &started,
        &[
            Event::Joined(joined(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    assert_eq!(
        step(&decided, Event::Terminate, &now()).1,
        [Effect::Abort, Effect::Exit(Exit::Undelivered)]
    );
}
