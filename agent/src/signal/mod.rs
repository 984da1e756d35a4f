//! Whom to tell, and telling them: group, hooks, heartbeats, CONTINUE or ABANDON, CloudFormation.
//!
//! - [`discover`]: the instance's group and its launch hooks, before any spec is read
//! - [`targets`]: whom to keep waiting, and whom to tell when the spec is broken
//! - [`refine`]: whom to tell when the spec is known
//! - [`heartbeat`]: keeps the hooks waiting as long as it is polled
//! - [`deliver`]: a verdict to one hook, until it is known to have arrived; [`deliver_cloudformation`]
//!
//! What a group's answer means is decided in `reconcile`, purely. To add a target: a file here with its
//! delivery, and a key in the spec.

mod calls;
mod cloudformation;
mod deliver;
mod discover;
mod error;
mod heartbeat;
mod reconcile;
mod refine;
mod state;

pub use cloudformation::{StackTarget, deliver_cloudformation};
pub use deliver::deliver;
pub use discover::discover;
pub use error::SignalError;
pub use heartbeat::heartbeat;
pub use refine::{Wanted, refine, targets};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether the instance is in an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// In no group: nobody waits for a signal.
    Outside,
    /// In this group.
    Member(Member),
    /// It could not be told.
    Unknown {
        /// Why, in words.
        why: String,
    },
}

/// An instance's place in its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The group's name.
    pub group: String,
    /// Its launch hooks.
    pub hooks: Hooks,
}

/// A group's launch hooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hooks {
    /// These, by name.
    Known(Vec<Hook>),
    /// They could not be listed.
    Unknown {
        /// Why, in words.
        why: String,
    },
}

/// A launch hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// How long it waits without a heartbeat, in seconds.
    pub heartbeat_timeout: Option<u64>,
    /// How long it waits in all, in seconds.
    pub global_timeout: Option<u64>,
    /// What it does when it waited that long.
    pub default_result: Option<Answer>,
}

/// One hook to be told about one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookTarget {
    /// The group's name.
    pub group: String,
    /// The hook's name.
    pub hook: String,
    /// The instance.
    pub instance_id: String,
    /// How long the hook waits without a heartbeat, in seconds, where it is known.
    pub heartbeat_timeout: Option<u64>,
}

impl fmt::Display for HookTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hook `{}` of group `{}`", self.hook, self.group)
    }
}

/// What a hook is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Answer {
    /// The instance is ready.
    Continue,
    /// The instance is not to be used.
    Abandon,
}

impl Answer {
    /// `CONTINUE` or `ABANDON`.
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Continue => "CONTINUE",
            Answer::Abandon => "ABANDON",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far telling one hook is: what the record holds for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nothing was sent.
    Pending,
    /// Something may have been sent. Written before the first attempt.
    Sent,
    /// It is over.
    Delivered(Delivery),
}

/// How a verdict is known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The service said so.
    Accepted,
    /// The hook no longer waits: an earlier attempt's answer was lost, or its time ran out.
    Late {
        /// The state that shows it: `InService`.
        state: String,
    },
    /// An earlier attempt is on record and nothing shows that it failed.
    Assumed {
        /// What was seen instead of an answer.
        why: String,
    },
    /// The group is taking the instance away: nobody waits any more.
    Terminating {
        /// The state that shows it: `Terminating:Wait`.
        state: String,
    },
    /// The instance is in no group any more.
    Outside,
}

#[cfg(test)]
mod tests;
