//! The Auto Scaling group, as far as one instance of it goes: a pure state machine.
//!
//! No I/O and no clock: every call brings `now`, and timers are carried out when somebody looks.
//! Rules after the Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle hooks" and "Complete a
//! lifecycle action".
//!
//! To add a transition (termination, warm pool): a variant of [`Transition`] with its wait and proceed states, and the
//! edge that opens it.

use std::fmt;
use std::time::{Duration, Instant};

/// A group's heartbeats may stretch a wait to at most this many time-outs (`GlobalTimeout` of DescribeLifecycleHooks).
const GLOBAL_TIMEOUT_FACTOR: u32 = 100;

/// Where the instance stands in its group, in the words of DescribeAutoScalingInstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Launched; the hooks are not open yet.
    Pending,
    /// Waiting for its launch hooks.
    PendingWait,
    /// The hooks are done, the instance is being put into service.
    PendingProceed,
    /// In service.
    InService,
    /// On its way out.
    Terminating,
    /// Waiting for its termination hooks.
    TerminatingWait,
    /// The termination hooks are done.
    TerminatingProceed,
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pending => "Pending",
            Self::PendingWait => "Pending:Wait",
            Self::PendingProceed => "Pending:Proceed",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
        })
    }
}

/// What a hook holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`
    Terminating,
}

impl Transition {
    /// The name the API gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }
}

/// A lifecycle action's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Go on.
    Continue,
    /// At launch: terminate and replace.
    Abandon,
}

impl Outcome {
    /// Reads the API's word for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "CONTINUE" => Some(Self::Continue),
            "ABANDON" => Some(Self::Abandon),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        })
    }
}

/// A lifecycle hook of the group.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// What it holds up.
    pub transition: Transition,
    /// How long it waits from its opening or the last heartbeat. AWS allows 30 to 7200 s; here any time does, and the
    /// API reports at least 30 s.
    pub heartbeat_timeout: Duration,
    /// What a time-out counts as.
    pub default_result: Outcome,
}

impl Hook {
    /// A launch hook with AWS's default result, ABANDON, and an hour to wait.
    #[must_use]
    pub fn launching(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            transition: Transition::Launching,
            heartbeat_timeout: Duration::from_secs(3600),
            default_result: Outcome::Abandon,
        }
    }

    /// A termination hook with AWS's defaults.
    #[must_use]
    pub fn terminating(name: &str) -> Self {
        Self {
            transition: Transition::Terminating,
            ..Self::launching(name)
        }
    }

    /// Sets how long it waits.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.heartbeat_timeout = timeout;
        self
    }

    /// Sets what a time-out counts as.
    #[must_use]
    pub const fn default_result(mut self, outcome: Outcome) -> Self {
        self.default_result = outcome;
        self
    }
}

/// When `Pending` becomes `Pending:Wait`. Real groups take seconds, and agents that signal before it are refused.
#[derive(Debug, Clone, Copy)]
pub enum Opens {
    /// This long after the stage started.
    After(Duration),
    /// After this many completions were refused for being early.
    AfterCompletions(u32),
}

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
}

/// Why a call was refused, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No hook is open for this instance or token under this name.
    NoActiveAction(Subject),
    /// There is no such group.
    NoGroup(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Text from convox/rack#2432 and spacelift-io/terraform-aws-spacelift-workerpool-on-ec2#197.
            Self::NoActiveAction(Subject::Instance(id)) => {
                write!(
                    out,
                    "No active Lifecycle Action found with instance ID {id}"
                )
            }
            Self::NoActiveAction(Subject::Token(token)) => {
                write!(out, "No active Lifecycle Action found with token {token}")
            }
            // Text from aws/aws-sdk-go#1151.
            Self::NoGroup(name) => {
                write!(
                    out,
                    "AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
                )
            }
        }
    }
}

