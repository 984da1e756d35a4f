//! The console's page before an ABANDON: what a person woken at night needs, when the instance is gone
//! and its console's output is what is left. The same words as `firstlight status`, fewer of them.
//!
//! Plain ASCII in lines of at most [`WIDTH`] columns, at most [`LINES`] of them: a serial line takes 11 KB
//! a second, and its buffer 4 KB at once.

use super::{
    status::{LastLines, StageOutcome, Status},
    story,
};
use crate::verdict::LaunchError;

/// Columns.
pub(super) const WIDTH: usize = 96;
/// Lines, without the one that a launch ends in.
pub(super) const LINES: usize = 24;

/// Of an error: its first lines, and its last, which are a container's very last.
const ERROR: (usize, usize) = (3, 4);
/// Of each container that the error does not quote; and of how many.
const CONTAINER: (usize, usize) = (3, 2);

/// The page, each line with a serial console's line end.
pub(super) fn page(status: &Status) -> String {
    let rule = "-".repeat(WIDTH);
    let mut lines = vec![rule.clone()];
    let mut say = |most: usize, indent: &str, text: &str| {
        lines.extend(wrapped(&ascii(text), indent).into_iter().take(most));
    };
    say(2, "", &head(status));
    say(1, "", &format!("verdict: {}", story::verdict(status)));
    if let Some(error) = &status.error {
        say(1, "", &failed(status, error));
        for line in some(&error.message) {
            say(2, "  ", line);
        }
    }
    for LastLines { container, lines } in story::untold_lines(status).take(CONTAINER.1) {
        say(1, "", &format!("last lines of {container}:"));
        let skip = lines.len().saturating_sub(CONTAINER.0);
        for line in lines.iter().skip(skip) {
            say(1, "  ", line);
        }
    }
    let stages: Vec<String> = status.stages.iter().map(story::stage).collect();
    say(2, "", &format!("stages: {}", stages.join(", ")));
    let evidence = status.evidence.as_ref().map(story::evidence);
    say(
        3,
        "",
        &format!("evidence: {}", evidence.unwrap_or_default()),
    );
    if let Some(error) = &status.error {
        say(2, "", &story::advice(error));
    }
    // What is told last, where the evidence is and what to do, is worth more than what is in the middle.
    while lines.len() >= LINES {
        lines.remove(LINES / 2);
    }
    lines.push(rule);
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

fn head(status: &Status) -> String {
    let unknown = || "unknown".to_owned();
    let instance = status.instance_id.clone().unwrap_or_else(unknown);
    let image = status.image_id.clone().unwrap_or_else(unknown);
    let group = status.group.as_ref();
    let group = group.map_or_else(|| "no group".to_owned(), |group| format!("group {group}"));
    let what = status.transition.map(story::transition).unwrap_or_default();
    format!("firstlight {what}: instance {instance}, image {image}, {group}")
}

/// `service_exited at health, which began 2026-11-21T01:02:03.004Z`
fn failed(status: &Status, error: &LaunchError) -> String {
    let at_fault = |stage: &&super::status::StageStatus| {
        stage.stage == error.stage && stage.outcome != StageOutcome::Done
    };
    let stage = status.stages.iter().rfind(at_fault);
    let since = stage.map(|stage| format!(", which began {}", stage.started_at));
    format!("{}{}:", story::whence(error), since.unwrap_or_default())
}

/// Its first lines and its last ones.
fn some(message: &str) -> Vec<&str> {
    let lines: Vec<&str> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let (first, last) = ERROR;
    if lines.len() <= first + last {
        return lines;
    }
    let head = lines.iter().take(first);
    let tail = lines.iter().skip(lines.len() - last);
    head.chain(&["..."]).chain(tail).copied().collect()
}

/// What a serial console shows as it is meant.
fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' => c,
        '\t' => ' ',
        _ => '?',
    };
    text.replace('…', "...").chars().map(plain).collect()
}

