//! The Auto Scaling group, as far as one instance of it goes: a pure state machine.
//!
//! No I/O and no clock: every call brings `now`, and timers are carried out when somebody looks.
//! Rules after the Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks" and "Complete a
//! lifecycle action".
//!
//! To add a transition (termination, warm pool): a variant of [`Transition`] with its wait and proceed states, and the
//! edge that opens it.

mod terms;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use terms::{Author, Hook, Lifecycle, Opens, Outcome, Refusal, Subject, Transition, Verdict};

/// A group's heartbeats may stretch a wait to at most this many time-outs (`GlobalTimeout` of DescribeLifecycleHooks).
const GLOBAL_TIMEOUT_FACTOR: u32 = 100;
/// …and never past this.
const GLOBAL_TIMEOUT_MOST: Duration = Duration::from_secs(172_800);

/// An open hook.
#[derive(Debug)]
struct Action {
    hook: Hook,
    token: String,
    due: Instant,
    limit: Instant,
    result: Option<Outcome>,
}

#[derive(Debug)]
enum Phase {
    Pending,
    Wait(Transition, Vec<Action>),
    Proceed(Transition, Instant),
    InService,
    Terminating,
}

/// The group and its one instance.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its hooks.
    pub hooks: Vec<Hook>,
    instance: String,
    began: Instant,
    opens: Opens,
    proceed: Duration,
    phase: Phase,
    early: u32,
    verdicts: Vec<Verdict>,
    heartbeats: Vec<(Duration, String)>,
    health: Vec<String>,
}

impl Group {
    /// A group whose instance was launched just now.
    #[must_use]
    pub fn new(
        name: &str,
        instance: &str,
        hooks: Vec<Hook>,
        opens: Opens,
        proceed: Duration,
        now: Instant,
    ) -> Self {
        Self {
            name: name.to_owned(),
            hooks,
            instance: instance.to_owned(),
            began: now,
            opens,
            proceed,
            phase: Phase::Pending,
            early: 0,
            verdicts: Vec::new(),
            heartbeats: Vec::new(),
            health: Vec::new(),
        }
    }

    /// Where the instance stands.
    #[must_use]
    pub fn state(&mut self, now: Instant) -> Lifecycle {
        self.advance(now);
        match &self.phase {
            Phase::Pending => Lifecycle::Pending,
            Phase::Wait(Transition::Launching, _) => Lifecycle::PendingWait,
            Phase::Wait(Transition::Terminating, _) => Lifecycle::TerminatingWait,
            Phase::Proceed(Transition::Launching, _) => Lifecycle::PendingProceed,
            Phase::Proceed(Transition::Terminating, _) => Lifecycle::TerminatingProceed,
            Phase::InService => Lifecycle::InService,
            Phase::Terminating => Lifecycle::Terminating,
        }
    }

