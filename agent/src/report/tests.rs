#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::{
    image::Image,
    imds::Identity,
    lifecycle::{
        Kind::{Launch, Terminate},
        Notice,
    },
    retry::Class,
    verdict::{Exit, LaunchError, Reason, Stage},
};
use serde_json::json;
use status::{Kind, Outcome};
use std::{collections::BTreeMap, fs, time::Duration};
use tempfile::TempDir;

fn me(instance: &str) -> Identity {
    Identity {
        instance_id: instance.into(),
        image_id: "ami-1".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        availability_zone: "eu-west-1a".into(),
        instance_type: "c7g.large".into(),
        architecture: "arm64".into(),
    }
}

fn error(reason: Reason, message: &str) -> LaunchError {
    LaunchError {
        stage: Stage::Pull,
        reason,
        message: message.into(),
    }
}

/// A root with the folders an agent has, and a file where the console would be.
fn root() -> (TempDir, Paths) {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::below(root.path());
    fs::create_dir_all(&paths.var).unwrap();
    fs::create_dir(root.path().join("dev")).unwrap();
    fs::write(root.path().join("dev/console"), "").unwrap();
    (root, paths)
}

fn console(root: &TempDir) -> String {
    fs::read_to_string(root.path().join("dev/console")).unwrap()
}

/// The file, with what differs from run to run made the same.
fn status_json(paths: &Paths) -> serde_json::Value {
    let mut json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(status::path(&paths.var)).unwrap()).unwrap();
    json["started_at"] = "then".into();
    json["agent_version"] = "this".into();
    json["verdict"]["milliseconds"] = 0.into();
    for stage in json["stages"].as_array_mut().unwrap() {
        stage["started_at"] = "then".into();
    }
    json
}

fn healthy_launch(report: &Report) {
    report.stage_started(Stage::Identify);
    report.identified(&me("i-1"));
    report.stage_ended(Stage::Identify, Duration::from_millis(12), None);
    report.began(Launch, 1, "boot-1");
    report.group("web", "launch", &["web-launch"]);
    report.stage_started(Stage::Pull);
    report.retrying(
        "ecr:GetAuthorizationToken",
        Class::Throttled,
        1,
        &"Rate exceeded",
        Duration::from_secs(12),
    );
    let image = Image {
        reference: "ghcr.io/acme/web:42".into(),
        pinned: "ghcr.io/acme/web@sha256:0123456789abcdef".into(),
        has_healthcheck: false,
    };
    report.images(&BTreeMap::from([("web".to_owned(), image)]));
    report.stage_ended(Stage::Pull, Duration::from_millis(1234), None);
    report.container("web", "c0ffee", ContainerEvent::Started);
    report.container("web", "c0ffee", ContainerEvent::Healthy);
    report.heartbeat("web-launch");
    report.verdict(Kind::Continue, None);
    report.delivered("web/web-launch", Outcome::Undelivered);
    report.delivered("web/web-launch", Outcome::Delivered);
    report.ended(Exit::Done);
}

#[test]
fn the_status_file_tells_the_whole_launch() {
    let (root, paths) = root();
    healthy_launch(&init(root.path(), &paths));
    assert_eq!(
        status_json(&paths),
        json!({
            "schema": 1, "agent_version": "this", "instance_id": "i-1", "image_id": "ami-1", "boot_id": "boot-1",
            "epoch": 1, "transition": "launch", "started_at": "then", "resumed": 0, "group": "web",
            "stages": [
                {"stage": "identify", "started_at": "then", "milliseconds": 12, "outcome": "done"},
                {"stage": "pull", "started_at": "then", "milliseconds": 1234, "outcome": "done"},
            ],
            "spec_digest": null, "versions": {},
            "images": [{
                "container": "web", "reference": "ghcr.io/acme/web:42",
                "pinned": "ghcr.io/acme/web@sha256:0123456789abcdef",
            }],
            "containers": [{"name": "web", "id": "c0ffee", "state": "healthy"}],
            "heartbeats": 1, "throttles": {"ecr:GetAuthorizationToken": 1}, "error": null,
            "last_lines": [], "evidence": null,
            "verdict": {"kind": "continue", "reason": null, "milliseconds": 0},
            "delivery": [{"target": "web/web-launch", "outcome": "delivered"}], "exit_code": 0,
            "resting": false, "notices": [], "drained_at": null, "dead": {}, "history": [],
        })
    );
}

#[test]
fn the_console_gets_one_line_a_launch_and_none_for_a_second_run() {
    let (root, paths) = root();
    healthy_launch(&init(root.path(), &paths));
    let said = console(&root);
    let (line, rest) = said.split_once("\r\n").unwrap();
    let line = line
        .strip_suffix(" ms")
        .unwrap()
        .trim_end_matches(|c: char| c.is_ascii_digit());
    assert_eq!(
        line,
        "firstlight: CONTINUE i-1 web@sha256:0123456789ab healthy in "
    );
    assert_eq!(rest, "");

    let again = init(root.path(), &paths);
    again.identified(&me("i-1"));
    again.began(Launch, 1, "boot-1");
    again.ended(Exit::Done);
    assert_eq!(console(&root), said);
    assert_eq!(status_json(&paths)["verdict"]["kind"], "continue");
}

