//! Delivering a verdict: until it is taken, is known to be needless, or time is up.

use super::{
    SignalError, cloudformation,
    group::described,
    reconcile::{Next, next},
};
use crate::{
    aws::{self, CallError, Cause},
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::{Recipient, Settled},
    retry,
    verdict::{LaunchError, Reason, Stage},
};
use tokio::time::{Instant, sleep};

const ACTION: &str = "autoscaling:CompleteLifecycleAction";

/// Tells `to` the verdict: CONTINUE where `go`, else ABANDON. `again` says that an earlier process may
/// have told it already.
pub async fn deliver(
    cx: &Context,
    me: &Identity,
    to: &Recipient,
    told: super::Verdict,
    deadline: Deadline,
) -> Settled {
    let (go, again) = (told.go, told.again);
    let told = match to {
        Recipient::Hook { group, hook } => {
            Completion {
                cx,
                me,
                group,
                hook,
                go,
                deadline,
            }
            .deliver(again)
            .await
        }
        Recipient::CloudFormation { stack, resource } => {
            cloudformation::deliver(cx, me, stack, resource, go, deadline).await
        }
        Recipient::Unknown { why } => {
            return Settled::Failed(LaunchError {
                stage: Stage::Signal,
                reason: Reason::SignalDenied,
                message: why.clone(),
            });
        }
    };
    match told {
        Ok(Told::Taken) => Settled::Delivered,
        Ok(Told::Needless(why)) => Settled::Needless(why.to_owned()),
        Err(error) => Settled::Failed(LaunchError::at(Stage::Signal, &error)),
    }
}

/// How somebody came to wait no more.
pub(super) enum Told {
    /// It took the verdict.
    Taken,
    /// It waits for none any more: in words, why.
    Needless(&'static str),
}

/// One hook's completion.
struct Completion<'a> {
    cx: &'a Context,
    me: &'a Identity,
    group: &'a str,
    hook: &'a str,
    go: bool,
    deadline: Deadline,
}

impl Completion<'_> {
    /// A refusal is not an end: the group may not be at `:Wait` yet, and an answer that was lost makes
    /// the next attempt a refusal. What the group says of the instance tells which.
    async fn deliver(&self, mut sent: bool) -> Result<Told, SignalError> {
        let mut refused_since: Option<Instant> = None;
        loop {
            let error = match self.send(&mut sent).await {
                Ok(()) => return Ok(Told::Taken),
                Err(error) if no_active_action(&error) => error,
                Err(error) => return Err(SignalError::of(error, self.resource())),
            };
            let since = *refused_since.get_or_insert_with(Instant::now);
            let waited = since.elapsed() >= self.cx.timings.reconcile_patience;
            let poll = self.deadline.at_most(self.cx.timings.reconcile_poll);
            match described(self.cx, self.me, poll).await {
                Ok(Some(instance)) if instance.group != self.group => {
                    return Err(SignalError::OtherGroup {
                        named: self.group.to_owned(),
                        is: instance.group,
                    });
                }
                Ok(instance) => match next(
                    instance.map(|instance| instance.state).as_deref(),
                    sent,
                    waited,
                ) {
                    Next::Again => {}
                    Next::Settled(why) => return Ok(Told::Needless(why)),
                },
                // The group does not say. Given its time, a refusal most likely means that it is done.
                Err(_) if waited => {
                    return Ok(Told::Needless(
                        "refused for long, and the group's state cannot be read: taken for done",
                    ));
                }
                Err(_) => {}
            }
            if self.cx.timings.reconcile_poll >= self.deadline.remaining() {
                return Err(SignalError::Undelivered { error });
            }
            sleep(self.cx.timings.reconcile_poll).await;
        }
    }

    /// Sends it until there is an answer. An attempt whose answer was lost may have been taken.
    async fn send(&self, sent: &mut bool) -> Result<(), CallError> {
        let client = aws_sdk_autoscaling::Client::new(&self.cx.aws);
        let timings = &self.cx.timings;
        retry::until(
            ACTION,
            timings.backoff(),
            self.deadline,
            &self.cx.report,
            |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &self.cx.aws)),
            async || {
                let call = client
                    .complete_lifecycle_action()
                    .auto_scaling_group_name(self.group)
                    .lifecycle_hook_name(self.hook)
                    .instance_id(&self.me.instance_id)
                    .lifecycle_action_result(if self.go { "CONTINUE" } else { "ABANDON" })
                    .send();
                let Err(error) = call.await else {
                    return Ok(());
                };
                let error = CallError::new(ACTION, &self.cx.aws, &error);
                // What never reached the service, or was turned away at its door, did not arrive.
                *sent |= matches!(error.cause, Cause::Unreachable | Cause::Unavailable);
                Err(error)
            },
        )
        .await
    }

    /// What permission would be granted on; the group's id in its ARN is not known here.
    fn resource(&self) -> String {
        let Identity {
            region, account, ..
        } = self.me;
        let group = self.group;
        format!(
            "arn:{}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{group}",
            aws::partition(region)
        )
    }
}

/// Arrives as a bare ValidationError; only its words tell.
fn no_active_action(error: &CallError) -> bool {
    error.cause == Cause::Refused && error.message.contains("No active Lifecycle Action found")
}
