//! The group this instance is in, and the hooks it has.

use super::{SignalError, standing::standing};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Kind,
    retry,
};
use std::time::Duration;
use tokio::time::sleep;

/// Whether this instance is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// In none: Auto Scaling says so.
    Outside,
    /// In none as far as metadata tells; Auto Scaling could not be asked.
    Unconfirmed,
    /// In one that cannot be named: why not.
    Nameless(String),
    /// In this one.
    Member {
        /// The group's name.
        group: String,
        /// Its hooks.
        hooks: Hooks,
    },
}

impl Membership {
    /// Whether it is in one, as far as is known.
    pub fn is_member(&self) -> bool {
        match self {
            Membership::Outside | Membership::Unconfirmed => false,
            Membership::Nameless(_) | Membership::Member { .. } => true,
        }
    }
}

/// The hooks of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hooks {
    /// These.
    Known(Vec<Hook>),
    /// They cannot be listed: why not.
    Hidden(String),
}

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// When it holds an instance.
    pub way: Way,
    /// How long it waits for a heartbeat or a verdict.
    pub heartbeat_timeout: Duration,
}

impl Hooks {
    /// The names of those on this way, as far as known.
    pub fn names(&self, way: Way) -> Vec<String> {
        match self {
            Hooks::Known(hooks) => hooks
                .iter()
                .filter(|hook| hook.way == way)
                .map(|hook| hook.name.clone())
                .collect(),
            Hooks::Hidden(_) => vec![],
        }
    }
}

/// When a hook holds an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// On its way in: into service, or into a warm pool for the first time.
    In,
    /// On its way out: out of the group, or back into a warm pool.
    Out,
}

impl Way {
    /// The way that a transition of this kind goes.
    pub fn of(kind: Kind) -> Way {
        match kind {
            Kind::Launch | Kind::WarmEnter => Way::In,
            Kind::WarmReturn | Kind::Terminate => Way::Out,
        }
    }

    /// What people call its hooks.
    pub fn word(self) -> &'static str {
        match self {
            Way::In => "launch",
            Way::Out => "terminate",
        }
    }

    /// The key of `signal:` that names them.
    pub fn key(self) -> &'static str {
        match self {
            Way::In => "launching",
            Way::Out => "terminating",
        }
    }

    fn named(transition: &str) -> Option<Way> {
        match transition {
            "autoscaling:EC2_INSTANCE_LAUNCHING" => Some(Way::In),
            "autoscaling:EC2_INSTANCE_TERMINATING" => Some(Way::Out),
            _ => None,
        }
    }
}

/// The tag that names the group, where tags are allowed in instance metadata.
const TAG: &str = "aws:autoscaling:groupName";

/// Asks metadata and Auto Scaling, until `cx.deadline`.
///
/// The target state appears in metadata some moments after a member has booted, so its absence alone
/// says nothing for `group_patience`. After that an instance without it, and without a role or a way
/// to Auto Scaling, is a launch of its own.
pub(super) async fn discover(cx: &Context, me: &Identity) -> Result<Membership, SignalError> {
    let half = cx.deadline.remaining() / 2;
    let patience = cx.timings.group_patience.min(half);
    // The tag only saves a call: where metadata cannot tell it, there is time left to ask Auto Scaling.
    let mut tagged = Some(Deadline::after(patience / 2));
    let patience = Deadline::after(patience);
    loop {
        if let Some(deadline) = tagged.filter(|deadline| !deadline.passed()) {
            match cx.imds.tag(TAG, deadline).await {
                Ok(Some(group)) => return member(cx, group).await,
                Ok(None) => {}
                Err(error) => {
                    cx.report.info(&format!(
                        "the group's tag cannot be read, so Auto Scaling is asked: {error}"
                    ));
                    tagged = None;
                }
            }
        }
        let described = standing(cx, me, patience).await;
        // Only members of a group have one.
        let target = cx.imds.target_state(cx.deadline).await;
        // What Auto Scaling said is the news.
        let (described, is_member) = match (described, target) {
            (Ok(Some(instance)), _) => return member(cx, instance.group).await,
            (Err(error), Err(_)) => return Err(SignalError::Undelivered { error }),
            (described, target) => (described, target?.is_some()),
        };
        match (described, is_member) {
            (Ok(_), false) => return Ok(Membership::Outside),
            (Err(error), false) if patience.passed() => {
                let words = format!(
                    "{error}; instance metadata has no target state, so this instance counts as in no Auto Scaling group"
                );
                cx.report.warn("group_unconfirmed", &words);
                return Ok(Membership::Unconfirmed);
            }
            (Err(error), true) if is_answer(&error) => {
                return Ok(Membership::Nameless(error.to_string()));
            }
            (Err(error), true) if patience.passed() => return insist(cx, me, error).await,
            // The group does not list a new member yet, or metadata does not tell yet.
            (Ok(_), true) | (Err(_), _) => {}
        }
        sleep(cx.timings.reconcile_poll.min(cx.deadline.remaining())).await;
    }
}

/// A member's group is asked for until the deadline.
async fn insist(cx: &Context, me: &Identity, last: CallError) -> Result<Membership, SignalError> {
    match standing(cx, me, cx.deadline).await {
        Ok(Some(instance)) => member(cx, instance.group).await,
        Ok(None) => Err(SignalError::Undelivered { error: last }),
        Err(error) if is_answer(&error) => Ok(Membership::Nameless(error.to_string())),
        Err(error) => Err(SignalError::Undelivered { error }),
    }
}

/// Auto Scaling answered, and will not tell however long it is asked.
fn is_answer(error: &CallError) -> bool {
    matches!(error.cause, Cause::Denied | Cause::Refused)
}

/// Membership in `group`, with its hooks.
pub(super) async fn member(cx: &Context, group: String) -> Result<Membership, SignalError> {
    const ACTION: &str = "autoscaling:DescribeLifecycleHooks";
    let client = aws_sdk_autoscaling::Client::new(&cx.aws);
    let answer = retry::until(
        ACTION,
        cx.timings.backoff(),
        cx.deadline,
        &cx.report,
        |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &cx.aws)),
        async || {
            let call = client
                .describe_lifecycle_hooks()
                .auto_scaling_group_name(&group)
                .send();
            call.await
                .map_err(|error| CallError::new(ACTION, &cx.aws, &error))
        },
    )
    .await;
    match answer {
        Ok(answer) => {
            let hooks = answer.lifecycle_hooks().iter().filter_map(|hook| {
                let seconds = hook
                    .heartbeat_timeout()
                    .and_then(|seconds| u64::try_from(seconds).ok());
                Some(Hook {
                    name: hook.lifecycle_hook_name()?.to_owned(),
                    way: Way::named(hook.lifecycle_transition()?)?,
                    // The API's default.
                    heartbeat_timeout: Duration::from_secs(seconds.unwrap_or(3600)),
                })
            });
            Ok(Membership::Member {
                group,
                hooks: Hooks::Known(hooks.collect()),
            })
        }
        Err(error) => match error.cause {
            Cause::Denied => Ok(Membership::Member {
                group,
                hooks: Hooks::Hidden(error.to_string()),
            }),
            Cause::Refused => Err(SignalError::Unknown { error }),
            Cause::Undecryptable
            | Cause::Throttled
            | Cause::Unreachable
            | Cause::TimeUp
            | Cause::Unavailable
            | Cause::Credentials
            | Cause::Clock => Err(SignalError::Undelivered { error }),
        },
    }
}
