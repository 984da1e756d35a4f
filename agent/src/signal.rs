//! Whom to tell, and telling them: group, hooks, heartbeats, CONTINUE or ABANDON, CloudFormation.
//!
//! Sources: "Amazon EC2 Auto Scaling lifecycle hooks" and the API references of Auto Scaling and
//! CloudFormation. A signal names the instance, not a token: metadata does not tell the token.
//!
//! To add somebody who can wait for a verdict: a variant of `Recipient`, found in `whom`, told in
//! [`deliver()`].

mod cloudformation;
mod deliver;
mod group;
mod heartbeat;
mod join;
mod look;
pub mod reconcile;
mod standing;
mod unhealthy;
mod whom;

pub use deliver::{Ended, Verdict, deliver};
pub use group::{Hook, Hooks, Membership, Way};
pub use heartbeat::heartbeat;
pub use join::join;
pub use look::look;
pub use standing::{Standing, standing};
pub use unhealthy::unhealthy;

use crate::aws::{CallError, Cause};
use crate::verdict::{Failure, Reason};

/// What went wrong with finding out whom to tell, or with telling them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Metadata failed while it was asked for the group.
    #[error(transparent)]
    Metadata(#[from] crate::imds::ImdsError),
    /// Several hooks, and the spec names none.
    #[error(
        "group {group} has several {} hooks ({}) and the spec names none; name yours in `signal: {{{}: …}}`",
        way.word(), hooks.join(", "), way.key()
    )]
    HookUnnamed {
        /// Which hooks.
        way: Way,
        /// The group.
        group: String,
        /// Those that it has.
        hooks: Vec<String>,
    },
    /// The spec names a hook that the group does not have.
    #[error(
        "group {group} has no {} hook {hook} (it has: {}); correct `signal: {{{}: …}}` or make the hook",
        way.word(), if hooks.is_empty() { "none".to_owned() } else { hooks.join(", ") }, way.key()
    )]
    HookUnknown {
        /// Which hooks.
        way: Way,
        /// The group.
        group: String,
        /// The hook that was named.
        hook: String,
        /// Those that it has.
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
        "the {} hooks of group {group} cannot be listed: {why}; allow autoscaling:DescribeLifecycleHooks on \"*\", or name the hook in `signal: {{{}: …}}`",
        way.word(), way.key()
    )]
    HooksHidden {
        /// Which hooks.
        way: Way,
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
    /// Whether the spec is wrong, or what it names: asking again gets the same answer.
    fn is_the_specs(&self) -> bool {
        matches!(self.reason(), Reason::HookUnknown | Reason::GroupUnknown)
    }

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
