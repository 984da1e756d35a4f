//! The launch, hook by hook.
use super::*;

fn group(hooks: Vec<Hook>, opens: Opens) -> (Group, Instant) {
    launched(Plan {
        hooks,
        opens,
        ..Plan::default()
    })
}

#[test]
fn one_hook_decides() {
    for (outcome, state, target) in [
        (Outcome::Continue, Lifecycle::InService, "InService"),
        (Outcome::Abandon, Lifecycle::Terminating, "Terminated"),
    ] {
        let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(Duration::ZERO));
        assert_eq!(group.state(now), Some(Lifecycle::PendingWait));
        assert_eq!(group.complete("web", "up", &me(), outcome, now), Ok(()));
        assert_eq!(
            (group.state(now), group.target(now)),
            (Some(state), Some(target))
        );
        assert_eq!(
            group.complete("web", "up", &me(), outcome, now),
            Err(Refusal::NoActiveAction(me())),
            "a second completion is refused"
        );
        assert_eq!(
            group
                .verdicts(now)
                .iter()
                .filter(|v| v.refused.is_none())
                .count(),
            1
        );
    }
}

#[test]
fn too_early_is_refused_until_it_opens() {
    let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(SECOND));
    assert!(
        group
            .complete("web", "up", &me(), Outcome::Continue, now)
            .is_err()
    );
    assert_eq!(group.state(now), Some(Lifecycle::Pending));
    assert!(
        group
            .complete("web", "up", &me(), Outcome::Continue, now + SECOND)
            .is_ok()
    );
    assert_eq!(group.state(now + SECOND), Some(Lifecycle::InService));
}

#[test]
fn opens_after_a_count_of_early_calls() {
    let (mut group, now) = group(vec![Hook::launching("up")], Opens::AfterCompletions(2));
    for refused in [true, true, false] {
        assert_eq!(
            group
                .complete("web", "up", &me(), Outcome::Continue, now)
                .is_err(),
            refused
        );
    }
    assert_eq!(group.state(now), Some(Lifecycle::InService));
}

#[test]
fn all_hooks_must_continue_and_one_abandon_ends_it() {
    let hooks = || {
        vec![
            Hook::launching("a"),
            Hook::launching("b"),
            Hook::terminating("c"),
        ]
    };
    let (mut all, now) = group(hooks(), Opens::After(Duration::ZERO));
    assert_eq!(
        all.complete("web", "a", &me(), Outcome::Continue, now),
        Ok(())
    );
    assert_eq!(
        all.state(now),
        Some(Lifecycle::PendingWait),
        "still held by b"
    );
    assert!(
        all.complete("web", "c", &me(), Outcome::Continue, now)
            .is_err(),
        "not this transition's hook"
    );
    assert_eq!(
        all.complete("web", "b", &me(), Outcome::Continue, now),
        Ok(())
    );
    assert_eq!(all.state(now), Some(Lifecycle::InService));

    let (mut one, now) = group(hooks(), Opens::After(Duration::ZERO));
    assert_eq!(
        one.complete("web", "b", &me(), Outcome::Abandon, now),
        Ok(())
    );
    assert_eq!(one.state(now), Some(Lifecycle::TerminatingWait));
}

#[test]
fn time_outs_take_the_default_result_and_heartbeats_put_them_off() {
    for (default, state) in [
        (Outcome::Abandon, Lifecycle::Terminating),
        (Outcome::Continue, Lifecycle::InService),
    ] {
        let hook = Hook::launching("up")
            .timeout(SECOND)
            .default_result(default);
        let (mut group, now) = group(vec![hook], Opens::After(Duration::ZERO));
        assert_eq!(
            group.heartbeat("web", "up", &me(), now + SECOND / 2),
            Ok(())
        );
        assert_eq!(group.state(now + SECOND), Some(Lifecycle::PendingWait));
        assert_eq!(group.state(now + SECOND * 2), Some(state));
        let verdicts = group.verdicts(now + SECOND * 2);
        assert_eq!(
            verdicts.first().map(|v| (v.author, v.at)),
            Some((Author::TimeOut, SECOND * 3 / 2))
        );
        assert!(
            group
                .heartbeat("web", "up", &me(), now + SECOND * 2)
                .is_err()
        );
    }
}

#[test]
fn heartbeats_end_at_a_hundred_time_outs() {
    let (mut group, now) = group(
        vec![Hook::launching("up").timeout(SECOND)],
        Opens::After(Duration::ZERO),
    );
    let mut at = now;
    while group.heartbeat("web", "up", &me(), at).is_ok() {
        at += SECOND / 2;
    }
    assert_eq!(at - now, SECOND * 100);
}

#[test]
fn without_hooks_it_goes_straight_into_service() {
    let (mut group, now) = group(vec![], Opens::After(SECOND));
    assert_eq!(group.state(now), Some(Lifecycle::Pending));
    assert_eq!(group.state(now + SECOND), Some(Lifecycle::InService));
}

#[test]
fn strangers_are_refused() {
    let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(Duration::ZERO));
    let stranger = Subject::Instance("i-2".to_owned());
    assert!(
        group
            .complete("web", "up", &stranger, Outcome::Continue, now)
            .is_err()
    );
    assert!(
        group
            .complete("web", "down", &me(), Outcome::Continue, now)
            .is_err()
    );
    assert!(matches!(
        group.complete("api", "up", &me(), Outcome::Continue, now),
        Err(Refusal::NoGroup(_))
    ));
    assert_eq!(group.state(now), Some(Lifecycle::PendingWait));
}
