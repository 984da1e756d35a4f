//! The journal's tail, by `journalctl`, which is there on every machine with systemd.

use crate::context::Deadline;
use std::process::Stdio;
use tokio::{io::AsyncReadExt, process::Command};

/// How many lines are asked for.
const LINES: &str = "2000";
/// How much is kept of them, the newest. Bytes.
const KEPT: usize = super::bundle::FILE;

/// What firstlight said, in earlier processes too.
pub(super) const OWN: &[&str] = &["--identifier=firstlight"];
/// What the engine said, and systemd of it. Not what containers print: with the journald log driver that
/// is under the engine's unit, too, and cut into pieces.
pub(super) const ENGINE: &[&str] = &[
    "--unit=docker.service",
    "--identifier=dockerd",
    "--identifier=systemd",
];

/// The last lines that match, from `since` on: seconds since 1970.
///
/// # Errors
/// In words: there is no journalctl, it found nothing, or it took too long.
pub(super) async fn tail(
    matches: &[&str],
    since: Option<i64>,
    deadline: Deadline,
) -> Result<String, String> {
    let read = read(matches, since);
    match tokio::time::timeout_at(deadline.instant(), read).await {
        Ok(Ok(text)) if text.trim().is_empty() => Err("the journal has none".into()),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(format!("journalctl cannot be run: {error}")),
        Err(_elapsed) => Err("journalctl did not end in time".into()),
    }
}

async fn read(matches: &[&str], since: Option<i64>) -> std::io::Result<String> {
    let mut journalctl = Command::new("journalctl")
        .args(["--no-pager", "--quiet", "--output=short-iso-precise"])
        .args(["--lines", LINES])
        .args(since.map(|since| format!("--since=@{since}")))
        .args(matches)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut kept = Vec::new();
    let mut cut = false;
    if let Some(mut output) = journalctl.stdout.take() {
        while output.read_buf(&mut kept).await? > 0 {
            // Twice as much at most, so that not every piece moves all.
            if kept.len() > 2 * KEPT {
                kept.drain(..kept.len() - KEPT);
                cut = true;
            }
        }
    }
    journalctl.wait().await?;
    let text = String::from_utf8_lossy(&kept);
    // A line without its beginning may hold a secret without its.
    let whole = match text.split_once('\n') {
        Some((_, whole)) if cut => whole,
        Some(_) | None => &text,
    };
    Ok(whole.to_owned())
}
