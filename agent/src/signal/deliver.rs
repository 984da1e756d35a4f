//! Delivering a verdict: until it is taken, is known to be needless, or time is up.

use super::{
    SignalError, cloudformation,
    reconcile::{Next, leads_to, next, next_unsaid},
    standing::standing,
};
use crate::{
    aws::{self, CallError, Cause},
    context::{Context, Deadline},
    imds::{Identity, ImdsError, TargetState},
    lifecycle::{Kind, Recipient, Settled},
    retry,
    verdict::{LaunchError, Reason, Stage},
};
use tokio::time::{Instant, sleep};

const ACTION: &str = "autoscaling:CompleteLifecycleAction";

/// What a recipient is told.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// Of a transition of this kind.
    pub kind: Kind,
    /// CONTINUE, or ABANDON.
    pub go: bool,
    /// An earlier process may have told it already.
    pub again: bool,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether the verdict was taken.
    pub settled: Settled,
    /// Where the group wants the instance, if that is elsewhere and why it was not told.
    pub elsewhere: Option<TargetState>,
}

/// Tells `to` the verdict.
pub async fn deliver(
    cx: &Context,
    me: &Identity,
    to: &Recipient,
    Verdict { kind, go, again }: Verdict,
    deadline: Deadline,
) -> Ended {
    let told = match to {
        Recipient::Hook { group, hook } => {
            Completion {
                cx,
                me,
                kind,
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
            let error = LaunchError {
                stage: Stage::Signal,
                reason: Reason::SignalDenied,
                message: why.clone(),
            };
            return Ended::here(Settled::Failed(error));
        }
    };
    match told {
        Ok(Told::Taken) => Ended::here(Settled::Delivered),
        Ok(Told::Needless(why)) => Ended::here(Settled::Needless(why.to_owned())),
        Ok(Told::Overtaken(target)) => Ended {
            settled: Settled::Needless("the group wants the instance elsewhere by now".to_owned()),
            elsewhere: Some(target),
        },
        Err(error) => Ended::here(Settled::Failed(LaunchError::at(Stage::Signal, &error))),
    }
}

impl Ended {
    fn here(settled: Settled) -> Ended {
        Ended {
            settled,
            elsewhere: None,
        }
    }
}

/// How somebody came to wait no more.
pub(super) enum Told {
    /// It took the verdict.
    Taken,
    /// It waits for none any more: in words, why.
    Needless(&'static str),
    /// The group wants the instance elsewhere by now.
    Overtaken(TargetState),
}

/// How a send ended.
enum Sent {
    /// It was taken.
    Taken,
    /// It was not sent again, for the group wants the instance elsewhere by now.
    Overtaken(TargetState),
}

/// One hook's completion.
struct Completion<'a> {
    cx: &'a Context,
    me: &'a Identity,
    kind: Kind,
    group: &'a str,
    hook: &'a str,
    go: bool,
    deadline: Deadline,
}

impl Completion<'_> {
    /// A refusal is not an end: the group may not be at `:Wait` yet, and an answer that was lost makes
    /// the next attempt a refusal. What the group says of the instance tells which.
    async fn deliver(&self, mut sent: bool) -> Result<Told, SignalError> {
        // Since when it is refused, while the group says where it has the instance, or while it does not.
        let mut refused: Option<(bool, Instant)> = None;
        loop {
            let error = match self.send(&mut sent).await {
                Ok(Sent::Taken) => return Ok(Told::Taken),
                Ok(Sent::Overtaken(target)) => return Ok(Told::Overtaken(target)),
                Err(error) if no_active_action(&error) => error,
                Err(error) => return Err(SignalError::of(error, resource(self.me, self.group))),
            };
            let poll = self.deadline.at_most(self.cx.timings.reconcile_poll);
            let standing = standing(self.cx, self.me, poll).await;
            let says = standing.is_ok();
            let since = refused.filter(|(said, _)| *said == says);
            let (_, since) = *refused.insert(since.unwrap_or_else(|| (says, Instant::now())));
            let waited = since.elapsed() >= self.cx.timings.reconcile_patience;
            let next = match standing {
                Ok(Some(instance)) if instance.group != self.group => {
                    return Err(SignalError::OtherGroup {
                        named: self.group.to_owned(),
                        is: instance.group,
                    });
                }
                Ok(instance) => {
                    let state = instance.map(|instance| instance.state);
                    next(self.kind, state.as_deref(), sent, waited)
                }
                Err(_) => next_unsaid(self.kind, waited),
            };
            match next {
                Next::Again => {}
                Next::Early => {
                    sent = false;
                    refused = None;
                }
                Next::Settled(why) => return Ok(Told::Needless(why)),
            }
            if self.cx.timings.reconcile_poll >= self.deadline.remaining() {
                return Err(SignalError::Undelivered { error });
            }
            sleep(self.cx.timings.reconcile_poll).await;
        }
    }

    /// Sends it until there is an answer. An attempt whose answer was lost may have been taken, and a
    /// signal names the instance, not the action: sent late it could complete the hook's next one. So
    /// each looks first where the group wants the instance.
    async fn send(&self, sent: &mut bool) -> Result<Sent, CallError> {
        let client = aws_sdk_autoscaling::Client::new(&self.cx.aws);
        let timings = &self.cx.timings;
        retry::until(
            ACTION,
            timings.backoff(),
            self.deadline,
            &self.cx.report,
            |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &self.cx.aws)),
            async || {
                if let Some(target) = self.overtaken().await {
                    return Ok(Sent::Overtaken(target));
                }
                let call = client
                    .complete_lifecycle_action()
                    .auto_scaling_group_name(self.group)
                    .lifecycle_hook_name(self.hook)
                    .instance_id(&self.me.instance_id)
                    .lifecycle_action_result(if self.go { "CONTINUE" } else { "ABANDON" })
                    .send();
                let Err(error) = call.await else {
                    return Ok(Sent::Taken);
                };
                let error = CallError::new(ACTION, &self.cx.aws, &error);
                // What never reached the service, or was turned away at its door, did not arrive.
                *sent |= matches!(error.cause, Cause::Unreachable | Cause::Unavailable);
                Err(error)
            },
        )
        .await
    }

    /// Where the group wants the instance, if elsewhere. While metadata is silent, or says what this version
    /// does not know, nobody knows what a signal would reach, so it waits; the deadline cuts it off.
    async fn overtaken(&self) -> Option<TargetState> {
        loop {
            match self.cx.imds.target_state(self.deadline).await {
                Ok(Some(TargetState::Unknown(_))) => {}
                Ok(target) => return target.filter(|target| !leads_to(self.kind, target)),
                Err(ImdsError::Unreachable { .. }) => {}
                Err(ImdsError::Denied { .. } | ImdsError::Invalid { .. }) => return None,
            }
            sleep(self.cx.timings.reconcile_poll).await;
        }
    }
}

/// What permission would be granted on; the group's id in its ARN is not known here.
pub(super) fn resource(me: &Identity, group: &str) -> String {
    let Identity {
        region, account, ..
    } = me;
    format!(
        "arn:{}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{group}",
        aws::partition(region)
    )
}

/// Arrives as a bare ValidationError; only its words tell.
fn no_active_action(error: &CallError) -> bool {
    error.cause == Cause::Refused && error.message.contains("No active Lifecycle Action found")
}
