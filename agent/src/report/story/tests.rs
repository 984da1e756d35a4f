#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    lifecycle::{self, Notice},
    report::{
        ContainerEvent,
        status::{
            Container, Dead, Delivery, Evidence, Image, LastLines, Noticed, Outcome, Past,
            StageOutcome, StageStatus, Verdict,
        },
    },
    verdict::{LaunchError, Reason, Stage},
};

fn failed() -> Status {
    let stage = |stage, milliseconds, outcome| StageStatus {
        stage,
        started_at: "2026-11-21T01:02:03.004Z".into(),
        milliseconds,
        outcome,
    };
    Status {
        agent_version: "0.1.0".into(),
        instance_id: Some("i-1".into()),
        image_id: Some("ami-1".into()),
        epoch: Some(1),
        transition: Some(lifecycle::Kind::Launch),
        started_at: "2026-11-21T01:02:03.004Z".into(),
        resumed: 2,
        group: Some("web".into()),
        stages: vec![
            stage(Stage::Identify, Some(12), StageOutcome::Done),
            stage(Stage::Pull, None, StageOutcome::CutOff),
            stage(Stage::Health, Some(61_000), StageOutcome::Failed),
        ],
        images: vec![Image {
            container: "web".into(),
            reference: "ghcr.io/acme/web:42".into(),
            pinned: "ghcr.io/acme/web@sha256:01".into(),
        }],
        containers: vec![Container {
            name: "web".into(),
            id: "c0ffee".into(),
            state: ContainerEvent::Started,
        }],
        throttles: [("ssm:GetParameters".to_owned(), 4)].into(),
        error: Some(LaunchError {
            stage: Stage::Health,
            reason: Reason::ServiceExited,
            message: "web exited with 1\nits last line\u{1b}[2J".into(),
        }),
        last_lines: vec![
            LastLines {
                container: "web".into(),
                lines: vec!["its last line\u{1b}[2J".into()],
            },
            LastLines {
                container: "db".into(),
                lines: vec!["ready".into()],
            },
        ],
        evidence: Some(Evidence::Stored {
            at: "s3://acme/web/i-1/1-0.tar.gz".into(),
        }),
        verdict: Verdict {
            kind: Kind::Abandon,
            reason: Some(Reason::ServiceExited),
            milliseconds: 75_000,
        },
        delivery: vec![Delivery {
            target: "web/web-launch".into(),
            outcome: Outcome::Delivered,
        }],
        exit_code: Some(80),
        ..Status::default()
    }
}

#[test]
fn a_failed_launch_is_told_whole() {
    let told = "\
instance    i-1
image       ami-1
transition  1 launch
group       web
started     2026-11-21T01:02:03.004Z
resumed     2 times
agent       0.1.0

stage     began     took       outcome
identify  01:02:03  12 ms      done
pull      01:02:03  -          cut off
health    01:02:03  1 min 1 s  failed

container  state    image
web        started  ghcr.io/acme/web:42
                    ghcr.io/acme/web@sha256:01

ssm:GetParameters was throttled 4 times
service_exited at health:
  web exited with 1
  its last line\u{1b}[2J
do first: read its exit code and last lines, in the error

last lines of db:
  ready

verdict: ABANDON after 1 min 15 s
  web/web-launch: delivered
evidence: s3://acme/web/i-1/1-0.tar.gz
exit code: 80
";
    assert_eq!(super::told(&failed()), told);
}

#[test]
fn a_launch_under_way_says_so() {
    let running = Status {
        exit_code: None,
        delivery: Vec::new(),
        evidence: None,
        ..failed()
    };
    let told = super::told(&running);
    assert!(
        told.contains("  being delivered\nthe agent is at it"),
        "{told}"
    );
    let nothing = Status {
        exit_code: Some(0),
        ..Status::default()
    };
    assert!(super::told(&nothing).ends_with("there was nothing to launch\nexit code: 0\n"));
    let interrupted = Status {
        exit_code: Some(75),
        ..Status::default()
    };
    let told = super::told(&interrupted);
    assert!(told.contains("none yet; interrupted"), "{told}");
}

#[test]
fn what_came_after_the_verdict_and_before_it_is_told() {
    let status = Status {
        epoch: Some(3),
        transition: Some(lifecycle::Kind::Terminate),
        verdict: Verdict {
            kind: Kind::Continue,
            reason: None,
            milliseconds: 1_200,
        },
        resting: true,
        dead: [(
            "web".to_owned(),
            Dead {
                restarts: 5,
                last_exit: "exited with code 1; its last lines:\n  no".into(),
                last_at: "2026-11-21T02:00:00Z".into(),
                keeps_dying: true,
            },
        )]
        .into(),
        notices: vec![Noticed {
            notice: Notice::Spot,
            heard_at: "2026-11-21T03:00:00Z".into(),
            at: Some("2026-11-21T03:02:00Z".into()),
        }],
        drained_at: Some("2026-11-21T03:01:00Z".into()),
        history: vec![
            Past {
                epoch: 1,
                transition: lifecycle::Kind::WarmEnter,
                verdict: Kind::Continue,
                reason: None,
                started_at: "2026-11-20T01:00:00Z".into(),
                milliseconds: 9_000,
            },
            Past {
                epoch: 2,
                transition: lifecycle::Kind::Launch,
                verdict: Kind::Abandon,
                reason: Some(Reason::ImageUnknown),
                started_at: "2026-11-21T01:00:00Z".into(),
                milliseconds: 61_000,
            },
        ],
        ..Status::default()
    };
    let told = super::told(&status);
    for said in [
        "transition  3 termination\n",
        "web keeps dying: exited with code 1; its last lines: at 2026-11-21T02:00:00Z; started again 5 times\n",
        "2026-11-21T03:00:00Z: spot notice: EC2 takes the instance back, 2026-11-21T03:02:00Z\n2026-11-21T03:01:00Z: the services are drained\n",
        "2       launch                  2026-11-21T01:00:00Z  ABANDON after 1 min 1 s (image_unknown)\n\
         1       entering the warm pool  2026-11-20T01:00:00Z  CONTINUE after 9.0 s\n",
        "verdict: CONTINUE after 1.2 s\n  nobody was told\n",
        "the agent is drained; waits until the group ends the instance\n",
    ] {
        assert!(told.contains(said), "{said:?} is not in\n{told}");
    }
}
