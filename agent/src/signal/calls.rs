//! The group's API: one attempt a call, its error told apart.

use super::{Answer, Hook, HookTarget, reconcile::Seen};
use crate::{
    aws::{CallError, partition},
    context::Context,
};
use aws_config::SdkConfig;
use aws_sdk_autoscaling::Client;

/// Names of actions, as IAM writes them.
pub(super) const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";
pub(super) const HEARTBEAT: &str = "autoscaling:RecordLifecycleActionHeartbeat";
pub(super) const HOOKS: &str = "autoscaling:DescribeLifecycleHooks";
pub(super) const INSTANCES: &str = "autoscaling:DescribeAutoScalingInstances";

/// The group's API.
#[derive(Debug)]
pub(super) struct Calls<'a> {
    client: Client,
    config: &'a SdkConfig,
}

impl<'a> Calls<'a> {
    pub(super) fn new(cx: &'a Context) -> Calls<'a> {
        Calls {
            client: Client::new(&cx.aws),
            config: &cx.aws,
        }
    }

    /// The error of a call that its deadline cut off.
    pub(super) fn cut_off(&self, action: &'static str) -> CallError {
        CallError::cut_off(action, self.config)
    }

    /// The ARN that a policy names for a group. Account and id are left open: this machine need not
    /// know them to say what to grant.
    pub(super) fn group_arn(&self, group: &str) -> String {
        let region = self.config.region().map_or("*", |region| region.as_ref());
        let partition = partition(region);
        format!(
            "arn:{partition}:autoscaling:{region}:*:autoScalingGroup:*:autoScalingGroupName/{group}"
        )
    }

    /// CompleteLifecycleAction, by instance id: metadata does not tell the token.
    pub(super) async fn complete(
        &self,
        target: &HookTarget,
        answer: Answer,
    ) -> Result<(), CallError> {
        let call = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(&target.group)
            .lifecycle_hook_name(&target.hook)
            .instance_id(&target.instance_id)
            .lifecycle_action_result(answer.as_str());
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::new(COMPLETE, self.config, &error)),
        }
    }

    /// RecordLifecycleActionHeartbeat.
    pub(super) async fn heartbeat(&self, target: &HookTarget) -> Result<(), CallError> {
        let call = self
            .client
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name(&target.group)
            .lifecycle_hook_name(&target.hook)
            .instance_id(&target.instance_id);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::new(HEARTBEAT, self.config, &error)),
        }
    }

    /// The group of an instance and its state there; `None` when it is in none.
    pub(super) async fn instance(&self, id: &str) -> Result<Option<(String, String)>, CallError> {
        let call = self
            .client
            .describe_auto_scaling_instances()
            .instance_ids(id);
        let page = call
            .send()
            .await
            .map_err(|error| CallError::new(INSTANCES, self.config, &error))?;
        Ok(page
            .auto_scaling_instances()
            .iter()
            .find(|instance| instance.instance_id() == Some(id))
            .map(|instance| {
                let group = instance.auto_scaling_group_name().unwrap_or_default();
                let state = instance.lifecycle_state().unwrap_or_default();
                (group.to_owned(), state.to_owned())
            }))
    }

    /// What the group says of an instance, asked once.
    pub(super) async fn look(&self, id: &str) -> Seen {
        match self.instance(id).await {
            Ok(Some((_group, state))) => Seen::State(state),
            Ok(None) => Seen::Absent,
            Err(error) => Seen::Unavailable(error.to_string()),
        }
    }

    /// A group's launch hooks, by name.
    pub(super) async fn launch_hooks(&self, group: &str) -> Result<Vec<Hook>, CallError> {
        let call = self
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group);
        let page = call
            .send()
            .await
            .map_err(|error| CallError::new(HOOKS, self.config, &error))?;
        let mut hooks: Vec<Hook> = page
            .lifecycle_hooks()
            .iter()
            .filter(|hook| {
                hook.lifecycle_transition() == Some("autoscaling:EC2_INSTANCE_LAUNCHING")
            })
            .filter_map(|hook| {
                Some(Hook {
                    name: hook.lifecycle_hook_name()?.to_owned(),
                    heartbeat_timeout: seconds(hook.heartbeat_timeout()),
                    global_timeout: seconds(hook.global_timeout()),
                    default_result: match hook.default_result() {
                        Some("CONTINUE") => Some(Answer::Continue),
                        Some("ABANDON") => Some(Answer::Abandon),
                        _ => None,
                    },
                })
            })
            .collect();
        hooks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(hooks)
    }
}

fn seconds(given: Option<i32>) -> Option<u64> {
    given.and_then(|seconds| u64::try_from(seconds).ok())
}

/// Whether the service knows of no action to be completed: too early, too late, done, or no such hook.
pub(super) fn is_inactive(error: &CallError) -> bool {
    error
        .message
        .to_ascii_lowercase()
        .contains("no active lifecycle action")
}
