//! The programs that read templates, and what `firstlight check` says of user data.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::binary;
use firstlight_tests::parts::repository;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A file of the project's.
pub(crate) fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(repository().join(path)).with_context(|| format!("reading {path}"))
}

/// One of these texts, for a program that wants a file.
pub(crate) fn file(suffix: &str, bytes: &[u8]) -> Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile()?;
    file.write_all(bytes)?;
    Ok(file)
}

/// A program of the set-up's Python packages, which lie where moto does.
pub(crate) fn python(name: &str) -> Result<PathBuf> {
    let moto = std::env::var_os("FIRSTLIGHT_MOTO").map(PathBuf::from);
    let beside = moto.as_deref().and_then(Path::parent).map(PathBuf::from);
    let folders = [beside, Some(repository().join(".setup/venv/bin"))];
    let mut programs = folders.into_iter().flatten().map(|it| it.join(name));
    let program = programs.find(|program| program.is_file());
    program.with_context(|| format!("{name} is missing: `packaging/setup templates`"))
}

/// What a program prints, if it exits 0.
pub(crate) fn prints(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {output:#?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What `firstlight check` finds that user data would do. It is an error that anything is wrong with it, or nothing is in it.
pub(crate) fn plan(user_data: &[u8]) -> Result<Value> {
    let file = file("", user_data)?;
    let mut check = Command::new(binary()?);
    check.args(["check", "--format", "json"]).arg(file.path());
    let told: Value = serde_json::from_str(&prints(&mut check)?)?;
    ensure!(
        told["notes"] == json!([]) && told["plan"].is_object(),
        "{told:#}"
    );
    Ok(told["plan"].clone())
}
