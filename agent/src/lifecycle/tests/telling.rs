//! Who is told, and kept waiting until then.

use super::*;

#[test]
fn a_verdict_waits_until_it_is_known_whom_to_tell() {
    let (record, effects) = run(
        &fresh(),
        &[Event::Started, Event::Worked(Ok(Proof::HEALTHY))],
    );
    assert_eq!(effects, [Effect::Persist]);
    let (_, effects) = run(&record, &[Event::Joined(joined(vec![hook("a")]))]);
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
            Event::Joined(joined(vec![hook("a"), hook("b")])),
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
    let (_, effects) = run(&record, &[Event::Joined(joined(vec![hook("b")]))]);
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["b"]), signal("b", true, false)]
    );
}

#[test]
fn a_launch_that_cannot_be_told_is_abandoned_by_what_was_found() {
    let error = failed(Reason::HookUnknown, Stage::Signal);
    let (_, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
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
    let (record, effects) = step(&record, Event::Stopped, &now());
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Undelivered)]);
    let again = open(Some(record), &me(), Some(TargetState::InService), &now());
    let (again, effects) = step(&again, Event::Started, &now());
    assert_eq!(effects, [Effect::Join]);
    assert_eq!(
        step(&again, nobody, &now()).1,
        [Effect::Exit(Exit::Undelivered)],
        "stopped before"
    );
    let (_, effects) = step(&again, Event::Joined(joined(vec![hook("a")])), &now());
    assert!(effects.contains(&signal("a", false, false)), "{effects:?}");
}

#[test]
fn two_hooks_are_kept_waiting_until_each_is_told() {
    let (record, _) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a"), hook("b"), hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
        ],
    );
    let (record, effects) = step(&record, Event::Signalled(hook("a"), delivered()), &now());
    assert_eq!(
        effects,
        [Effect::Persist, waiting(&["b"]), signal("b", true, false)]
    );
    let (_, effects) = step(&record, Event::Signalled(hook("b"), delivered()), &now());
    assert_eq!(effects, [Effect::Persist, Effect::Exit(Exit::Done)]);
}

#[test]
fn whoever_waits_hears_of_a_spec_that_names_nobody() {
    let error = failed(Reason::HookUnknown, Stage::Signal);
    let early = failed(Reason::ImageAbsent, Stage::Pull);
    let resolved = Event::Learned(Fact::Resolved(Wish::default()));
    let known = Event::Joined(joined(vec![hook("a"), hook("b")]));
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
fn what_could_not_be_delivered_is_tried_at_the_next_start() {
    let denied = Settled::Failed(failed(Reason::SignalDenied, Stage::Signal));
    let (record, effects) = run(
        &fresh(),
        &[
            Event::Started,
            Event::Joined(joined(vec![hook("a")])),
            Event::Worked(Ok(Proof::HEALTHY)),
            Event::Signalled(hook("a"), denied),
        ],
    );
    assert_eq!(effects.last(), Some(&Effect::Exit(Exit::Denied)));
    let again = open(Some(record), &me(), Some(TargetState::InService), &now());
    assert_eq!(
        step(&again, Event::Started, &now()).1,
        [waiting(&["a"]), signal("a", true, true)]
    );
}
