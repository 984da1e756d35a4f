//! `firstlight status`: what happened on this instance, in words or as it lies on disk.

use super::out;
use crate::{
    context::Paths,
    report::{
        status::{self, Kind, Status, StatusError},
        words,
    },
    verdict::Exit,
};
use std::{fmt::Write, io, time::Duration};

/// What to tell.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Print the status file as it is; `null` when nothing has run yet
    #[arg(long)]
    pub json: bool,
}

/// Tells what happened.
pub fn run(args: &Args, paths: &Paths) -> Exit {
    let text = match status::read(&paths.var) {
        Ok(None) if args.json => "null".to_owned(),
        Ok(None) => "firstlight has not run on this instance yet".to_owned(),
        Ok(Some((text, _))) if args.json => text,
        Ok(Some((_, status))) => words::tame(&told(&status)).into_owned(),
        Err(error) => {
            out::about(&format!("firstlight status: {error}"));
            return exit(&error);
        }
    };
    out::result(&text, Exit::Done)
}

fn exit(error: &StatusError) -> Exit {
    match error {
        StatusError::Unreadable { error, .. }
            if error.kind() == io::ErrorKind::PermissionDenied =>
        {
            Exit::Denied
        }
        StatusError::Unreadable { .. }
        | StatusError::Damaged { .. }
        | StatusError::Foreign { .. } => Exit::Unavailable,
    }
}

/// The whole story, ending in what became of it.
fn told(status: &Status) -> String {
    let mut told = String::new();
    for part in [
        head(status),
        stages(status),
        containers(status),
        trouble(status),
        verdict(status),
    ] {
        if !told.is_empty() && !part.is_empty() {
            told.push('\n');
        }
        told.push_str(&part);
    }
    told
}

fn head(status: &Status) -> String {
    let unknown = "unknown";
    let mut rows = vec![
        (
            "instance",
            status.instance_id.clone().unwrap_or_else(|| unknown.into()),
        ),
        (
            "image",
            status.image_id.clone().unwrap_or_else(|| unknown.into()),
        ),
    ];
    if let Some(epoch) = status.epoch {
        rows.push(("launch", epoch.to_string()));
    }
    if let Some(group) = &status.group {
        rows.push(("group", group.clone()));
    }
    rows.push(("started", status.started_at.clone()));
    if status.resumed > 0 {
        rows.push(("resumed", format!("{} times", status.resumed)));
    }
    rows.push(("agent", status.agent_version.clone()));
    table(
        &rows
            .into_iter()
            .map(|(what, is)| vec![what.into(), is])
            .collect::<Vec<_>>(),
    )
}

fn stages(status: &Status) -> String {
    let row = |stage: &status::StageStatus| {
        vec![
            stage.stage.to_string(),
            clock(&stage.started_at).into(),
            stage.milliseconds.map_or_else(|| "-".into(), duration),
            stage.outcome.as_str().into(),
        ]
    };
    let mut rows = vec![
        ["stage", "began", "took", "outcome"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(status.stages.iter().map(row));
    if rows.len() == 1 {
        return "no stage has begun\n".into();
    }
    table(&rows)
}

fn containers(status: &Status) -> String {
    let state = |name: &str| {
        let known = status
            .containers
            .iter()
            .find(|container| container.name == name);
        known.map_or("-", |container| container.state.as_str())
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for image in &status.images {
        rows.push(vec![
            image.container.clone(),
            state(&image.container).into(),
            image.reference.clone(),
        ]);
        rows.push(vec![String::new(), String::new(), image.pinned.clone()]);
    }
    if !rows.is_empty() {
        rows.insert(
            0,
            ["container", "state", "image"].map(String::from).to_vec(),
        );
    }
    table(&rows)
}

/// What slowed it, and what went wrong, whole.
fn trouble(status: &Status) -> String {
    let mut told = String::new();
    for (call, times) in &status.throttles {
        writeln!(told, "{call} was throttled {times} times").ok();
    }
    if let Some(error) = &status.error {
        writeln!(told, "{} at {}:", error.reason, error.stage).ok();
        for line in error.message.trim_end().lines() {
            writeln!(told, "  {line}").ok();
        }
    }
    told
}

fn verdict(status: &Status) -> String {
    let after = duration(status.verdict.milliseconds);
    let mut told = match (status.verdict.kind, status.exit_code) {
        (Kind::Continue, _) => format!("verdict: CONTINUE after {after}\n"),
        (Kind::Abandon, _) => format!("verdict: ABANDON after {after}\n"),
        (Kind::None, Some(0)) => "verdict: none; there was nothing to launch\n".into(),
        (Kind::None, Some(code)) if code == Exit::Interrupted.code() => {
            "verdict: none yet; interrupted, and the next start goes on from here\n".into()
        }
        (Kind::None, Some(_) | None) => "verdict: none yet\n".into(),
    };
    for delivery in &status.delivery {
        writeln!(told, "  {}: {}", delivery.target, delivery.outcome.as_str()).ok();
    }
    if status.delivery.is_empty() && status.verdict.kind != Kind::None {
        told.push_str(match status.exit_code {
            None => "  being delivered\n",
            Some(0) => "  there was nobody to tell\n",
            Some(_) => "  not delivered\n",
        });
    }
    match status.exit_code {
        None => told.push_str("the agent is at it, or was killed: `systemctl status firstlight`\n"),
        Some(code) => drop(writeln!(told, "exit code: {code}")),
    }
    told
}

/// Rows in columns as wide as their widest cell; the last column is left ragged.
fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (nth, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(nth) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}  "));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

fn duration(milliseconds: u64) -> String {
    words::duration(Duration::from_millis(milliseconds))
}

/// The time of day of an RFC 3339 time, to the second; the whole, if it is none.
fn clock(time: &str) -> &str {
    time.get("2026-11-21T".len().."2026-11-21T01:02:03".len())
        .unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{
            ContainerEvent,
            status::{Container, Delivery, Image, Outcome, StageOutcome, StageStatus, Verdict},
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
instance  i-1
image     ami-1
launch    1
group     web
started   2026-11-21T01:02:03.004Z
resumed   2 times
agent     0.1.0

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

verdict: ABANDON after 1 min 15 s
  web/web-launch: delivered
exit code: 80
";
        assert_eq!(super::told(&failed()), told);
    }

    #[test]
    fn a_launch_under_way_says_so() {
        let running = Status {
            exit_code: None,
            delivery: Vec::new(),
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
}
