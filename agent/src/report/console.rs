//! The serial console: one line a launch, and before it, when the instance is given up, a page. That is what
//! is left of an instance that the group takes away (EC2 keeps the last 64 KB for an hour and more: `aws ec2
//! get-console-output`).

use super::{
    status::{Delivery, Kind, Outcome, Status},
    story, words,
};
use crate::verdict::Exit;
use nix::fcntl::OFlag;
use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

/// The longest line, its line end included, in bytes.
pub(super) const LONGEST: usize = 1000;

/// How many pinned images are named.
const IMAGES: usize = 3;

/// The line for a launch that ended so.
pub(super) fn line(status: &Status, exit: Exit) -> String {
    let instance = status
        .instance_id
        .as_deref()
        .unwrap_or("unidentified instance");
    let untold = |delivery: &Delivery| match delivery.outcome {
        Outcome::Delivered | Outcome::Settled => false,
        Outcome::Denied | Outcome::Undelivered => true,
    };
    let told = if exit == Exit::Undelivered || status.delivery.iter().any(untold) {
        " (not delivered)"
    } else {
        ""
    };
    let text = match (status.verdict.kind, &status.error) {
        (Kind::Continue, Some(error)) => {
            format!(
                "CONTINUE{told} before, now {instance} fails {}",
                whence(error)
            )
        }
        (Kind::Continue, None) => {
            let took = Duration::from_millis(status.verdict.milliseconds);
            let images = images(status);
            format!(
                "CONTINUE{told} {instance} {images}{} in {}",
                story::achieved(status),
                words::duration(took)
            )
        }
        (Kind::Abandon, Some(error)) => format!("ABANDON{told} {instance} {}", whence(error)),
        (Kind::Abandon, None) => format!("ABANDON{told} {instance}"),
        (Kind::None, Some(error)) => format!("undecided {instance} {}", whence(error)),
        (Kind::None, None) if exit == Exit::Done => {
            format!("nothing to do on {instance}: no source holds a spec")
        }
        (Kind::None, None) if exit == Exit::Interrupted => {
            format!("undecided {instance}: interrupted, and the next start goes on")
        }
        (Kind::None, None) => format!("undecided {instance}, exit {}", exit.code()),
    };
    let text = text.replace(char::is_control, " ");
    format!(
        "{}\r\n",
        words::cut(&format!("firstlight: {text}"), LONGEST - 2)
    )
}

fn whence(error: &crate::verdict::LaunchError) -> String {
    let mut lines = error.message.lines().map(str::trim);
    let mut next = || lines.find(|line| !line.is_empty()).unwrap_or_default();
    let mut said = next().to_owned();
    // A heading says nothing alone; of last lines the very last tells most.
    if said.ends_with("last lines:") {
        let last = error.message.lines().rfind(|line| !line.trim().is_empty());
        said = format!("{said} {}", last.unwrap_or_default().trim());
    } else if said.ends_with(':') {
        said = format!("{said} {}", next());
    }
    format!("at {} ({}): {said}", error.stage, error.reason)
}

/// `web@sha256:0123456789ab `: enough of each to find it again.
fn images(status: &Status) -> String {
    let short = |image: &super::status::Image| {
        let digest = image
            .pinned
            .rsplit_once('@')
            .map_or(image.pinned.as_str(), |(_, d)| d);
        let digest: String = digest.chars().take("sha256:".len() + 12).collect();
        format!("{}@{digest} ", image.container)
    };
    let mut named: String = status.images.iter().take(IMAGES).map(short).collect();
    if let more @ 1.. = status.images.len().saturating_sub(IMAGES) {
        named.push_str(&format!("and {more} more "));
    }
    named
}

/// Writes it, if there is a console that takes it at once. `O_NONBLOCK`, because a serial line with
/// flow control and nobody behind it would block for ever; `O_NOCTTY`, because a terminal opened by a
/// session leader would otherwise become its own and send it SIGHUP.
pub(super) fn write(console: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new()
        .append(true)
        .custom_flags((OFlag::O_NOCTTY | OFlag::O_NONBLOCK).bits())
        .open(console)?
        .write_all(line.as_bytes())
}
