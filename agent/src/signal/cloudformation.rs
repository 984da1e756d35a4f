//! A CloudFormation resource that waits for a signal.

use super::{Answer, Delivery, SignalError};
use crate::{
    aws::{CallError, Cause},
    context::{Context, Deadline},
    retry::{self, Backoff},
};
use aws_sdk_cloudformation::{Client, types::ResourceSignalStatus};
use serde::{Deserialize, Serialize};
use std::fmt;

const SIGNAL: &str = "cloudformation:SignalResource";

/// One resource to be told about one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackTarget {
    /// Stack name or id.
    pub stack: String,
    /// Logical resource id.
    pub resource: String,
    /// The instance: the signal's unique id, so that a repeat counts once.
    pub instance_id: String,
}

impl fmt::Display for StackTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resource `{}` of stack `{}`", self.resource, self.stack)
    }
}

/// Tells a resource SUCCESS (CONTINUE) or FAILURE (ABANDON), until it is known to have arrived or
/// `deadline` passes. A resource that waits no more is told enough.
///
/// # Errors
/// Denied, a stack or resource that does not exist, or time ran out.
pub async fn deliver_cloudformation(
    cx: &Context,
    target: &StackTarget,
    answer: Answer,
    deadline: Deadline,
) -> Result<Delivery, SignalError> {
    let client = Client::new(&cx.aws);
    let backoff = Backoff {
        base: cx.timings.backoff_base,
        cap: cx.timings.backoff_cap,
    };
    let status = match answer {
        Answer::Continue => ResourceSignalStatus::Success,
        Answer::Abandon => ResourceSignalStatus::Failure,
    };
    let attempt = async || {
        let call = client
            .signal_resource()
            .stack_name(&target.stack)
            .logical_resource_id(&target.resource)
            .unique_id(&target.instance_id)
            .status(status.clone());
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::new(SIGNAL, &cx.aws, &error)),
        }
    };
    let cut_off = || CallError::cut_off(SIGNAL, &cx.aws);
    match retry::until(SIGNAL, backoff, deadline, &cx.report, cut_off, attempt).await {
        Ok(()) => Ok(Delivery::Accepted),
        Err(error) => match complete_state(&error) {
            Some(state) => Ok(Delivery::Late { state }),
            None => {
                let stack = format!("the stack `{}`", target.stack);
                let what = format!("{} to {target}", status.as_str());
                Err(SignalError::from_call(error, what, stack))
            }
        },
    }
}

/// The state out of "Resource … is in CREATE_COMPLETE state and cannot be signaled".
fn complete_state(error: &CallError) -> Option<String> {
    let signalled = error.cause == Cause::Refused
        && error
            .message
            .contains("_COMPLETE state and cannot be signaled");
    signalled.then(|| {
        let mut words = error.message.split_whitespace();
        let state = words.find(|word| word.ends_with("_COMPLETE"));
        state.unwrap_or("complete").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_resource_is_told_enough() {
        for (message, state) in [
            (
                "Resource Group is in CREATE_COMPLETE state and cannot be signaled",
                Some("CREATE_COMPLETE"),
            ),
            (
                "Resource Group is in CREATE_FAILED state and cannot be signaled",
                None,
            ),
            ("Stack web does not exist", None),
        ] {
            let error = CallError {
                action: SIGNAL,
                endpoint: String::new(),
                cause: Cause::Refused,
                code: Some("ValidationError".to_owned()),
                message: message.to_owned(),
            };
            assert_eq!(complete_state(&error).as_deref(), state);
        }
    }
}
