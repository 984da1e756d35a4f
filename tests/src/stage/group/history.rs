//! What the group remembers: completions, heartbeats, health, transition by transition.

use std::time::Duration;

use super::edge::Edge;
use super::terms::Outcome;

/// Who gave a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A CompleteLifecycleAction.
    Caller,
    /// The hook's time-out.
    TimeOut,
}

/// One line of the group's history: a completion, counted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Since the group began.
    pub at: Duration,
    /// The hook named.
    pub hook: String,
    /// The result asked for.
    pub outcome: Outcome,
    /// Who asked.
    pub author: Author,
    /// Why it did not count, when it did not.
    pub refused: Option<String>,
    /// Which passage it counted in: its number in [`Group::passages`](super::Group::passages).
    pub passage: Option<usize>,
}

/// One edge that the instance went, and the verdicts that counted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// When it began, since the group began.
    pub at: Duration,
    /// Which way.
    pub edge: Edge,
    /// What counted, at most one verdict a hook.
    pub verdicts: Vec<Verdict>,
}

/// A SetInstanceHealth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Since the group began.
    pub at: Duration,
    /// `Healthy` or `Unhealthy`.
    pub status: String,
    /// `ShouldRespectGracePeriod`, where it was sent.
    pub respects_grace: Option<bool>,
}