/// How a caller names the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// By instance id.
    Instance(String),
    /// By lifecycle action token.
    Token(String),
}

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
                limit: at + hook.heartbeat_timeout * GLOBAL_TIMEOUT_FACTOR,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn group(hooks: Vec<Hook>, opens: Opens) -> (Group, Instant) {
        let now = Instant::now();
        (
            Group::new("web", "i-1", hooks, opens, Duration::ZERO, now),
            now,
        )
    }

    fn me() -> Subject {
        Subject::Instance("i-1".to_owned())
    }

    #[test]
    fn one_hook_decides() {
        for (outcome, state, target) in [
            (Outcome::Continue, Lifecycle::InService, "InService"),
            (Outcome::Abandon, Lifecycle::Terminating, "Terminated"),
        ] {
            let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(Duration::ZERO));
            assert_eq!(group.state(now), Lifecycle::PendingWait);
            assert_eq!(group.complete("web", "up", me(), outcome, now), Ok(()));
            assert_eq!((group.state(now), group.target(now)), (state, target));
            assert_eq!(
                group.complete("web", "up", me(), outcome, now),
                Err(Refusal::NoActiveAction(me())),
                "a second completion is refused"
            );
            assert_eq!(
                group
                    .verdicts(now)
                    .iter()
                    .filter(|v| v.refused.is_none())
                    .count(),
                1
            );
        }
    }

    #[test]
    fn too_early_is_refused_until_it_opens() {
        let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(SECOND));
        assert!(
            group
                .complete("web", "up", me(), Outcome::Continue, now)
                .is_err()
        );
        assert_eq!(group.state(now), Lifecycle::Pending);
        assert!(
            group
                .complete("web", "up", me(), Outcome::Continue, now + SECOND)
                .is_ok()
        );
        assert_eq!(group.state(now + SECOND), Lifecycle::InService);
    }

    #[test]
    fn opens_after_a_count_of_early_calls() {
        let (mut group, now) = group(vec![Hook::launching("up")], Opens::AfterCompletions(2));
        for refused in [true, true, false] {
            assert_eq!(
                group
                    .complete("web", "up", me(), Outcome::Continue, now)
                    .is_err(),
                refused
            );
        }
        assert_eq!(group.state(now), Lifecycle::InService);
    }

    #[test]
    fn all_hooks_must_continue_and_one_abandon_ends_it() {
        let hooks = || {
            vec![
                Hook::launching("a"),
                Hook::launching("b"),
                Hook::terminating("c"),
            ]
        };
        let (mut all, now) = group(hooks(), Opens::After(Duration::ZERO));
        assert_eq!(
            all.complete("web", "a", me(), Outcome::Continue, now),
            Ok(())
        );
        assert_eq!(all.state(now), Lifecycle::PendingWait, "still held by b");
        assert!(
            all.complete("web", "c", me(), Outcome::Continue, now)
                .is_err(),
            "not this transition's hook"
        );
        assert_eq!(
            all.complete("web", "b", me(), Outcome::Continue, now),
            Ok(())
        );
        assert_eq!(all.state(now), Lifecycle::InService);

        let (mut one, now) = group(hooks(), Opens::After(Duration::ZERO));
        assert_eq!(
            one.complete("web", "b", me(), Outcome::Abandon, now),
            Ok(())
        );
        assert_eq!(one.state(now), Lifecycle::Terminating);
    }

    #[test]
    fn time_outs_take_the_default_result_and_heartbeats_put_them_off() {
        for (default, state) in [
            (Outcome::Abandon, Lifecycle::Terminating),
            (Outcome::Continue, Lifecycle::InService),
        ] {
            let hook = Hook::launching("up")
                .timeout(SECOND)
                .default_result(default);
            let (mut group, now) = group(vec![hook], Opens::After(Duration::ZERO));
            assert_eq!(
                group.heartbeat("web", "up", &me(), now + SECOND / 2),
                Ok(())
            );
            assert_eq!(group.state(now + SECOND), Lifecycle::PendingWait);
            assert_eq!(group.state(now + SECOND * 2), state);
            let verdicts = group.verdicts(now + SECOND * 2);
            assert_eq!(
                verdicts.first().map(|v| (v.author, v.at)),
                Some((Author::TimeOut, SECOND * 3 / 2))
            );
            assert!(
                group
                    .heartbeat("web", "up", &me(), now + SECOND * 2)
                    .is_err()
            );
        }
    }

    #[test]
    fn heartbeats_end_at_a_hundred_time_outs() {
        let (mut group, now) = group(
            vec![Hook::launching("up").timeout(SECOND)],
            Opens::After(Duration::ZERO),
        );
        let mut at = now;
        while group.heartbeat("web", "up", &me(), at).is_ok() {
            at += SECOND / 2;
        }
        assert_eq!(at - now, SECOND * 100);
    }

    #[test]
    fn without_hooks_it_goes_straight_into_service() {
        let (mut group, now) = group(vec![], Opens::After(SECOND));
        assert_eq!(group.state(now), Lifecycle::Pending);
        assert_eq!(group.state(now + SECOND), Lifecycle::InService);
    }

    #[test]
    fn strangers_are_refused() {
        let (mut group, now) = group(vec![Hook::launching("up")], Opens::After(Duration::ZERO));
        let stranger = Subject::Instance("i-2".to_owned());
        assert!(
            group
                .complete("web", "up", stranger, Outcome::Continue, now)
                .is_err()
        );
        assert!(
            group
                .complete("web", "down", me(), Outcome::Continue, now)
                .is_err()
        );
        assert!(matches!(
            group.complete("api", "up", me(), Outcome::Continue, now),
            Err(Refusal::NoGroup(_))
        ));
        assert_eq!(group.state(now), Lifecycle::PendingWait);
    }

    #[test]
    fn termination_hooks_hold_a_termination() {
        let (mut group, now) = group(
            vec![Hook::terminating("down")],
            Opens::After(Duration::ZERO),
        );
        assert_eq!(group.state(now), Lifecycle::InService);
        group.terminate(now);
        assert_eq!(
            (group.state(now), group.target(now)),
            (Lifecycle::TerminatingWait, "Terminated")
        );
        assert!(
            group
                .complete("web", "down", me(), Outcome::Abandon, now)
                .is_ok()
        );
        assert_eq!(group.state(now), Lifecycle::Terminating);
    }
}
