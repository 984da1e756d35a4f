//! What a status tells beside the launch itself: evidence, notices, services that died, and the
//! transitions before this one.

use super::{Kind, Reason, Status};
use crate::lifecycle::{self, Notice};
use serde::{Deserialize, Serialize};

/// The most transitions that are remembered, the newest.
const HISTORY: usize = 16;

/// Where the evidence of a failure lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Evidence {
    /// In S3.
    Stored {
        /// `s3://bucket/key`
        at: String,
    },
    /// Nowhere: the spec asks for none.
    NotAsked,
    /// Nowhere, though the spec asks for it.
    Missing {
        /// Why.
        why: String,
    },
}

/// What a container printed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLines {
    /// The container's name.
    pub container: String,
    /// Oldest first, secrets replaced.
    pub lines: Vec<String>,
}

/// Something that EC2 announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// What.
    pub notice: Notice,
    /// When the agent heard of it.
    pub heard_at: String,
    /// When it happens, as far as that is told.
    pub at: Option<String>,
}

/// A service that exited after the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// How often it was started again since its launch.
    pub restarts: u64,
    /// How it exited last, in words.
    pub last_exit: String,
    /// When it did.
    pub last_at: String,
    /// It exits again and again.
    pub keeps_dying: bool,
}

/// A transition that came before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Which.
    pub epoch: u64,
    /// What kind.
    pub transition: lifecycle::Kind,
    /// What was decided.
    pub verdict: Kind,
    /// Why, for an ABANDON.
    pub reason: Option<Reason>,
    /// When the agent first started on it.
    pub started_at: String,
    /// How long it took to its verdict; 0 when there was none.
    pub milliseconds: u64,
}

impl Status {
    /// This transition, as it is remembered in a later one; `None` before it was known which it is.
    fn past(&self) -> Option<Past> {
        Some(Past {
            epoch: self.epoch?,
            transition: self.transition.unwrap_or(lifecycle::Kind::Launch),
            verdict: self.verdict.kind,
            reason: self.verdict.reason,
            started_at: self.started_at.clone(),
            milliseconds: self.verdict.milliseconds,
        })
    }

    /// Another transition of the same instance: what runs still runs, and what was is history. `before`
    /// stages are of the earlier one.
    pub(in crate::report) fn next(&mut self, before: usize) {
        let past = self.past();
        let earlier = std::mem::take(self);
        self.stages = earlier.stages;
        self.restart(before);
        self.instance_id = earlier.instance_id;
        self.image_id = earlier.image_id;
        self.group = earlier.group;
        self.images = earlier.images;
        self.containers = earlier.containers;
        self.notices = earlier.notices;
        self.history = earlier.history;
        self.history.extend(past);
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// Whether it was said that a service exits again and again.
    pub(in crate::report) fn keeps_dying(&self, service: &str) -> bool {
        self.dead.get(service).is_some_and(|dead| dead.keeps_dying)
    }
}
