//! What the group remembers and foresees.
use super::*;

#[test]
fn verdicts_belong_to_their_passage() {
    let (mut group, now) = launched(Plan {
        hooks: both(),
        pool: Some(Pool::Stopped),
        ..Plan::default()
    });
    let tell = |group: &mut Group, hook, outcome| {
        let told = group.complete("web", hook, &me(), outcome, now);
        told.is_ok()
    };
    assert!(!tell(&mut group, "down", Outcome::Continue));
    assert!(tell(&mut group, "up", Outcome::Continue));
    assert!(!tell(&mut group, "up", Outcome::Continue));
    group.return_to_pool(now).unwrap();
    assert!(tell(&mut group, "down", Outcome::Continue));
    group.leave_pool(now).unwrap();
    assert!(tell(&mut group, "up", Outcome::Abandon));
    let passages = group.passages(now);
    let told: Vec<_> = passages
        .iter()
        .map(|passage| {
            let verdicts = passage.verdicts.iter();
            let said: Vec<_> = verdicts.map(|v| (v.hook.as_str(), v.outcome)).collect();
            (passage.edge, said)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Edge::Launch, vec![("up", Outcome::Continue)]),
            (Edge::WarmReturn, vec![("down", Outcome::Continue)]),
            (Edge::WarmLeave, vec![("up", Outcome::Abandon)]),
            (Edge::Terminate, vec![]),
        ]
    );
    assert_eq!(group.passage(now), Some((3, Edge::Terminate)));
    assert_eq!(group.verdicts(now).len(), 5, "refused ones are told too");
}

#[test]
fn a_hook_that_times_out_first_decides() {
    let (mut group, now) = launched(Plan {
        hooks: vec![
            Hook::launching("late").timeout(SECOND * 9),
            Hook::launching("early").timeout(SECOND),
        ],
        ..Plan::default()
    });
    let verdicts = group.verdicts(now + SECOND * 60);
    let told: Vec<_> = verdicts.iter().map(|v| (v.hook.as_str(), v.at)).collect();
    assert_eq!(told, [("early", SECOND)], "its ABANDON ended the launch");
}

#[test]
fn it_tells_when_something_is_due() {
    let (mut group, now) = launched(Plan {
        hooks: both(),
        opens: Opens::After(SECOND),
        deregister: SECOND * 7,
        shutdown: SECOND * 2,
        ..Plan::default()
    });
    assert_eq!(group.due(), Some(now + SECOND));
    assert_eq!(group.state(now + SECOND), Some(Lifecycle::PendingWait));
    assert_eq!(group.due(), Some(now + SECOND * 3601));
    let done = group.complete("web", "up", &me(), Outcome::Continue, now + SECOND);
    assert_eq!((done, group.due()), (Ok(()), None));
    group.terminate(now + SECOND * 2).unwrap();
    assert_eq!(group.due(), Some(now + SECOND * 9));
}

#[test]
fn an_open_hook_can_be_deaf_for_a_while() {
    let (mut group, now) = launched(Plan {
        hooks: both(),
        deaf: SECOND,
        ..Plan::default()
    });
    assert_eq!(group.state(now), Some(Lifecycle::PendingWait));
    assert!(group.heartbeat("web", "up", &me(), now).is_err());
    for (at, taken) in [(now, false), (now + SECOND, true)] {
        let told = group.complete("web", "up", &me(), Outcome::Continue, at);
        assert_eq!(told.is_ok(), taken);
    }
}

#[test]
fn an_unhealthy_instance_is_replaced_once_its_grace_is_over() {
    let soon = Some(SECOND);
    for (what, replaces, respects, at, ends) in [
        ("in grace", soon, None, 5, false),
        ("in grace, said", soon, Some(true), 5, false),
        ("in grace, overridden", soon, Some(false), 5, true),
        ("after it", soon, None, 10, true),
        ("nobody acts on it", None, Some(false), 10, false),
    ] {
        let (mut group, now) = launched(Plan {
            grace: SECOND * 10,
            replaces,
            ..Plan::default()
        });
        let at = now + SECOND * at;
        group.set_health("Unhealthy", respects, at);
        assert_eq!(group.state(at), Some(Lifecycle::InService), "{what}");
        let ended = group.state(at + SECOND).is_some_and(Lifecycle::is_ending);
        assert_eq!(ended, ends, "{what}");
        let told: Vec<_> = group.health().iter().map(|h| h.respects_grace).collect();
        assert_eq!(told, [respects], "{what}");
    }
    let (mut group, now) = launched(Plan {
        replaces: soon,
        ..Plan::default()
    });
    group.set_health("Unhealthy", None, now);
    group.set_health("Healthy", None, now);
    assert_eq!(group.state(now + SECOND), Some(Lifecycle::InService));
}