#[test]
fn the_console_line_is_one_and_bounded_whatever_the_error() {
    let cases = [
        (
            Kind::Abandon,
            Exit::Spec,
            "no such tag\nmore",
            "ABANDON i-1 at pull (image_unknown): no such tag\r\n",
        ),
        (
            Kind::Abandon,
            Exit::Undelivered,
            "x",
            "ABANDON i-1 at pull (image_unknown): x\r\nfirstlight: ABANDON (not delivered) i-1 at pull (image_unknown): x\r\n",
        ),
        (
            Kind::Abandon,
            Exit::Spec,
            "two cannot be had:\n  first: no\n  second: no",
            "ABANDON i-1 at pull (image_unknown): two cannot be had: first: no\r\n",
        ),
        (
            Kind::None,
            Exit::Interrupted,
            "a\u{1b}[2J",
            "undecided i-1 at pull (image_unknown): a [2J\r\n",
        ),
    ];
    for (kind, exit, message, line) in cases {
        let (root, paths) = root();
        let report = init(root.path(), &paths);
        report.identified(&me("i-1"));
        report.verdict(kind, Some(&error(Reason::ImageUnknown, message)));
        report.ended(exit);
        assert_eq!(console(&root), format!("firstlight: {line}"));
    }

    let mut long = Status {
        error: Some(error(Reason::SpecInvalid, &"ä".repeat(5000))),
        ..Status::default()
    };
    let line = console::line(&long, Exit::Spec);
    assert!(
        line.len() <= console::LONGEST && line.ends_with("…\r\n"),
        "{line}"
    );
    long.error = None;
    assert_eq!(
        console::line(&long, Exit::Done),
        "firstlight: nothing to do on unidentified instance: no source holds a spec\r\n"
    );
}

#[test]
fn without_a_console_nothing_is_made() {
    let (root, paths) = root();
    fs::remove_file(root.path().join("dev/console")).unwrap();
    healthy_launch(&init(root.path(), &paths));
    assert!(!root.path().join("dev/console").exists());
}

