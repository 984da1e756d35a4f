//! Why a launch fails, and with which exit code.
//!
//! To add a reason: a variant; the compiler lists the maps that need it, and a test asks for its line in
//! the operator's reference, README.md of this crate.

use super::{Exit, Stage};
use std::fmt;

/// Why a launch failed, as one stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Instance metadata did not answer within its budget.
    MetadataUnreachable,
    /// Instance metadata is switched off (403).
    MetadataDenied,
    /// Instance metadata answered what cannot be.
    MetadataInvalid,
    /// A source does not parse, does not merge, or says what cannot be.
    SpecInvalid,
    /// A drop-in file that others than root may write.
    DropInUnsafe,
    /// An include does not exist.
    IncludeMissing,
    /// An include may not be read.
    IncludeDenied,
    /// An include could not be fetched to the end.
    IncludeUnreachable,
    /// An include is not what its `sha256` says.
    IncludeChanged,
    /// A parameter, secret or metadata path does not exist.
    ReferenceMissing,
    /// A parameter or secret may not be read.
    ReferenceDenied,
    /// A parameter or secret may be read, but its KMS key may not be used.
    ReferenceUndecryptable,
    /// Parameter Store or Secrets Manager throttled to the end.
    ReferenceThrottled,
    /// Parameter Store or Secrets Manager could not be reached to the end.
    ReferenceUnreachable,
    /// A value was fetched and does not fit where it stands.
    ReferenceInvalid,
    /// The registry has no such image or tag.
    ImageUnknown,
    /// The registry denied the pull.
    ImageDenied,
    /// The registry throttled to the end.
    ImageThrottled,
    /// The registry could not be reached to the end.
    ImageUnreachable,
    /// A download stood still longer than the stall limit, to the end.
    ImageStalled,
    /// A download was damaged, to the end.
    ImageDamaged,
    /// `pull_policy: never`, and the image is not there.
    ImageAbsent,
    /// The disk is full.
    DiskFull,
    /// The Docker engine could not be reached to the end.
    DockerUnreachable,
    /// The Docker engine refused what it was told.
    DockerRefused,
    /// A container of that name exists and is not ours.
    NameTaken,
    /// A published port is in use.
    PortTaken,
    /// A bind source does not exist.
    BindMissing,
    /// A task exited with a code other than 0.
    TaskFailed,
    /// A task ran longer than its time-out.
    TaskTimeout,
    /// A service exited before the verdict.
    ServiceExited,
    /// The launch's time ran out.
    Deadline,
    /// Several hooks and none named, or a named one that the group does not have.
    HookUnknown,
    /// The group that was named does not exist, or the instance is not in it.
    GroupUnknown,
    /// The signal was denied.
    SignalDenied,
    /// The signal could not be delivered to the end.
    SignalUndelivered,
    /// The agent's record cannot be read or written.
    StateUnusable,
    /// EC2 takes the instance back before it serves.
    Reclaimed,
    /// SIGTERM before a verdict.
    Interrupted,
    /// A bug.
    Internal,
}