/// Lines of at most [`WIDTH`] columns, cut between words where that is possible; all but the first
/// further in.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    let further = format!("{indent}  ");
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let room = WIDTH.saturating_sub(line.len() + 1);
        if word.len() > room && line.trim() != "" {
            lines.push(std::mem::replace(&mut line, further.clone()));
        }
        if line.trim() != "" {
            line.push(' ');
        }
        let mut word = word;
        // A word that is longer than a line, as an address can be.
        while word.len() > WIDTH.saturating_sub(line.len()) {
            let (now, later) = word.split_at(WIDTH.saturating_sub(line.len()).max(1));
            lines.push(format!("{line}{now}"));
            line.clone_from(&further);
            word = later;
        }
        line.push_str(word);
    }
    if line.trim() != "" {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lifecycle,
        report::status::{Evidence, Kind, StageStatus, Verdict},
        verdict::{Reason, Stage},
    };

    fn failed(message: &str) -> Status {
        let stage = |stage, milliseconds, outcome| StageStatus {
            stage,
            started_at: "2026-11-21T01:02:03.004Z".into(),
            milliseconds: Some(milliseconds),
            outcome,
        };
        Status {
            instance_id: Some("i-0123456789abcdef0".into()),
            image_id: Some("ami-0123456789abcdef0".into()),
            transition: Some(lifecycle::Kind::Launch),
            group: Some("web".into()),
            stages: vec![
                stage(Stage::Pull, 12_300, StageOutcome::Done),
                stage(Stage::Health, 61_000, StageOutcome::Failed),
            ],
            error: Some(LaunchError {
                stage: Stage::Health,
                reason: Reason::ServiceExited,
                message: message.into(),
            }),
            last_lines: vec![LastLines {
                container: "db".into(),
                lines: ["one", "two", "three", "föur\u{1b}"]
                    .map(String::from)
                    .to_vec(),
            }],
            verdict: Verdict {
                kind: Kind::Abandon,
                reason: Some(Reason::ServiceExited),
                milliseconds: 75_000,
            },
            evidence: Some(Evidence::Stored {
                at: "s3://acme-evidence/firstlight/web/i-0123456789abcdef0/1-0b0a5c1e.tar.gz"
                    .into(),
            }),
            ..Status::default()
        }
    }

    #[test]
    fn it_tells_what_is_asked_at_night() {
        let rule = "-".repeat(WIDTH);
        let want = format!(
            "\
{rule}
firstlight launch: instance i-0123456789abcdef0, image ami-0123456789abcdef0, group web
verdict: ABANDON after 1 min 15 s
service_exited at health, which began 2026-11-21T01:02:03.004Z:
  service web exited with code 1; its last lines:
  cannot reach db
last lines of db:
  two
  three
  f?ur?
stages: pull 12.3 s, health failed after 1 min 1 s
evidence: s3://acme-evidence/firstlight/web/i-0123456789abcdef0/1-0b0a5c1e.tar.gz
do first: read its exit code and last lines, in the error
{rule}
"
        );
        let told = page(&failed(
            "service web exited with code 1; its last lines:\n  cannot reach db\n",
        ));
        assert_eq!(told.replace("\r\n", "\n"), want);
    }

    #[test]
    fn it_is_bounded_whatever_the_error() {
        let long = |n: usize| "x".repeat(n);
        for message in [
            long(100_000),
            vec![long(300); 300].join("\n"),
            vec!["a b"; 300].join("\n"),
            "ä".repeat(9_000),
            String::new(),
        ] {
            let mut status = failed(&message);
            status.group = Some(long(255));
            status.evidence = Some(Evidence::Missing { why: long(5_000) });
            status.last_lines = vec![
                LastLines {
                    container: "c".into(),
                    lines: vec![long(4_000); 20],
                };
                9
            ];
            let told = page(&status);
            let lines: Vec<&str> = told.split_terminator("\r\n").collect();
            assert!(lines.len() <= LINES, "{told}");
            assert!(lines.iter().all(|line| line.len() <= WIDTH), "{told}");
            assert!(told.is_ascii() && told.len() < 2_500, "{told}");
            assert!(told.contains("\r\ndo first: "), "{told}");
        }
    }
}
