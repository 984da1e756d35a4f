//! A good spec's plan, for people.

use super::{
    Size,
    plan::{Plan, Step},
};
use crate::report::words;
use firstlight_userdata::sources::Said;
use std::{fmt::Write, time::Duration};

pub(super) fn draw(plan: &Plan, sizes: &[Size], effective: &[Said]) -> String {
    let timeout = words::duration(Duration::from_secs(plan.timeout_seconds));
    let mut text = format!("good: decided within {timeout}\n");
    let waves = plan.order.iter().enumerate();
    section(
        &mut text,
        "order",
        waves.map(|(nth, wave)| format!("{}. {}", nth + 1, wave.join(", "))),
    );
    for step in &plan.containers {
        section(
            &mut text,
            &format!("{} {}", step.kind, step.name),
            rows(step),
        );
    }
    section(&mut text, "references", plan.references.iter().cloned());
    section(&mut text, "tells", plan.signal.iter().cloned());
    section(
        &mut text,
        "size",
        sizes.iter().map(|size| {
            let (bytes, limit) = (thousands(size.bytes), thousands(size.limit));
            format!("{}: {bytes} of {limit} bytes", size.source)
        }),
    );
    section(
        &mut text,
        "who says what",
        effective
            .iter()
            .map(|said| format!("{}: {}  ({})", said.path, said.value, said.source)),
    );
    words::tame(&text).into_owned()
}

fn rows(step: &Step) -> Vec<String> {
    let mut rows = vec![format!("image  {} (pull: {})", step.image, step.pull)];
    if !step.ports.is_empty() {
        rows.push(format!("ports  {}", step.ports.join(", ")));
    }
    if !step.waits_for.is_empty() {
        rows.push(format!("after  {}", step.waits_for.join(", ")));
    }
    rows.push(format!("gate   {}", step.gate));
    rows
}

fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_some() {
        writeln!(text, "\n{title}").ok();
    }
    for line in lines {
        writeln!(text, "  {line}").ok();
    }
}

/// `16,384`
fn thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1_000), number % 1_000),
    }
}
