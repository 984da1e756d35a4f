//! Where the instance stands in its group, as the group sees it: metadata tells the target alone.

use crate::{
    aws::CallError,
    context::{Context, Deadline},
    imds::Identity,
    retry,
};

/// This instance, as its group sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The group's name.
    pub group: String,
    /// The lifecycle state: `Pending:Wait`.
    pub state: String,
}

/// Asks Auto Scaling for this instance, until `deadline`; `None`: it is in no group.
///
/// # Errors
/// It could not be asked.
pub async fn standing(
    cx: &Context,
    me: &Identity,
    deadline: Deadline,
) -> Result<Option<Standing>, CallError> {
    const ACTION: &str = "autoscaling:DescribeAutoScalingInstances";
    let client = aws_sdk_autoscaling::Client::new(&cx.aws);
    let answer = retry::until(
        ACTION,
        cx.timings.backoff(),
        deadline,
        &cx.report,
        |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &cx.aws)),
        async || {
            let call = client
                .describe_auto_scaling_instances()
                .instance_ids(&me.instance_id)
                .send();
            call.await
                .map_err(|error| CallError::new(ACTION, &cx.aws, &error))
        },
    )
    .await?;
    Ok(answer
        .auto_scaling_instances()
        .first()
        .map(|instance| Standing {
            group: instance
                .auto_scaling_group_name()
                .unwrap_or_default()
                .to_owned(),
            state: instance.lifecycle_state().unwrap_or_default().to_owned(),
        }))
}
