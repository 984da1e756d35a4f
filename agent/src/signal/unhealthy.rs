//! Telling the group that this instance is unhealthy, so that it is replaced.

use super::{SignalError, deliver::resource};
use crate::{
    aws::CallError,
    context::{Context, Deadline},
    imds::Identity,
    retry,
};

/// Tells the group, for as long as a refused signal is given. Whether it arrives changes nothing here.
///
/// The group's grace period is not respected: it is there for instances that are still starting, and
/// this one was healthy.
pub async fn unhealthy(cx: &Context, me: &Identity) {
    const ACTION: &str = "autoscaling:SetInstanceHealth";
    let client = aws_sdk_autoscaling::Client::new(&cx.aws);
    let told = retry::until(
        ACTION,
        cx.timings.backoff(),
        Deadline::after(cx.timings.reconcile_patience),
        &cx.report,
        |last| last.unwrap_or_else(|| CallError::cut_off(ACTION, &cx.aws)),
        async || {
            let call = client
                .set_instance_health()
                .instance_id(&me.instance_id)
                .health_status("Unhealthy")
                .should_respect_grace_period(false)
                .send();
            call.await
                .map_err(|error| CallError::new(ACTION, &cx.aws, &error))
        },
    )
    .await;
    match told {
        Ok(_) => cx
            .report
            .info("the group was told that this instance is unhealthy, and is to be replaced"),
        Err(error) => {
            let error = SignalError::of(error, resource(me, "*"));
            let words =
                format!("the group could not be told that this instance is unhealthy: {error}");
            cx.report.warn("unhealthy_not_told", &words);
        }
    }
}
