//! The Auto Scaling group, as far as one instance of it goes: a pure state machine.
//!
//! No I/O and no clock: every call brings `now`, and timers are carried out when somebody looks. It stands without a
//! stage, and is cheap enough to be played hundreds of thousands of times.
//! Rules after the Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks" and "Complete a
//! lifecycle action".
//!
//! - [`lifecycle`], [`edge`], [`terms`], [`history`]: its words
//! - `plan`: how this group is set up; `orders`: what it is told to do with the instance
//! - `calls`: what the instance's callers ask of it; `time`: what comes about by itself

mod calls;
pub mod edge;
pub mod history;
pub mod lifecycle;
mod orders;
mod plan;
pub mod terms;
#[cfg(test)]
mod tests;
mod time;

use std::time::{Duration, Instant};

pub use edge::Edge;
pub use history::{Author, Health, Passage, Verdict};
pub use lifecycle::Lifecycle;
pub use plan::Plan;
pub use terms::{Hook, Opens, Outcome, Pool, Refusal, Subject, Transition};

use time::Phase;

/// The group and its one instance.
#[derive(Debug)]
pub struct Group {
    plan: Plan,
    instance: String,
    began: Instant,
    /// When the instance last joined.
    joined: Instant,
    phase: Phase,
    /// Completions that came before any hook was open.
    early: u32,
    /// When an instance that was called unhealthy is terminated for it.
    condemned: Option<Instant>,
    passages: Vec<(Duration, Edge)>,
    verdicts: Vec<Verdict>,
    heartbeats: Vec<(Duration, String)>,
    health: Vec<Health>,
}

impl Group {
    /// A group, and an instance that is not in it yet: [`Group::launch`], [`Group::warm`] or [`Group::attach`] it.
    #[must_use]
    pub fn new(plan: Plan, instance: &str, now: Instant) -> Self {
        Self {
            plan,
            instance: instance.to_owned(),
            began: now,
            joined: now,
            phase: Phase::Outside,
            early: 0,
            condemned: None,
            passages: Vec::new(),
            verdicts: Vec::new(),
            heartbeats: Vec::new(),
            health: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Its hooks.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.plan.hooks
    }

    /// Where the instance stands; `None`: it never was in the group.
    pub fn state(&mut self, now: Instant) -> Option<Lifecycle> {
        self.advance(now);
        self.phase.state(self.plan.pool())
    }

    /// What metadata calls the target lifecycle state; `None` where it has none: outside of the group, and for a while
    /// after joining it, if the plan says so.
    pub fn target(&mut self, now: Instant) -> Option<&'static str> {
        self.advance(now);
        if now.saturating_duration_since(self.joined) < self.plan.untold {
            return None;
        }
        self.phase.target(self.plan.pool())
    }

    /// Every completion so far, counted or refused, and every time-out, in order.
    pub fn verdicts(&mut self, now: Instant) -> &[Verdict] {
        self.advance(now);
        &self.verdicts
    }

    /// Every edge the instance went so far, in order, with the verdicts that counted on it.
    pub fn passages(&mut self, now: Instant) -> Vec<Passage> {
        self.advance(now);
        let counted = |number| {
            self.verdicts
                .iter()
                .filter(move |verdict| verdict.passage == Some(number))
        };
        let numbered = self.passages.iter().enumerate();
        numbered
            .map(|(number, (at, edge))| Passage {
                at: *at,
                edge: *edge,
                verdicts: counted(number).cloned().collect(),
            })
            .collect()
    }

    /// The edge that the instance is on, or went last, and its number among [`Group::passages`].
    pub fn passage(&mut self, now: Instant) -> Option<(usize, Edge)> {
        self.advance(now);
        let (_, edge) = self.passages.last()?;
        Some((self.passages.len() - 1, *edge))
    }

    /// The hooks that hold the instance up, as of the last look.
    pub fn open_hooks(&self) -> impl Iterator<Item = &str> {
        let actions = match &self.phase {
            Phase::Wait { actions, .. } => actions.as_slice(),
            Phase::Outside | Phase::Before { .. } | Phase::Proceed { .. } | Phase::Rest { .. } => {
                &[]
            }
        };
        let open = actions.iter().filter(|action| action.result.is_none());
        open.map(|action| action.hook.name.as_str())
    }

    /// Every accepted heartbeat: when, since the group began, and for which hook.
    #[must_use]
    pub fn heartbeats(&self) -> &[(Duration, String)] {
        &self.heartbeats
    }

    /// What callers said of the instance's health, in order.
    #[must_use]
    pub fn health(&self) -> &[Health] {
        &self.health
    }
}
