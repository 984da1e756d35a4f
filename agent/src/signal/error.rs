//! Why a signal could not be given.

use crate::{
    aws::{CallError, Cause},
    verdict::{Failure, Reason},
};

/// Why a signal could not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// It may not be sent.
    #[error("{call}; grant the instance's role `{}` on {resource}", call.action)]
    Denied {
        /// What AWS said: principal, action and resource.
        call: Box<CallError>,
        /// The resource to grant it on.
        resource: String,
    },
    /// The hook to be told cannot be told apart, or does not exist.
    #[error("{0}")]
    Hook(String),
    /// The group does not exist, or the instance is not in it.
    #[error("{0}")]
    Group(String),
    /// It could not be delivered to the end.
    #[error("{what} could not be delivered: {last}")]
    Undelivered {
        /// What: `CONTINUE to hook …`.
        what: String,
        /// The last thing that was seen.
        last: String,
    },
}

impl Failure for SignalError {
    fn reason(&self) -> Reason {
        match self {
            SignalError::Denied { .. } => Reason::SignalDenied,
            SignalError::Hook(_) => Reason::HookUnknown,
            SignalError::Group(_) => Reason::GroupUnknown,
            SignalError::Undelivered { .. } => Reason::SignalUndelivered,
        }
    }
}

impl SignalError {
    /// The error for a call that failed to the end; `what` was to be delivered on `resource`.
    pub(super) fn from_call(call: CallError, what: String, resource: String) -> SignalError {
        match call.cause {
            Cause::Denied | Cause::Undecryptable => SignalError::Denied {
                call: Box::new(call),
                resource,
            },
            Cause::Throttled
            | Cause::Unreachable
            | Cause::Unavailable
            | Cause::Credentials
            | Cause::Clock
            | Cause::Refused => SignalError::Undelivered {
                what,
                last: call.to_string(),
            },
        }
    }
}
