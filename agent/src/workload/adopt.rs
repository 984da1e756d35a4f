//! Labels, and what is to become of a container that is already there: pure.

use super::{Launch, error::WorkloadError};
use crate::container::Kind;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use std::collections::HashMap;

/// The label that marks what is ours; its value names the instance.
pub const INSTANCE: &str = "io.firstlight.instance";
/// The machine image: another one on the same instance is another launch, and containers may lie on a
/// volume that outlives the one they were made from.
const AMI: &str = "io.firstlight.ami";
const NAME: &str = "io.firstlight.name";
const KIND: &str = "io.firstlight.kind";
const EPOCH: &str = "io.firstlight.epoch";
const BOOT: &str = "io.firstlight.boot";
const DIGEST: &str = "io.firstlight.digest";
/// How deep it stands in the order: see [`super::order::Part::depth`].
const DEPTH: &str = "io.firstlight.depth";

/// What a container of ours is labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) instance: String,
    pub(super) ami: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) epoch: u64,
    pub(super) boot: String,
    pub(super) digest: String,
    pub(super) depth: usize,
}

impl Labels {
    /// As Docker takes them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        [
            (INSTANCE, self.instance.clone()),
            (AMI, self.ami.clone()),
            (NAME, self.name.clone()),
            (KIND, self.kind.as_str().to_owned()),
            (EPOCH, self.epoch.to_string()),
            (BOOT, self.boot.clone()),
            (DIGEST, self.digest.clone()),
            (DEPTH, self.depth.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
    }

    /// It was made for this transition.
    fn same_transition(&self, found: &HashMap<String, String>) -> bool {
        let same = |(key, value): (&str, &str)| found.get(key).is_some_and(|found| found == value);
        [
            (INSTANCE, self.instance.as_str()),
            (AMI, &self.ami),
            (NAME, &self.name),
            (KIND, self.kind.as_str()),
            (EPOCH, &self.epoch.to_string()),
        ]
        .into_iter()
        .all(same)
    }
}

/// The labels that every service of a launch has.
pub(super) fn of_services(instance: &str, launch: &Launch) -> Vec<String> {
    [
        (INSTANCE, instance),
        (KIND, Kind::Service.as_str()),
        (EPOCH, &launch.epoch.to_string()),
        (BOOT, &launch.boot_id),
    ]
    .map(|(key, value)| format!("{key}={value}"))
    .to_vec()
}

/// The service or task that a container found by label is.
pub(super) fn name(labels: &HashMap<String, String>) -> Option<String> {
    labels.get(NAME).cloned()
}

/// Of which resolution a container found by label is.
pub fn digest(labels: &HashMap<String, String>) -> Option<&str> {
    labels.get(DIGEST).map(String::as_str)
}

/// How deep a container found by label stands in the order.
pub(super) fn depth(labels: &HashMap<String, String>) -> usize {
    let depth = labels.get(DEPTH).and_then(|text| text.parse().ok());
    depth.unwrap_or_default()
}

/// What is to become of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// There is none: make it.
    Create,
    /// Made, never started: we were killed in between.
    Start(String),
    /// It runs: leave it alone.
    Adopt(String),
    /// It ran and ended in this launch: how it ended is how this launch goes.
    Ended(String),
    /// A task's record: done, not run again.
    Finished(String),
    /// Ours, of another boot, transition or spec: make it anew.
    Replace(String),
}

