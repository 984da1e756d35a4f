//! What the group and its callers talk about: hooks, results, refusals.

use std::fmt;
use std::time::Duration;

use super::lifecycle::Lifecycle;

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

/// How a group's warm pool keeps its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pool {
    /// Stopped, as is the default.
    #[default]
    Stopped,
    /// Running.
    Running,
    /// Hibernated.
    Hibernated,
}

impl Pool {
    /// The state in which its instances rest.
    #[must_use]
    pub const fn state(self) -> Lifecycle {
        match self {
            Self::Stopped => Lifecycle::WarmedStopped,
            Self::Running => Lifecycle::WarmedRunning,
            Self::Hibernated => Lifecycle::WarmedHibernated,
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
    /// This long after the launch, or after the warm pool was left.
    After(Duration),
    /// After this many completions were refused for being early.
    AfterCompletions(u32),
}

/// Why a call was refused, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No hook is open for this instance or token under this name.
    NoActiveAction(Subject),
    /// There is no such group.
    NoGroup(String),
    /// From the state that the instance is in, nothing leads where it was ordered.
    NoWay(Option<Lifecycle>),
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
            Self::NoWay(Some(state)) => write!(out, "no way leads there from {state}"),
            Self::NoWay(None) => write!(out, "no way leads there for an instance in no group"),
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
