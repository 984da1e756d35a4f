//! Packages of the binary under test, made once for all tests here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::binary;
use firstlight_tests::parts::repository;
use tempfile::TempDir;

/// One machine's two packages.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) deb: PathBuf,
    pub(crate) rpm: PathBuf,
    _folder: TempDir,
}

/// Makes them for this machine, of a binary.
pub(crate) fn made(machine: &str, binary: &Path) -> Result<Made> {
    of_version(None, machine, binary)
}

/// The same of another version than the project's.
pub(crate) fn of_version(version: Option<&str>, machine: &str, binary: &Path) -> Result<Made> {
    let folder = TempDir::with_prefix("firstlight-packages-")?;
    made_in(version, machine, binary, folder.path())?;
    let with = |extension: &str| -> Result<PathBuf> {
        let files = std::fs::read_dir(folder.path())?.flatten();
        let mut paths = files.map(|entry| entry.path());
        let path = paths.find(|path| path.extension().is_some_and(|it| it == extension));
        path.with_context(|| format!("no {extension} was made"))
    };
    Ok(Made {
        deb: with("deb")?,
        rpm: with("rpm")?,
        _folder: folder,
    })
}

/// The same in a folder.
pub(crate) fn made_in(
    version: Option<&str>,
    machine: &str,
    binary: &Path,
    folder: &Path,
) -> Result<()> {
    let mut package = Command::new(repository().join("packaging/package"));
    package.envs(version.map(|version| ("PACKAGE_VERSION", version)));
    let output = package.arg(machine).arg(binary).arg(folder).output();
    let output = output.context("packaging/package")?;
    ensure!(output.status.success(), "{output:#?}");
    Ok(())
}

/// Those of the binary under test.
pub(crate) fn shared() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| made("x86_64", &binary().unwrap()).unwrap())
}

/// What a program of this machine's prints, if it exits 0.
pub(crate) fn prints(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output =
        output.with_context(|| format!("{program} is missing: `packaging/setup package`"))?;
    ensure!(
        output.status.success(),
        "{program} {arguments:?}: {output:#?}"
    );
    Ok(String::from_utf8(output.stdout)?)
}
