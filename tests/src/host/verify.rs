//! `ami/verify`, on a container.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::parts::repository;

/// The points of `ami/image.py` in which a container fails.
///
/// # Errors
/// If it could not be asked, or no point holds.
pub fn verify(container: &str, options: &[&str]) -> Result<BTreeSet<String>> {
    let mut verify = Command::new(repository().join("ami/verify"));
    verify.args(options).arg(format!("docker://{container}"));
    let output = verify.args(["--tb=line", "-rf"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        text.contains(" passed"),
        "`packaging/setup host` brings what ami/verify needs: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let failed = text
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED ")?.split("::test_").nth(1));
    let failed: BTreeSet<String> = failed
        .filter_map(|name| Some(name.split('[').next()?.to_owned()))
        .collect();
    ensure!(failed.is_empty() == output.status.success(), "{text}");
    Ok(failed)
}