impl Reason {
    /// Every reason, for the reference and for tests.
    pub const ALL: &'static [Reason] = &[
        Reason::MetadataUnreachable,
        Reason::MetadataDenied,
        Reason::MetadataInvalid,
        Reason::SpecInvalid,
        Reason::DropInUnsafe,
        Reason::IncludeMissing,
        Reason::IncludeDenied,
        Reason::IncludeUnreachable,
        Reason::IncludeChanged,
        Reason::ReferenceMissing,
        Reason::ReferenceDenied,
        Reason::ReferenceUndecryptable,
        Reason::ReferenceThrottled,
        Reason::ReferenceUnreachable,
        Reason::ReferenceInvalid,
        Reason::ImageUnknown,
        Reason::ImageDenied,
        Reason::ImageThrottled,
        Reason::ImageUnreachable,
        Reason::ImageStalled,
        Reason::ImageDamaged,
        Reason::ImageAbsent,
        Reason::DiskFull,
        Reason::DockerUnreachable,
        Reason::DockerRefused,
        Reason::NameTaken,
        Reason::PortTaken,
        Reason::BindMissing,
        Reason::TaskFailed,
        Reason::TaskTimeout,
        Reason::ServiceExited,
        Reason::Deadline,
        Reason::HookUnknown,
        Reason::GroupUnknown,
        Reason::SignalDenied,
        Reason::SignalUndelivered,
        Reason::StateUnusable,
        Reason::Reclaimed,
        Reason::Interrupted,
        Reason::Internal,
    ];

    /// The stable name: `reference_missing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::MetadataUnreachable => "metadata_unreachable",
            Reason::MetadataDenied => "metadata_denied",
            Reason::MetadataInvalid => "metadata_invalid",
            Reason::SpecInvalid => "spec_invalid",
            Reason::DropInUnsafe => "drop_in_unsafe",
            Reason::IncludeMissing => "include_missing",
            Reason::IncludeDenied => "include_denied",
            Reason::IncludeUnreachable => "include_unreachable",
            Reason::IncludeChanged => "include_changed",
            Reason::ReferenceMissing => "reference_missing",
            Reason::ReferenceDenied => "reference_denied",
            Reason::ReferenceUndecryptable => "reference_undecryptable",
            Reason::ReferenceThrottled => "reference_throttled",
            Reason::ReferenceUnreachable => "reference_unreachable",
            Reason::ReferenceInvalid => "reference_invalid",
            Reason::ImageUnknown => "image_unknown",
            Reason::ImageDenied => "image_denied",
            Reason::ImageThrottled => "image_throttled",
            Reason::ImageUnreachable => "image_unreachable",
            Reason::ImageStalled => "image_stalled",
            Reason::ImageDamaged => "image_damaged",
            Reason::ImageAbsent => "image_absent",
            Reason::DiskFull => "disk_full",
            Reason::DockerUnreachable => "docker_unreachable",
            Reason::DockerRefused => "docker_refused",
            Reason::NameTaken => "name_taken",
            Reason::PortTaken => "port_taken",
            Reason::BindMissing => "bind_missing",
            Reason::TaskFailed => "task_failed",
            Reason::TaskTimeout => "task_timeout",
            Reason::ServiceExited => "service_exited",
            Reason::Deadline => "deadline",
            Reason::HookUnknown => "hook_unknown",
            Reason::GroupUnknown => "group_unknown",
            Reason::SignalDenied => "signal_denied",
            Reason::SignalUndelivered => "signal_undelivered",
            Reason::StateUnusable => "state_unusable",
            Reason::Reclaimed => "reclaimed",
            Reason::Interrupted => "interrupted",
            Reason::Internal => "internal",
        }
    }

    /// The exit code of a launch that failed for this reason at this stage.
    pub fn exit(self, stage: Stage) -> Exit {
        match self {
            Reason::MetadataUnreachable
            | Reason::MetadataInvalid
            | Reason::IncludeUnreachable
            | Reason::ReferenceThrottled
            | Reason::ReferenceUnreachable
            | Reason::ImageThrottled
            | Reason::ImageUnreachable
            | Reason::ImageStalled
            | Reason::ImageDamaged
            | Reason::DockerUnreachable
            | Reason::StateUnusable
            | Reason::Reclaimed => Exit::Unavailable,
            Reason::MetadataDenied
            | Reason::IncludeDenied
            | Reason::ReferenceDenied
            | Reason::ReferenceUndecryptable
            | Reason::ImageDenied
            | Reason::SignalDenied => Exit::Denied,
            Reason::SpecInvalid
            | Reason::DropInUnsafe
            | Reason::IncludeMissing
            | Reason::IncludeChanged
            | Reason::ReferenceMissing
            | Reason::ReferenceInvalid
            | Reason::ImageUnknown
            | Reason::ImageAbsent
            | Reason::DockerRefused
            | Reason::NameTaken
            | Reason::BindMissing
            | Reason::HookUnknown
            | Reason::GroupUnknown => Exit::Spec,
            Reason::DiskFull
            | Reason::PortTaken
            | Reason::TaskFailed
            | Reason::TaskTimeout
            | Reason::ServiceExited => Exit::Workload,
            Reason::Deadline => stage.exit_at_deadline(),
            Reason::SignalUndelivered => Exit::Undelivered,
            Reason::Interrupted => Exit::Interrupted,
            Reason::Internal => Exit::Bug,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const STAGES: [Stage; 8] = [
        Stage::Identify,
        Stage::Configure,
        Stage::Resolve,
        Stage::Stop,
        Stage::Pull,
        Stage::Start,
        Stage::Health,
        Stage::Signal,
    ];

    #[test]
    fn the_reference_tells_every_reason_with_its_exit_code() {
        let reference = include_str!("../../README.md");
        let (_, section) = reference.split_once("\n## Reasons\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let rows = section.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        });
        let told: BTreeMap<&str, BTreeSet<u8>> = rows
            .map(|(reason, codes)| {
                let codes = codes.split([',', ' ']).filter_map(|code| code.parse().ok());
                (reason, codes.collect())
            })
            .collect();
        let meant = Reason::ALL.iter().map(|reason| {
            let codes = STAGES.map(|stage| reason.exit(stage).code());
            (reason.as_str(), BTreeSet::from(codes))
        });
        assert_eq!(told, meant.collect());
        assert_eq!(Reason::ALL.len(), Reason::Internal as usize + 1);
    }
}
