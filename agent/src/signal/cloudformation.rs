//! CloudFormation's SignalResource: for stacks whose group waits by CreationPolicy or UpdatePolicy.

use super::{SignalError, deliver::Told};
use crate::{
    aws::{self, CallError, Cause},
    context::{Context, Deadline},
    imds::Identity,
    retry,
};
use aws_sdk_cloudformation::types::ResourceSignalStatus;

const ACTION: &str = "cloudformation:SignalResource";

/// Sends SUCCESS where `go`, else FAILURE. The instance's id makes a repeat the same signal.
pub(super) async fn deliver(
    cx: &Context,
    me: &Identity,
    stack: &str,
    resource: &str,
    go: bool,
    deadline: Deadline,
) -> Result<Told, SignalError> {
    let client = aws_sdk_cloudformation::Client::new(&cx.aws);
    let status = if go {
        ResourceSignalStatus::Success
    } else {
        ResourceSignalStatus::Failure
    };
    let sent = retry::until(
        ACTION,
        cx.timings.backoff(),
        deadline,
        &cx.report,
        |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &cx.aws)),
        async || {
            let call = client
                .signal_resource()
                .stack_name(stack)
                .logical_resource_id(resource)
                .unique_id(&me.instance_id)
                .status(status.clone())
                .send();
            call.await
                .map_err(|error| CallError::new(ACTION, &cx.aws, &error))
        },
    )
    .await;
    match sent {
        Ok(_) => Ok(Told::Taken),
        // "Stack … is in CREATE_COMPLETE state and cannot be signaled": the stack waits no more, as for
        // every instance that the group launches later.
        Err(error)
            if error.cause == Cause::Refused && error.message.contains("cannot be signaled") =>
        {
            Ok(Told::Needless("the stack waits for no signal any more"))
        }
        Err(error) => {
            let Identity {
                region, account, ..
            } = me;
            let granted = if stack.starts_with("arn:") {
                stack.to_owned()
            } else {
                let partition = aws::partition(region);
                format!("arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/*")
            };
            Err(SignalError::of(error, granted))
        }
    }
}
