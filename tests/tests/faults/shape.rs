//! What is held of the table itself: enough rows, every call with every kind of fault, and every reason that faults can give.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::repository;

use crate::GROUPS;
use crate::table::rows;
use crate::words::{CALLS, Lasts, METADATA, NOTICES};

const ENOUGH: usize = 120;

/// What may happen to a call of AWS, each by one word that the table has for it.
const KINDS: [(&str, &[&str]); 6] = [
    ("throttled", &["throttled"]),
    ("denied", &["denied"]),
    ("5xx", &["500", "503"]),
    ("hanging", &["hangs"]),
    ("cut off", &["cut off"]),
    ("done, the answer lost", &["answer lost"]),
];

/// What may stay so with everything that metadata is asked for.
const METADATA_KINDS: [&str; 10] = [
    "401", "403", "404", "429", "503", "garbled", "huge", "cut off", "hangs", "hangs up",
];

/// Reasons that no fault of this table's kinds gives, each with where else it is shown.
const NOT_BY_FAULTS: [(&str, &str); 16] = [
    (
        "drop_in_unsafe",
        "whoever built the image; aws/spec/sources",
    ),
    (
        "include_missing",
        "whoever wrote the spec; aws/spec/includes",
    ),
    ("include_changed", "the same"),
    ("reference_missing", "the same; aws/references/refused"),
    ("reference_invalid", "the same; aws/references/unfit"),
    ("docker_refused", "the same; docker/start"),
    ("name_taken", "whoever else uses the machine; docker/start"),
    ("port_taken", "the same"),
    ("bind_missing", "the same"),
    ("hook_unknown", "whoever wrote the spec; aws/signal/whom"),
    ("group_unknown", "the same"),
    (
        "signal_denied",
        "how a delivery ends, not a launch: rows whose exit is 77",
    ),
    ("signal_undelivered", "the same: rows whose exit is 76"),
    ("reclaimed", "EC2, which announces it"),
    ("interrupted", "whoever stops the agent; life/stop"),
    ("internal", "a bug"),
];

#[test]
fn enough_rows_that_are_all_run() -> Result<()> {
    let rows = rows()?;
    ensure!(rows.len() >= ENOUGH, "only {} rows", rows.len());
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    ensure!(names.len() == rows.len(), "two rows of one name");
    for row in &rows {
        let name = &row.name;
        ensure!(
            GROUPS.contains(&row.of.as_str()),
            "{name}: nobody runs {}",
            row.of
        );
        ensure!(!row.faults.is_empty(), "{name}: no fault");
        ensure!(!row.reads.is_empty(), "{name}: nothing is read of it");
    }
    Ok(())
}

#[test]
fn every_call_with_every_kind() -> Result<()> {
    let rows = rows()?;
    let faults: Vec<_> = rows.iter().flat_map(|row| &row.faults).collect();
    for call in CALLS {
        for (kind, words) in KINDS {
            let struck = faults.iter().any(|fault| {
                fault.on.calls().contains(&call) && words.contains(&fault.what.as_str())
            });
            ensure!(struck, "no row has {call} {kind}");
        }
    }
    Ok(())
}

#[test]
fn everything_of_metadata_with_every_kind() -> Result<()> {
    let rows = rows()?;
    let faults: Vec<_> = rows.iter().flat_map(|row| &row.faults).collect();
    // A role's name is asked for with its credentials.
    let asked = METADATA.into_iter().filter(|(name, _)| *name != "roles");
    for (name, path) in asked {
        let noticed = NOTICES.contains(&name);
        // That there is no notice is no fault, nor can that be cut off.
        let no_fault = ["404", "cut off"];
        let kinds = METADATA_KINDS
            .iter()
            .filter(|kind| !noticed || !no_fault.contains(kind));
        let lasts = |lasts| match noticed {
            true => lasts == Lasts::UntilTold,
            false => lasts == Lasts::Always,
        };
        for kind in kinds {
            let stays = faults.iter().any(|fault| {
                fault.on.paths() == [path] && fault.what == *kind && lasts(fault.lasts)
            });
            ensure!(stays, "no row has {name} {kind} for as long as it matters");
        }
    }
    Ok(())
}

/// The operator's reference lists them all, as a test of the agent's holds.
#[test]
fn every_reason_that_faults_give() -> Result<()> {
    let reference = std::fs::read_to_string(repository().join("agent/README.md"))?;
    let (_, section) = reference
        .split_once("\n## Reasons\n")
        .context("no reasons")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let listed = section.lines().filter_map(|line| {
        let (reason, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some(reason.to_owned())
    });
    let rows = rows()?;
    let given = rows.iter().filter_map(|row| Some(row.failure.clone()?.1));
    let given: BTreeSet<String> = given.collect();
    let not: BTreeSet<String> = NOT_BY_FAULTS
        .iter()
        .map(|(reason, _)| (*reason).to_owned())
        .collect();
    let both: Vec<&String> = given.intersection(&not).collect();
    ensure!(both.is_empty(), "given by faults all the same: {both:?}");
    let all: BTreeSet<String> = given.union(&not).cloned().collect();
    let listed: BTreeSet<String> = listed.collect();
    let differ: Vec<&String> = listed.symmetric_difference(&all).collect();
    ensure!(differ.is_empty(), "listed or given, not both: {differ:?}");
    Ok(())
}
