//! What callers on the instance ask of the group.

use std::time::Instant;

use super::Group;
use super::history::{Author, Health, Verdict};
use super::lifecycle::Lifecycle;
use super::terms::{Outcome, Refusal, Subject};
use super::time::{Action, Phase};

impl Group {
    /// CompleteLifecycleAction.
    ///
    /// # Errors
    /// The refusal the group would answer; it is in the history too.
    pub fn complete(
        &mut self,
        group: &str,
        hook: &str,
        subject: &Subject,
        outcome: Outcome,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.advance(now);
        let refusal = match self.open_action(group, hook, subject, now) {
            Ok(action) => {
                action.result = Some(outcome);
                None
            }
            Err(refusal) => Some(refusal),
        };
        let passage = match refusal {
            None => self.passages.len().checked_sub(1),
            Some(_) => None,
        };
        self.verdicts.push(Verdict {
            at: now.saturating_duration_since(self.began),
            hook: hook.to_owned(),
            outcome,
            author: Author::Caller,
            refused: refusal.as_ref().map(ToString::to_string),
            passage,
        });
        if refusal.is_some() && matches!(self.phase, Phase::Before { .. }) {
            self.early = self.early.saturating_add(1);
        }
        self.settle(now);
        self.advance(now);
        refusal.map_or(Ok(()), Err)
    }

    /// RecordLifecycleActionHeartbeat.
    ///
    /// # Errors
    /// The refusal the group would answer.
    pub fn heartbeat(
        &mut self,
        group: &str,
        hook: &str,
        subject: &Subject,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.advance(now);
        let action = self.open_action(group, hook, subject, now)?;
        action.due = action.limit.min(now + action.hook.heartbeat_timeout);
        self.heartbeats
            .push((now.saturating_duration_since(self.began), hook.to_owned()));
        Ok(())
    }

    /// SetInstanceHealth. `respects_grace` is `ShouldRespectGracePeriod`, which is true where it is not sent.
    pub fn set_health(&mut self, status: &str, respects_grace: Option<bool>, now: Instant) {
        self.advance(now);
        self.health.push(Health {
            at: now.saturating_duration_since(self.began),
            status: status.to_owned(),
            respects_grace,
        });
        let Phase::Rest {
            state: Lifecycle::InService,
            since,
            ..
        } = self.phase
        else {
            return;
        };
        let spared = respects_grace.unwrap_or(true)
            && now.saturating_duration_since(since) < self.plan.grace;
        self.condemned = match (status, self.plan.replaces) {
            ("Unhealthy", Some(soon)) if !spared => now.checked_add(soon),
            ("Unhealthy", _) => self.condemned,
            _ => None,
        };
        self.advance(now);
    }

    fn open_action(
        &mut self,
        group: &str,
        hook: &str,
        subject: &Subject,
        now: Instant,
    ) -> Result<&mut Action, Refusal> {
        if group != self.plan.name {
            return Err(Refusal::NoGroup(group.to_owned()));
        }
        let (instance, deaf) = (&self.instance, self.plan.deaf);
        let named = |action: &&mut Action| {
            action.result.is_none()
                && action.hook.name == hook
                && match subject {
                    Subject::Instance(id) => id == instance,
                    Subject::Token(token) => {
                        *token == format!("00000000-0000-4000-8000-{:012}", action.number)
                    }
                }
        };
        match &mut self.phase {
            Phase::Wait { since, actions, .. } if now.saturating_duration_since(*since) >= deaf => {
                actions.iter_mut().find(named)
            }
            Phase::Outside
            | Phase::Before { .. }
            | Phase::Wait { .. }
            | Phase::Proceed { .. }
            | Phase::Rest { .. } => None,
        }
        .ok_or_else(|| Refusal::NoActiveAction(subject.clone()))
    }
}
