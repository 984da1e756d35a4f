//! What happened on this instance, in words: for `firstlight status`, and for the evidence.
//!
//! - `phrases`: what this page and the console's have in common
//! - `table`: columns

mod phrases;
mod table;

pub use phrases::*;

use super::{
    status::{self, Kind, Status},
    words,
};
use crate::verdict::Exit;
use std::fmt::Write;
use table::table;

/// The whole story, ending in what became of it.
pub fn told(status: &Status) -> String {
    let mut told = String::new();
    for part in [
        head(status),
        stages(status),
        containers(status),
        trouble(status),
        last_lines(status),
        since(status),
        history(status),
        end(status),
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
        let what = status.transition.map(transition).unwrap_or_default();
        let what = format!("{epoch} {what}").trim_end().to_owned();
        rows.push(("transition", what));
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
        writeln!(told, "{}:", whence(error)).ok();
        indented(&mut told, error.message.trim_end().lines());
        writeln!(told, "{}", advice(error)).ok();
    }
    told
}

/// What containers printed last, those whose last lines the error does not tell already.
fn last_lines(status: &Status) -> String {
    let mut told = String::new();
    for last in untold_lines(status) {
        writeln!(told, "last lines of {}:", last.container).ok();
        indented(&mut told, last.lines.iter().map(String::as_str));
    }
    told
}

fn indented<'a>(told: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        writeln!(told, "  {line}").ok();
    }
}

/// What happened after the verdict.
fn since(status: &Status) -> String {
    let mut told = String::new();
    for (service, dead) in &status.dead {
        let often = if dead.keeps_dying {
            "keeps dying: "
        } else {
            ""
        };
        let (times, at) = (dead.restarts, &dead.last_at);
        let how = words::first_line(&dead.last_exit);
        writeln!(
            told,
            "{service} {often}{how} at {at}; started again {times} times"
        )
        .ok();
    }
    for noticed in &status.notices {
        writeln!(told, "{}: {}", noticed.heard_at, notice(noticed)).ok();
    }
    if let Some(at) = &status.drained_at {
        writeln!(told, "{at}: the services are drained").ok();
    }
    told
}

fn history(status: &Status) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for earlier in status.history.iter().rev() {
        rows.push(vec![
            earlier.epoch.to_string(),
            transition(earlier.transition).into(),
            earlier.started_at.clone(),
            past(earlier),
        ]);
    }
    if !rows.is_empty() {
        let heads = ["before", "transition", "began", "verdict"];
        rows.insert(0, heads.map(String::from).to_vec());
    }
    table(&rows)
}

fn end(status: &Status) -> String {
    let mut told = match (status.verdict.kind, status.exit_code) {
        (Kind::Continue | Kind::Abandon, _) => format!("verdict: {}\n", verdict(status)),
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
            None if status.resting => "  nobody was told\n",
            None => "  being delivered\n",
            Some(0) => "  there was nobody to tell\n",
            Some(_) => "  not delivered\n",
        });
    }
    if let Some(found) = &status.evidence {
        writeln!(told, "evidence: {}", evidence(found)).ok();
    }
    match status.exit_code {
        None if status.resting => drop(writeln!(told, "the agent is {}", resting(status))),
        None => told.push_str("the agent is at it, or was killed: `systemctl status firstlight`\n"),
        Some(code) => drop(writeln!(told, "exit code: {code}")),
    }
    told
}

#[cfg(test)]
mod tests;
