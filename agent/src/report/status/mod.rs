//! `/var/lib/firstlight/status.json`: what happened on this instance, for `firstlight status` and for
//! whoever else asks. Its shape is API; a change that is not an addition raises [`SCHEMA`].
//!
//! It is told from, never decided by: the agent's memory is the record of `state.rs`. It holds no
//! secret; that its folder is root's is for the record beside it. It is replaced whole by a rename, so a reader sees the old or the
//! new, and it is not fsynced: a power cut may cost the newest, and a launch waits for no disk here.

mod edit;
mod file;
mod later;

use super::words;
use crate::{
    lifecycle,
    verdict::{LaunchError, Reason, Stage},
};
pub(super) use file::write;
pub use file::{StatusError, path, read};
pub use later::{Dead, Evidence, LastLines, Noticed, Past};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The version of the shape.
pub const SCHEMA: u32 = 1;

/// The longest error text that is kept, in bytes: a file of the spec's every error, or last lines.
const MESSAGE: usize = 64 * 1024;
/// The longest words for how a service exited that are kept, in bytes: its last lines are among them.
pub(super) const EXIT_WORDS: usize = 2 * 1024;

/// What happened, from the launch's first start on. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of this shape: 1.
    pub schema: u32,
    /// The agent's version.
    pub agent_version: String,
    /// `i-…`, once known.
    pub instance_id: Option<String>,
    /// `ami-…`, once known.
    pub image_id: Option<String>,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
    /// Which transition of this instance it is, once known.
    pub epoch: Option<u64>,
    /// What kind of transition it is, once known.
    #[serde(default)]
    pub transition: Option<lifecycle::Kind>,
    /// When the agent first started on this launch.
    pub started_at: String,
    /// How often the agent started again on this launch: after a reboot, a crash, an upgrade.
    pub resumed: u32,
    /// The Auto Scaling group that is told, once known; `null` outside one, too.
    pub group: Option<String>,
    /// The stages, in the order they began. After a resumption a stage may stand here again.
    pub stages: Vec<StageStatus>,
    /// What the spec came to: SHA-256 over the document and the versions below, hex. Containers are
    /// labelled with it.
    #[serde(default)]
    pub spec_digest: Option<String>,
    /// What was resolved: each reference and its version, never its value.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// The images, by container.
    pub images: Vec<Image>,
    /// The containers, in the order they were first heard of.
    pub containers: Vec<Container>,
    /// Heartbeats that were sent.
    pub heartbeats: u64,
    /// How often each call was throttled: `{"ssm:GetParameters": 4}`.
    pub throttles: BTreeMap<String, u64>,
    /// What went wrong last, if it did.
    pub error: Option<LaunchError>,
    /// What containers printed last, for an ABANDON.
    #[serde(default)]
    pub last_lines: Vec<LastLines>,
    /// Where the evidence lies, for an ABANDON.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// What was decided.
    pub verdict: Verdict,
    /// Who was told, and how that went.
    pub delivery: Vec<Delivery>,
    /// The exit code of the agent's last run; `null` while it runs.
    pub exit_code: Option<u8>,
    /// All is done for now, and the agent watches.
    #[serde(default)]
    pub resting: bool,
    /// What EC2 announced, oldest first.
    #[serde(default)]
    pub notices: Vec<Noticed>,
    /// When the services were drained.
    #[serde(default)]
    pub drained_at: Option<String>,
    /// The services that exited after the verdict, by name.
    #[serde(default)]
    pub dead: BTreeMap<String, Dead>,
    /// The transitions before this one, oldest first.
    #[serde(default)]
    pub history: Vec<Past>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStatus {
    /// Which.
    pub stage: Stage,
    /// When it began.
    pub started_at: String,
    /// How long it took; `null` while it runs, and when nobody was there to see its end.
    pub milliseconds: Option<u64>,
    /// How it went.
    pub outcome: StageOutcome,
}

/// How a stage went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageOutcome {
    /// It is under way.
    Running,
    /// It went well.
    Done,
    /// It failed.
    Failed,
    /// It was stopped before it could fail or succeed: the deadline, SIGTERM, a crash, a reboot.
    CutOff,
}

impl StageOutcome {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            StageOutcome::Running => "running",
            StageOutcome::Done => "done",
            StageOutcome::Failed => "failed",
            StageOutcome::CutOff => "cut off",
        }
    }

    /// What an error makes of the stage it ended.
    pub(super) fn of(error: Option<&LaunchError>) -> StageOutcome {
        match error.map(|error| error.reason) {
            None => StageOutcome::Done,
            Some(Reason::Deadline | Reason::Interrupted) => StageOutcome::CutOff,
            Some(_) => StageOutcome::Failed,
        }
    }
}

/// An image that a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The container's name.
    pub container: String,
    /// As the spec names it, references replaced.
    pub reference: String,
    /// What runs: `…@sha256:…`, or an image id.
    pub pinned: String,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Docker's id.
    pub id: String,
    /// The last that happened to it.
    pub state: super::ContainerEvent,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which way.
    pub kind: Kind,
    /// Why, for an ABANDON.
    pub reason: Option<Reason>,
    /// How long it took from the launch's first start; 0 while undecided.
    pub milliseconds: u64,
}

/// Which way a launch was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Not decided, or nothing to decide.
    None,
    /// The instance goes into service.
    Continue,
    /// The instance is given up.
    Abandon,
}

impl Kind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::None => "none",
            Kind::Continue => "continue",
            Kind::Abandon => "abandon",
        }
    }
}

/// Who was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whom: `web/web-launch` for a group's hook, `stack web/Group` for CloudFormation.
    pub target: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How telling somebody the verdict went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service took it.
    Delivered,
    /// Nobody waits for it any more: the action was completed before, or timed out.
    Settled,
    /// The service denied it.
    Denied,
    /// The service could not be told to the end.
    Undelivered,
}

impl Outcome {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Settled => "settled",
            Outcome::Denied => "denied",
            Outcome::Undelivered => "undelivered",
        }
    }
}

/// An error whose text is short enough to keep.
pub(super) fn bounded(error: &LaunchError) -> LaunchError {
    LaunchError {
        message: words::cut(&error.message, MESSAGE).into_owned(),
        ..*error
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Now, RFC 3339 in UTC, to the millisecond.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let whole = now.replace_millisecond(now.millisecond()).unwrap_or(now);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// Milliseconds since 1970 as RFC 3339 in UTC; `None` for a time that cannot be.
pub(super) fn at_millis(millis: u64) -> Option<String> {
    let nanos = i128::from(millis).checked_mul(1_000_000)?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    time.format(&Rfc3339).ok()
}

/// How long ago that was, by the wall clock; `None` when it lies ahead or is no time.
pub(super) fn since(then: &str) -> Option<Duration> {
    let then = OffsetDateTime::parse(then, &Rfc3339).ok()?;
    (OffsetDateTime::now_utc() - then).try_into().ok()
}