    /// What metadata calls the target lifecycle state.
    #[must_use]
    pub fn target(&mut self, now: Instant) -> &'static str {
        match self.state(now) {
            Lifecycle::Pending
            | Lifecycle::PendingWait
            | Lifecycle::PendingProceed
            | Lifecycle::InService => "InService",
            Lifecycle::Terminating | Lifecycle::TerminatingWait | Lifecycle::TerminatingProceed => {
                "Terminated"
            }
        }
    }

    /// Starts the instance's termination, as a scale-in does.
    pub fn terminate(&mut self, now: Instant) {
        self.advance(now);
        self.open(Transition::Terminating, now);
    }

    /// CompleteLifecycleAction.
    ///
    /// # Errors
    /// The refusal the group would answer; it is in the history too.
    pub fn complete(
        &mut self,
        group: &str,
        hook: &str,
        subject: Subject,
        outcome: Outcome,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.advance(now);
        let refusal = match self.open_action(group, hook, &subject) {
            Ok(action) => {
                action.result = Some(outcome);
                None
            }
            Err(refusal) => Some(refusal),
        };
        self.verdicts.push(Verdict {
            at: now.saturating_duration_since(self.began),
            hook: hook.to_owned(),
            outcome,
            author: Author::Caller,
            refused: refusal.as_ref().map(ToString::to_string),
        });
        if refusal.is_some() && matches!(self.phase, Phase::Pending) {
            self.early = self.early.saturating_add(1);
        }
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
        let action = self.open_action(group, hook, subject)?;
        action.due = action.limit.min(now + action.hook.heartbeat_timeout);
        self.heartbeats
            .push((now.saturating_duration_since(self.began), hook.to_owned()));
        Ok(())
    }

    /// SetInstanceHealth.
    pub fn set_health(&mut self, status: &str) {
        self.health.push(status.to_owned());
    }

    /// Every completion so far, counted or refused, and every time-out, in order.
    #[must_use]
    pub fn verdicts(&mut self, now: Instant) -> Vec<Verdict> {
        self.advance(now);
        self.verdicts.clone()
    }

    /// Every accepted heartbeat: when, since the group began, and for which hook.
    #[must_use]
    pub fn heartbeats(&self) -> &[(Duration, String)] {
        &self.heartbeats
    }

    /// The health statuses callers set, in order.
    #[must_use]
    pub fn health(&self) -> &[String] {
        &self.health
    }

    fn open_action(
        &mut self,
        group: &str,
        hook: &str,
        subject: &Subject,
    ) -> Result<&mut Action, Refusal> {
        if group != self.name {
            return Err(Refusal::NoGroup(group.to_owned()));
        }
        let instance = &self.instance;
        let named = |action: &&mut Action| {
            action.result.is_none()
                && action.hook.name == hook
                && match subject {
                    Subject::Instance(id) => id == instance,
                    Subject::Token(token) => *token == action.token,
                }
        };
        match &mut self.phase {
            Phase::Wait(_, actions) => actions.iter_mut().find(named),
            Phase::Pending | Phase::Proceed(..) | Phase::InService | Phase::Terminating => None,
        }
        .ok_or_else(|| Refusal::NoActiveAction(subject.clone()))
    }

    /// Carries out what time has brought about up to `now`.
    fn advance(&mut self, now: Instant) {
        loop {
            match &mut self.phase {
                Phase::Pending => match self.opens {
                    Opens::After(wait) if now >= self.began + wait => {
                        self.open(Transition::Launching, self.began + wait);
                    }
                    Opens::AfterCompletions(count) if self.early >= count => {
                        self.open(Transition::Launching, now)
                    }
                    Opens::After(_) | Opens::AfterCompletions(_) => return,
                },
                Phase::Wait(transition, actions) => {
                    let transition = *transition;
                    for action in actions
                        .iter_mut()
                        .filter(|a| a.result.is_none() && now >= a.due)
                    {
                        action.result = Some(action.hook.default_result);
                        self.verdicts.push(Verdict {
                            at: action.due.saturating_duration_since(self.began),
                            hook: action.hook.name.clone(),
                            outcome: action.hook.default_result,
                            author: Author::TimeOut,
                            refused: None,
                        });
                    }
                    let abandoned = actions.iter().any(|a| a.result == Some(Outcome::Abandon));
                    let open = actions.iter().any(|a| a.result.is_none());
                    self.phase = match (transition, abandoned, open) {
                        (Transition::Launching, true, _) => Phase::Terminating,
                        (_, false, true) => return,
                        (Transition::Launching | Transition::Terminating, _, _) => {
                            Phase::Proceed(transition, now)
                        }
                    };
                }
                Phase::Proceed(transition, since) => {
                    if now < *since + self.proceed {
                        return;
                    }
                    self.phase = match transition {
                        Transition::Launching => Phase::InService,
                        Transition::Terminating => Phase::Terminating,
                    };
                }
                Phase::InService | Phase::Terminating => return,
            }
        }
    }

    fn open(&mut self, transition: Transition, at: Instant) {
        let actions: Vec<Action> = self
            .hooks
            .iter()
            .filter(|hook| hook.transition == transition)
            .enumerate()
            .map(|(number, hook)| Action {
                token: format!("00000000-0000-4000-8000-{number:012}"),
                due: at + hook.heartbeat_timeout,
                limit: at
                    + (hook.heartbeat_timeout * GLOBAL_TIMEOUT_FACTOR).min(GLOBAL_TIMEOUT_MOST),
                result: None,
                hook: hook.clone(),
            })
            .collect();
        self.phase = if actions.is_empty() {
            Phase::Proceed(transition, at)
        } else {
            Phase::Wait(transition, actions)
        };
    }
}
