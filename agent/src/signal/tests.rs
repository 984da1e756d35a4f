#![allow(clippy::unwrap_used, reason = "tests")]

use super::{
    reconcile::{Next, Seen, reconcile},
    state::Phase,
    *,
};
use crate::imds::Identity;
use std::time::Duration;

fn me() -> Identity {
    Identity {
        instance_id: "i-0123456789abcdef0".to_owned(),
        image_id: "ami-0123456789abcdef0".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        availability_zone: "eu-west-1a".to_owned(),
        instance_type: "c7g.large".to_owned(),
        architecture: "arm64".to_owned(),
    }
}

#[test]
fn states_mean_phases() {
    for (state, phase) in [
        ("Pending", Phase::Early),
        ("Warmed:Pending", Phase::Early),
        ("Pending:Wait", Phase::Waiting),
        ("Warmed:Pending:Wait", Phase::Waiting),
        ("Pending:Proceed", Phase::Passed),
        ("Warmed:Pending:Proceed", Phase::Passed),
        ("InService", Phase::Passed),
        ("Warmed:Stopped", Phase::Passed),
        ("Standby", Phase::Passed),
        ("Terminating:Wait", Phase::Leaving),
        ("Warmed:Terminating:Proceed", Phase::Leaving),
        ("Terminated", Phase::Leaving),
        ("ReplacingRootVolume:Wait", Phase::Unknown),
        ("", Phase::Unknown),
    ] {
        assert_eq!(Phase::of(state), phase, "{state}");
    }
}

#[test]
fn what_a_refusal_means_depends_on_the_state() {
    let state = |state: &str| Seen::State(state.to_owned());
    let away = || Seen::Unavailable("denied".to_owned());
    let late = |state: &str| {
        Next::Done(Delivery::Late {
            state: state.to_owned(),
        })
    };
    let assumed = |why: &str| {
        Next::Done(Delivery::Assumed {
            why: why.to_owned(),
        })
    };
    // Patience is 120 s.
    let cases = [
        (state("Pending"), false, 0, Next::Again),
        (state("Pending"), true, 500, Next::Again),
        (state("Pending:Wait"), false, 500, Next::Again),
        (state("Pending:Wait"), true, 119, Next::Again),
        (
            state("Pending:Wait"),
            true,
            120,
            assumed("the state is still Pending:Wait"),
        ),
        (state("Pending:Proceed"), false, 0, late("Pending:Proceed")),
        (state("InService"), true, 0, late("InService")),
        (
            state("Terminating:Wait"),
            true,
            0,
            Next::Done(Delivery::Terminating {
                state: "Terminating:Wait".to_owned(),
            }),
        ),
        (Seen::Absent, false, 0, Next::Done(Delivery::Outside)),
        (away(), false, 119, Next::Again),
        (away(), false, 120, assumed("denied")),
        (state("Novel"), false, 5, Next::Again),
        (state("Novel"), false, 120, assumed("the state is Novel")),
    ];
    for (seen, sent, waited, next) in cases {
        let words = format!("{seen:?} {sent} {waited}");
        let patience = Duration::from_secs(120);
        assert_eq!(
            reconcile(seen, sent, Duration::from_secs(waited), patience),
            next,
            "{words}"
        );
    }
}

fn member(group: &str, hooks: &[&str]) -> Membership {
    let hooks = hooks.iter().map(|name| Hook {
        name: (*name).to_owned(),
        heartbeat_timeout: Some(30),
        global_timeout: None,
        default_result: Some(Answer::Abandon),
    });
    Membership::Member(Member {
        group: group.to_owned(),
        hooks: Hooks::Known(hooks.collect()),
    })
}

#[test]
fn the_spec_refines_what_was_discovered() {
    let blind = Membership::Member(Member {
        group: "web".to_owned(),
        hooks: Hooks::Unknown {
            why: "denied".to_owned(),
        },
    });
    let unknown = Membership::Unknown {
        why: "denied".to_owned(),
    };
    type Expected = Result<&'static [&'static str], &'static str>;
    let cases: &[(&Membership, Option<&str>, &[&str], Expected)] = &[
        (&Membership::Outside, None, &[], Ok(&[])),
        (&Membership::Outside, None, &["up"], Ok(&[])),
        (
            &Membership::Outside,
            Some("web"),
            &[],
            Err("in no Auto Scaling group"),
        ),
        (&member("web", &[]), None, &[], Ok(&[])),
        (&member("web", &["up"]), None, &[], Ok(&["web/up"])),
        (
            &member("web", &["up"]),
            Some("web"),
            &["up"],
            Ok(&["web/up"]),
        ),
        (
            &member("web", &["up"]),
            Some("db"),
            &[],
            Err("is in group `web`"),
        ),
        (
            &member("web", &["up", "x"]),
            None,
            &[],
            Err("`up`, `x`; name yours"),
        ),
        (&member("web", &["up", "x"]), None, &["x"], Ok(&["web/x"])),
        (
            &member("web", &["up", "x"]),
            None,
            &["x", "up"],
            Ok(&["web/x", "web/up"]),
        ),
        (
            &member("web", &["up"]),
            None,
            &["down"],
            Err("no launch hook `down`: it has `up`"),
        ),
        (&member("web", &[]), None, &["up"], Err("it has none")),
        (&blind, None, &[], Ok(&[])),
        (&blind, None, &["up"], Ok(&["web/up"])),
        (&blind, Some("db"), &["up"], Err("is in group `web`")),
        (&unknown, None, &[], Ok(&[])),
        (&unknown, None, &["up"], Err("could not be told: denied")),
        (&unknown, Some("web"), &["up"], Ok(&["web/up"])),
    ];
    for (membership, group, launching, expected) in cases {
        let wanted = Wanted {
            group: group.map(str::to_owned),
            launching: launching.iter().map(|name| (*name).to_owned()).collect(),
        };
        let words = format!("{membership:?} {wanted:?}");
        match (refine(membership, &wanted, &me()), expected) {
            (Ok(targets), Ok(expected)) => {
                let targets: Vec<String> = targets
                    .iter()
                    .map(|target| format!("{}/{}", target.group, target.hook))
                    .collect();
                assert_eq!(targets, *expected, "{words}");
            }
            (Err(error), Err(says)) => {
                assert!(error.to_string().contains(says), "{words}: {error}");
            }
            (got, _) => unreachable!("{words}: {got:?}"),
        }
    }
}

#[test]
fn a_broken_spec_tells_every_hook() {
    assert_eq!(targets(&member("web", &["a", "b"]), &me()).len(), 2);
    assert_eq!(targets(&Membership::Outside, &me()), []);
}

#[test]
fn what_the_record_holds_reads_back() {
    for progress in [
        Progress::Pending,
        Progress::Sent,
        Progress::Delivered(Delivery::Accepted),
        Progress::Delivered(Delivery::Late {
            state: "InService".to_owned(),
        }),
    ] {
        let json = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&json).unwrap(), progress);
    }
    let membership = member("web", &["up"]);
    let json = serde_json::to_string(&membership).unwrap();
    assert_eq!(
        serde_json::from_str::<Membership>(&json).unwrap(),
        membership
    );
}
