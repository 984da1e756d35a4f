//! Whom to tell, and telling them: group, hooks, heartbeats, CONTINUE or ABANDON, CloudFormation.
//!
//! Sources: "Amazon EC2 Auto Scaling lifecycle hooks" and the API references of Auto Scaling and
//! CloudFormation. A signal names the instance, not a token: metadata does not tell the token.
//!
//! To add somebody who can wait for a verdict: a variant of `Recipient`, found in [`join()`], told in
//! [`deliver()`].

mod cloudformation;
mod deliver;
mod group;
mod heartbeat;
mod join;
mod reconcile;

pub use deliver::deliver;
pub use group::{Hook, Hooks, Membership};
pub use heartbeat::heartbeat;
pub use join::join;

/// What a recipient is told.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Of which transition.
    pub kind: crate::lifecycle::Kind,
    /// Where the group wanted the instance when that began.
    pub target: Option<crate::imds::TargetState>,
    /// CONTINUE, or ABANDON.
    pub go: bool,
    /// An earlier process may have told it already.
    pub again: bool,
}

/// Where the group has the instance.
pub async fn look(cx: &crate::context::Context, me: &crate::imds::Identity) -> Option<String> {
    let deadline = crate::context::Deadline::after(cx.timings.aws_attempt);
    let found = group::described(cx, me, deadline).await.ok().flatten();
    found.map(|found| found.state)
}

/// Tells the group that this instance is unhealthy.
pub async fn unhealthy(cx: &crate::context::Context, me: &crate::imds::Identity) {
    let _ = (cx, me);
}

use crate::aws::{CallError, Cause};
use crate::verdict::{Failure, Reason};

/// What went wrong with finding out whom to tell, or with telling them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Metadata failed while it was asked for the group.
    #[error(transparent)]
    Metadata(#[from] crate::imds::ImdsError),
    /// Several launch hooks, and the spec names none.
    #[error(
        "group {group} has several launch hooks ({}) and the spec names none; name yours in `signal: {{launching: …}}`",
        hooks.join(", ")
    )]
    HookUnnamed {
        /// The group.
        group: String,
        /// Its launch hooks.
        hooks: Vec<String>,
    },
    /// The spec names a launch hook that the group does not have.
    #[error(
        "group {group} has no launch hook {hook} (it has: {}); correct `signal: {{launching: …}}` or make the hook",
        if hooks.is_empty() { "none".to_owned() } else { hooks.join(", ") }
    )]
    HookUnknown {
        /// The group.
        group: String,
        /// The hook that was named.
        hook: String,
        /// Its launch hooks.
        hooks: Vec<String>,
    },
    /// The spec names a group, or a stack, that does not exist, or that the instance is not in.
    #[error("{error}; correct `signal:` in the spec")]
    Unknown {
        /// What was asked, and the answer.
        error: CallError,
    },
    /// The spec names a group, and the instance is in another.
    #[error(
        "`signal: {{group: {named}}}` names a group that this instance is not in: it is in {is}; correct `signal:` in the spec"
    )]
    OtherGroup {
        /// The group that is named.
        named: String,
        /// The group that the instance is in.
        is: String,
    },
    /// The spec names a group, and the instance is in none.
    #[error(
        "`signal: {{group: {named}}}` names a group, and this instance is in none; correct `signal:` in the spec, or launch by the group"
    )]
    NoGroup {
        /// The group that is named.
        named: String,
    },
    /// The instance is in a group, and which one cannot be found out.
    #[error(
        "this instance is in an Auto Scaling group (metadata has a target state), and which one cannot be found out: {why}; name it in `signal: {{group: …}}`, allow tags in instance metadata, or allow autoscaling:DescribeAutoScalingInstances"
    )]
    GroupUnknown {
        /// Why not.
        why: String,
    },
    /// The group's hooks cannot be listed, and the spec names none.
    #[error(
        "the launch hooks of group {group} cannot be listed: {why}; allow autoscaling:DescribeLifecycleHooks on \"*\", or name the hook in `signal: {{launching: …}}`"
    )]
    HooksHidden {
        /// The group.
        group: String,
        /// Why not.
        why: String,
    },
    /// Telling is denied.
    #[error("{error}; allow {action} on {resource}", action = error.action)]
    Denied {
        /// What was asked, and the answer.
        error: CallError,
        /// The resource to grant it on.
        resource: String,
    },
    /// The verdict could not be delivered to the end.
    #[error(
        "the verdict could not be delivered in time: {error}; start firstlight again to deliver it"
    )]
    Undelivered {
        /// What was asked last, and the answer.
        error: CallError,
    },
}

impl Failure for SignalError {
    fn reason(&self) -> Reason {
        match self {
            SignalError::Metadata(error) => error.reason(),
            SignalError::HookUnnamed { .. } | SignalError::HookUnknown { .. } => {
                Reason::HookUnknown
            }
            SignalError::Unknown { .. }
            | SignalError::OtherGroup { .. }
            | SignalError::NoGroup { .. } => Reason::GroupUnknown,
            SignalError::GroupUnknown { .. }
            | SignalError::HooksHidden { .. }
            | SignalError::Denied { .. } => Reason::SignalDenied,
            SignalError::Undelivered { .. } => Reason::SignalUndelivered,
        }
    }
}

impl SignalError {
    /// What a failed call to tell somebody means; `resource` is what it would be granted on.
    fn of(error: CallError, resource: String) -> SignalError {
        match error.cause {
            Cause::Denied | Cause::Undecryptable => SignalError::Denied { error, resource },
            Cause::Refused => SignalError::Unknown { error },
            Cause::Throttled
            | Cause::Unreachable
            | Cause::TimeUp
            | Cause::Unavailable
            | Cause::Credentials
            | Cause::Clock => SignalError::Undelivered { error },
        }
    }
}
