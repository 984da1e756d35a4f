//! What is told at the end: the stages as bars, the verdict, and what the group saw.

use std::fmt::Write as _;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::stage::{Author, Stage};

/// The bars' width, in characters.
const WIDTH: usize = 40;

/// A stage as `firstlight status --json` tells it.
struct Bar {
    name: String,
    outcome: String,
    /// Milliseconds from the first stage's start.
    from: u64,
    milliseconds: u64,
}

/// The whole of it, as text.
#[must_use]
pub fn draw(status: Option<&Value>, stage: &Stage) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = write!(text, "{}", bars(status));
    let verdict = status.and_then(|status| status.get("verdict"));
    let word = |name: &str| {
        verdict
            .and_then(|verdict| verdict.get(name))
            .and_then(Value::as_str)
    };
    let reason = word("reason")
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "\nverdict    {}{reason}",
        word("kind").unwrap_or("none").to_uppercase()
    );
    let _ = write!(text, "{}", seen(stage));
    text
}

fn bars(status: Option<&Value>) -> String {
    let bars = status.map(read).unwrap_or_default();
    let total = bars
        .iter()
        .map(|bar| bar.from + bar.milliseconds)
        .max()
        .unwrap_or(0)
        .max(1);
    let scale =
        |milliseconds: u64| usize::try_from(milliseconds * WIDTH as u64 / total).unwrap_or(WIDTH);
    let mut text = String::from("timeline\n");
    for bar in &bars {
        let (from, length) = (
            scale(bar.from).min(WIDTH - 1),
            scale(bar.milliseconds).max(1),
        );
        let length = length.min(WIDTH - from);
        let line = format!("{}{}", " ".repeat(from), "█".repeat(length));
        let note = if bar.outcome == "done" {
            String::new()
        } else {
            format!("  {}", bar.outcome.replace('_', " "))
        };
        let _ = writeln!(
            text,
            "  {:<10} │{line:<WIDTH$}│ {:>8.3} s{note}",
            bar.name,
            bar.milliseconds as f64 / 1000.0
        );
    }
    if bars.is_empty() {
        text.push_str("  no stage was begun\n");
    }
    text
}

fn read(status: &Value) -> Vec<Bar> {
    let stages = status
        .get("stages")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let began =
        |stage: &Value| OffsetDateTime::parse(stage.get("started_at")?.as_str()?, &Rfc3339).ok();
    let first = stages.iter().filter_map(began).min();
    let bar = |stage: &Value| {
        let from = (began(stage)? - first?).whole_milliseconds();
        Some(Bar {
            name: stage.get("stage")?.as_str()?.to_owned(),
            outcome: stage
                .get("outcome")
                .and_then(Value::as_str)
                .unwrap_or("done")
                .to_owned(),
            from: u64::try_from(from).unwrap_or(0),
            milliseconds: stage
                .get("milliseconds")
                .and_then(Value::as_u64)
                .unwrap_or(0),
        })
    };
    stages.iter().filter_map(bar).collect()
}

/// The calls that reached the group and the stack, with what counted.
fn seen(stage: &Stage) -> String {
    let mut text = String::from("\nwhat the group saw\n");
    let calls = stage.calls();
    for call in calls
        .iter()
        .filter(|call| ["autoscaling", "cloudformation"].contains(&call.call.service.as_str()))
    {
        if call.call.operation != "RecordLifecycleActionHeartbeat" {
            let _ = writeln!(text, "  {call}");
        }
    }
    let _ = writeln!(text, "  heartbeats: {}", stage.heartbeats().len());
    for verdict in stage.verdicts() {
        let author = match verdict.author {
            Author::Caller => "from the instance",
            Author::TimeOut => "by time-out",
        };
        let counted = verdict
            .refused
            .map_or_else(|| "counted".to_owned(), |why| format!("refused: {why}"));
        let _ = writeln!(
            text,
            "  {} for {} {author}: {counted}",
            verdict.outcome, verdict.hook
        );
    }
    for signal in stage.signals() {
        let _ = writeln!(
            text,
            "  {} for {} of stack {}",
            signal.status, signal.resource, signal.stack
        );
    }
    if let Some(state) = stage.lifecycle() {
        let _ = writeln!(text, "  the instance is {state}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_stand_where_their_time_was() {
        let status = json!({"stages": [
            {"stage": "resolve", "started_at": "2026-11-21T00:00:00.5Z", "milliseconds": 250, "outcome": "done"},
            {"stage": "pull", "started_at": "2026-11-21T00:00:00.75Z", "milliseconds": 750, "outcome": "cut_off"},
        ]});
        let drawn = bars(Some(&status));
        let lines: Vec<&str> = drawn.lines().skip(1).collect();
        let first = format!("  resolve    │{:<40}│    0.250 s", "█".repeat(10));
        let second = format!(
            "  pull       │{:<40}│    0.750 s  cut off",
            format!("{}{}", " ".repeat(10), "█".repeat(30))
        );
        assert_eq!(lines, [first, second]);
    }

    #[test]
    fn nothing_to_tell_is_told() {
        assert_eq!(bars(None), "timeline\n  no stage was begun\n");
    }
}
