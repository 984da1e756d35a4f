//! Phrases that status and console share, so that both tell one story in the same words.

use crate::{
    lifecycle::{self, Notice},
    report::{
        status::{Evidence, Kind, LastLines, Noticed, Past, StageStatus, Status},
        words,
    },
    verdict::LaunchError,
};
use std::time::Duration;

/// The kind of a transition, as people know it.
pub fn transition(kind: lifecycle::Kind) -> &'static str {
    match kind {
        lifecycle::Kind::Launch => "launch",
        lifecycle::Kind::WarmEnter => "entering the warm pool",
        lifecycle::Kind::WarmReturn => "returning to the warm pool",
        lifecycle::Kind::Terminate => "termination",
    }
}

/// Its stable name, as in the record.
pub fn transition_name(kind: lifecycle::Kind) -> &'static str {
    match kind {
        lifecycle::Kind::Launch => "launch",
        lifecycle::Kind::WarmEnter => "warm_enter",
        lifecycle::Kind::WarmReturn => "warm_return",
        lifecycle::Kind::Terminate => "terminate",
    }
}

/// What a CONTINUE of such a transition says of the instance.
pub fn achieved(status: &Status) -> &'static str {
    match status.transition {
        None | Some(lifecycle::Kind::Launch) => "healthy",
        Some(lifecycle::Kind::WarmEnter) => "prepared",
        Some(lifecycle::Kind::WarmReturn | lifecycle::Kind::Terminate) => "drained",
    }
}

/// What an agent that has nothing more to do for now is there for.
pub fn resting(status: &Status) -> &'static str {
    use lifecycle::Kind::{Launch, Terminate, WarmEnter, WarmReturn};
    match (status.verdict.kind, status.transition) {
        (Kind::Continue, None | Some(Launch)) => {
            "serving; watches the services, the group's plans and EC2's notices"
        }
        (Kind::Continue, Some(WarmEnter)) => {
            "prepared for the warm pool; waits until the group wants it in service"
        }
        (Kind::Continue, Some(WarmReturn)) => {
            "drained, back to the warm pool; waits until the group wants it in service"
        }
        (Kind::Continue, Some(Terminate)) => "drained; waits until the group ends the instance",
        (Kind::Abandon, _) => "given up; waits until the group replaces the instance",
        (Kind::None, _) => "nothing to do; watches the group's plans",
    }
}

/// `ABANDON after 1 min 15 s`
pub fn verdict(status: &Status) -> String {
    decided(status.verdict.kind, status.verdict.milliseconds)
}

fn decided(kind: Kind, milliseconds: u64) -> String {
    let after = duration(milliseconds);
    match kind {
        Kind::Continue => format!("CONTINUE after {after}"),
        Kind::Abandon => format!("ABANDON after {after}"),
        Kind::None => "none yet".into(),
    }
}

/// `service_exited at health`
pub fn whence(error: &LaunchError) -> String {
    format!("{} at {}", error.reason, error.stage)
}

/// What containers printed last, where the error does not tell it already.
pub fn untold_lines(status: &Status) -> impl Iterator<Item = &LastLines> {
    let told = |last: &LastLines| {
        let very_last = last.lines.iter().rfind(|line| !line.trim().is_empty());
        let error = status.error.as_ref();
        very_last.is_none_or(|line| error.is_some_and(|error| error.message.contains(line.trim())))
    };
    status.last_lines.iter().filter(move |last| !told(last))
}

/// What to do first.
pub fn advice(error: &LaunchError) -> String {
    format!("do first: {}", error.reason.advice())
}

/// Where the evidence lies, or why not.
pub fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Stored { at } => at.clone(),
        Evidence::NotAsked => {
            "on this instance only: the spec has no `diagnostics`; `firstlight diagnose` collects it".into()
        }
        Evidence::Missing { why } => format!("on this instance only: {why}"),
    }
}

/// `spot notice: EC2 takes the instance back, 2026-11-21T03:02:00Z`
pub fn notice(noticed: &Noticed) -> String {
    let what = match noticed.notice {
        Notice::Rebalance => "rebalance recommendation: a Spot interruption is more likely",
        Notice::Maintenance => "scheduled event: EC2 stops, reboots or retires the instance",
        Notice::Spot => "spot notice: EC2 takes the instance back",
    };
    let at = noticed.at.as_ref();
    let at = at.map(|at| format!(", {at}")).unwrap_or_default();
    format!("{what}{at}")
}

/// A stage, when it is told in a line with others: `pull 12.3 s`, `health cut off`.
pub fn stage(stage: &StageStatus) -> String {
    use crate::report::status::StageOutcome::{CutOff, Done, Failed, Running};
    let name = stage.stage;
    match (stage.outcome, stage.milliseconds.map(duration)) {
        (Done, Some(took)) => format!("{name} {took}"),
        (Done, None) => name.to_string(),
        (Failed | CutOff | Running, Some(took)) => {
            format!("{name} {} after {took}", stage.outcome.as_str())
        }
        (Failed | CutOff | Running, None) => format!("{name} {}", stage.outcome.as_str()),
    }
}

/// An earlier transition's verdict: `ABANDON after 3.2 s (image_unknown)`.
pub fn past(past: &Past) -> String {
    let reason = past.reason.map(|reason| format!(" ({reason})"));
    let verdict = match past.verdict {
        Kind::None => "no verdict".into(),
        Kind::Continue | Kind::Abandon => decided(past.verdict, past.milliseconds),
    };
    format!("{verdict}{}", reason.unwrap_or_default())
}

/// Milliseconds in words.
pub fn duration(milliseconds: u64) -> String {
    words::duration(Duration::from_millis(milliseconds))
}

/// The time of day of an RFC 3339 time, to the second; the whole, if it is none.
pub fn clock(time: &str) -> &str {
    time.get("2026-11-21T".len().."2026-11-21T01:02:03".len())
        .unwrap_or(time)
}