#[test]
fn a_stage_that_nobody_saw_end_was_cut_off() {
    let (root, paths) = root();
    let killed = init(root.path(), &paths);
    killed.identified(&me("i-1"));
    killed.began(Launch, 1, "boot-1");
    killed.stage_started(Stage::Pull);

    let resumed = init(root.path(), &paths);
    resumed.stage_started(Stage::Identify);
    resumed.identified(&me("i-1"));
    resumed.began(Launch, 1, "boot-2");
    let json = status_json(&paths);
    let outcomes: Vec<_> = json["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["outcome"].clone())
        .collect();
    assert_eq!(
        (outcomes, json["resumed"].clone()),
        (vec![json!("cut_off"), json!("running")], json!(1))
    );

    resumed.stage_ended(
        Stage::Identify,
        Duration::ZERO,
        Some(&error(Reason::Deadline, "late")),
    );
    assert_eq!(status_json(&paths)["stages"][1]["outcome"], "cut_off");
}

#[test]
fn the_status_of_another_instance_or_launch_is_forgotten() {
    for (instance, epoch) in [("i-2", 1), ("i-1", 2)] {
        let (root, paths) = root();
        healthy_launch(&init(root.path(), &paths));
        let other = init(root.path(), &paths);
        other.stage_started(Stage::Identify);
        other.identified(&me(instance));
        other.began(Launch, epoch, "boot-1");
        let json = status_json(&paths);
        assert_eq!(
            (
                &json["instance_id"],
                &json["epoch"],
                &json["resumed"],
                &json["verdict"]["kind"]
            ),
            (&json!(instance), &json!(epoch), &json!(0), &json!("none"))
        );
        let stages = json["stages"].as_array().unwrap();
        assert_eq!((stages.len(), &stages[0]["stage"]), (1, &json!("identify")));
    }
}

#[test]
fn a_status_that_cannot_be_written_stops_nothing() {
    let (root, paths) = root();
    fs::remove_dir(&paths.var).unwrap();
    let report = init(root.path(), &paths);
    healthy_launch(&report);
    assert!(report.shown().warned);
    assert!(console(&root).starts_with("firstlight: CONTINUE i-1"));
}

#[test]
fn a_status_of_another_shape_is_an_error_and_none_is_none() {
    let (root, paths) = root();
    assert!(status::read(&paths.var).unwrap().is_none());
    healthy_launch(&init(root.path(), &paths));
    let (text, _) = status::read(&paths.var).unwrap().unwrap();
    let said = |bytes: &[u8]| {
        fs::write(status::path(&paths.var), bytes).unwrap();
        status::read(&paths.var).unwrap_err().to_string()
    };
    for foreign in [
        text.replace("\"schema\": 1", "\"schema\": 2"),
        "{\"schema\": 2, \"other\": []}".to_owned(),
    ] {
        let said = said(foreign.as_bytes());
        assert!(
            said.contains("read it with the agent that wrote it"),
            "{said}"
        );
    }
    for damaged in [&b""[..], b"{}", b"\xff", &text.as_bytes()[..text.len() / 2]] {
        let said = said(damaged);
        assert!(said.contains("is damaged"), "{said}");
    }
}

#[test]
fn stages_are_kept_to_a_bound() {
    let mut status = Status::default();
    for _ in 0..100 {
        status.stage_started(Stage::Identify);
    }
    assert_eq!(status.stages.len(), 64);
}

/// The file of an agent that knew less.
#[test]
fn a_status_without_what_was_added_later_is_read() {
    let (root, paths) = root();
    healthy_launch(&init(root.path(), &paths));
    let (text, now) = status::read(&paths.var).unwrap().unwrap();
    let mut before: serde_json::Value = serde_json::from_str(&text).unwrap();
    for added in [
        "transition",
        "spec_digest",
        "versions",
        "last_lines",
        "evidence",
        "resting",
        "notices",
        "dead",
        "history",
    ] {
        before.as_object_mut().unwrap().remove(added).unwrap();
    }
    fs::write(status::path(&paths.var), before.to_string()).unwrap();
    let (_, read) = status::read(&paths.var).unwrap().unwrap();
    assert_eq!(
        Status {
            transition: Some(Launch),
            ..read
        },
        now
    );
}

#[test]
fn an_agent_that_stays_remembers_its_transitions() {
    let (root, paths) = root();
    let report = init(root.path(), &paths);
    report.stage_started(Stage::Identify);
    report.identified(&me("i-1"));
    report.stage_ended(Stage::Identify, Duration::ZERO, None);
    report.began(Launch, 1, "boot-1");
    report.group("web", "launch", &["web-launch"]);
    report.container("web", "c0ffee", ContainerEvent::Healthy);
    report.verdict(Kind::Continue, None);
    report.delivered("web/web-launch", Outcome::Delivered);
    report.resting(Exit::Done);
    report.restarted("web", "exited with code 1", 1);
    report.keeps_dying("web", 5, Duration::from_secs(600));
    for _ in 0..3 {
        report.notice(Notice::Spot, Some(1_000));
    }
    let json = status_json(&paths);
    assert_eq!(
        (
            &json["exit_code"],
            &json["resting"],
            &json["dead"]["web"]["keeps_dying"]
        ),
        (&json!(null), &json!(true), &json!(true))
    );
    let notices = json["notices"].as_array().unwrap();
    assert_eq!(
        (notices.len(), &notices[0]["at"]),
        (1, &json!("1970-01-01T00:00:01Z"))
    );

    report.began(Terminate, 2, "boot-1");
    report.drained(Duration::from_secs(1));
    let json = status_json(&paths);
    assert_eq!(
        (&json["stages"], &json["resting"]),
        (&json!([]), &json!(false))
    );
    assert_eq!(
        (&json["group"], &json["delivery"]),
        (&json!("web"), &json!([]))
    );
    assert_eq!(json["containers"][0]["name"], "web");
    report.verdict(Kind::Continue, None);
    report.resting(Exit::Done);
    let said = console(&root);
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].contains("healthy in") && lines[1].contains("drained in"),
        "{said}"
    );
    assert_eq!(lines.len(), 2, "{said}");

    // The next process goes on with it, and remembers both after yet another.
    let later = init(root.path(), &paths);
    later.identified(&me("i-1"));
    later.began(Terminate, 2, "boot-1");
    assert_eq!(status_json(&paths)["history"].as_array().unwrap().len(), 1);
    later.began(Launch, 3, "boot-1");
    let json = status_json(&paths);
    let history = json["history"].as_array().unwrap().iter();
    let history: Vec<_> = history
        .map(|past| (&past["epoch"], &past["transition"], &past["verdict"]))
        .collect();
    let (launch, terminate) = (json!("launch"), json!("terminate"));
    assert_eq!(
        history,
        [
            (&json!(1), &launch, &json!("continue")),
            (&json!(2), &terminate, &json!("continue"))
        ]
    );
}

#[test]
fn the_console_gets_a_page_and_the_line_stays_last() {
    let (root, paths) = root();
    let report = init(root.path(), &paths);
    report.identified(&me("i-1"));
    report.began(Launch, 1, "boot-1");
    let error = error(Reason::ImageUnknown, "no such tag");
    report.verdict(Kind::Abandon, Some(&error));
    let line = "firstlight: ABANDON i-1 at pull (image_unknown): no such tag\r\n";
    assert_eq!(console(&root), line);
    report.evidence(status::Evidence::NotAsked);
    let said = console(&root);
    let page = said.strip_prefix(line).unwrap().strip_suffix(line).unwrap();
    for told in [
        "instance i-1",
        "image_unknown at pull:",
        "  no such tag",
        "do first: check that",
    ] {
        assert!(page.contains(told), "{told:?} is not in\n{page}");
    }
    report.ended(Exit::Spec);
    assert_eq!(console(&root), said);
    let text = report.said();
    assert!(
        text.contains("error verdict: ABANDON") && text.contains("info evidence: "),
        "{text}"
    );
}
