//! What the group and its callers talk about: states, hooks, results, refusals.

use std::fmt;
use std::time::Duration;

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