/// Decides on what the engine found under a container's name.
///
/// # Errors
/// It is not ours.
pub(super) fn decide(
    wanted: &Labels,
    found: Option<&ContainerInspectResponse>,
) -> Result<Plan, WorkloadError> {
    // The engine also finds a container whose *id* begins with the name: `db` and `cafe` are such.
    let path = format!("/{}", wanted.name);
    let Some(found) = found.filter(|found| found.name.as_deref() == Some(&path)) else {
        return Ok(Plan::Create);
    };
    let id = found.id.clone().unwrap_or_default();
    let labels = found
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    let Some(labels) = labels.filter(|labels| labels.contains_key(INSTANCE)) else {
        return Err(WorkloadError::NameTaken {
            name: wanted.name.clone(),
            id,
        });
    };
    let state = found.state.clone().unwrap_or_default();
    let status = state.status.unwrap_or(Status::EMPTY);
    if !wanted.same_transition(labels) {
        return Ok(Plan::Replace(id));
    }
    let done = status == Status::EXITED && state.exit_code == Some(0);
    if wanted.kind == Kind::Task && done {
        // Once per transition: a secret that was changed since is no reason to migrate again.
        return Ok(Plan::Finished(id));
    }
    if labels.get(DIGEST) != Some(&wanted.digest) {
        return Ok(Plan::Replace(id));
    }
    if labels.get(BOOT) != Some(&wanted.boot) {
        // Its secrets went with the boot; a task that the reboot cut off runs again.
        return Ok(Plan::Replace(id));
    }
    Ok(match status {
        Status::CREATED => Plan::Start(id),
        Status::RUNNING | Status::PAUSED | Status::RESTARTING => Plan::Adopt(id),
        Status::EXITED | Status::STOPPING => Plan::Ended(id),
        Status::EMPTY | Status::REMOVING | Status::DEAD => Plan::Replace(id),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use bollard::models::{ContainerConfig, ContainerState};

    fn labels(kind: Kind) -> Labels {
        Labels {
            instance: "i-1".into(),
            ami: "ami-1".into(),
            name: "db".into(),
            kind,
            epoch: 3,
            boot: "boot-1".into(),
            digest: "abc".into(),
            depth: 1,
        }
    }

    fn found(labels: &Labels, status: Status, code: i64) -> ContainerInspectResponse {
        ContainerInspectResponse {
            id: Some("id".into()),
            name: Some("/db".into()),
            state: Some(ContainerState {
                status: Some(status),
                exit_code: Some(code),
                ..Default::default()
            }),
            config: Some(ContainerConfig {
                labels: Some(labels.pairs().collect()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn what_becomes_of_a_container() {
        use Kind::{Service, Task};
        type Change = fn(&mut Labels);
        let same: Change = |_| {};
        let boot: Change = |labels| labels.boot = "boot-0".into();
        let epoch: Change = |labels| labels.epoch = 2;
        let digest: Change = |labels| labels.digest = "def".into();
        let instance: Change = |labels| labels.instance = "i-0".into();
        let ami: Change = |labels| labels.ami = "ami-0".into();
        let adopt = Plan::Adopt("id".into());
        let start = Plan::Start("id".into());
        let ended = Plan::Ended("id".into());
        let finished = Plan::Finished("id".into());
        let replace = Plan::Replace("id".into());
        for (kind, change, status, code, want) in [
            (Service, same, Status::RUNNING, 0, &adopt),
            (Service, same, Status::PAUSED, 0, &adopt),
            (Service, same, Status::CREATED, 0, &start),
            (Service, same, Status::EXITED, 0, &ended),
            (Service, same, Status::EXITED, 1, &ended),
            (Service, same, Status::DEAD, 0, &replace),
            (Service, same, Status::REMOVING, 0, &replace),
            (Service, boot, Status::EXITED, 0, &replace),
            (Service, boot, Status::RUNNING, 0, &replace),
            (Service, epoch, Status::RUNNING, 0, &replace),
            (Service, digest, Status::RUNNING, 0, &replace),
            (Service, instance, Status::RUNNING, 0, &replace),
            (Service, ami, Status::RUNNING, 0, &replace),
            (Task, same, Status::RUNNING, 0, &adopt),
            (Task, same, Status::CREATED, 0, &start),
            (Task, same, Status::EXITED, 0, &finished),
            (Task, same, Status::EXITED, 1, &ended),
            (Task, boot, Status::EXITED, 0, &finished),
            (Task, boot, Status::EXITED, 137, &replace),
            (Task, boot, Status::CREATED, 0, &replace),
            (Task, epoch, Status::EXITED, 0, &replace),
            (Task, ami, Status::EXITED, 0, &replace),
            (Task, digest, Status::EXITED, 0, &finished),
            (Task, digest, Status::EXITED, 1, &replace),
            (Task, digest, Status::RUNNING, 0, &replace),
        ] {
            let mut theirs = labels(kind);
            change(&mut theirs);
            let found = found(&theirs, status, code);
            let plan = decide(&labels(kind), Some(&found)).unwrap();
            assert_eq!(&plan, want, "{kind:?} {theirs:?} {status:?} {code}");
        }
        let wanted = labels(Service);
        assert_eq!(decide(&wanted, None).unwrap(), Plan::Create);
    }

    #[test]
    fn foreign_containers_are_left_alone() {
        let wanted = labels(Kind::Service);
        let mut foreign = found(&wanted, Status::RUNNING, 0);
        foreign.config = None;
        let error = decide(&wanted, Some(&foreign)).unwrap_err();
        assert!(matches!(error, WorkloadError::NameTaken { .. }), "{error}");
        // found by its id, which begins with the name
        foreign.name = Some("/other".into());
        assert_eq!(decide(&wanted, Some(&foreign)).unwrap(), Plan::Create);
    }

    #[test]
    fn depth_is_read_back() {
        assert_eq!(depth(&labels(Kind::Task).pairs().collect()), 1);
        assert_eq!(depth(&HashMap::new()), 0);
    }
}
