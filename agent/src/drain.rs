//! The second pipeline: from serving to stopped services.

use crate::{
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Why,
    workload,
};
use std::time::Duration;

/// Proof that services were stopped, as far as they could be.
#[derive(Debug)]
pub struct Drained(());

/// Stops the services.
pub async fn drain(cx: &Context, me: &Identity, why: Why, kept: workload::Kept) -> Drained {
    let _ = (why, kept);
    let deadline = Deadline::after(Duration::from_secs(60));
    if let Err(error) = workload::stop(cx, me, deadline).await {
        cx.report.warn("workload_not_stopped", &error.to_string());
    }
    Drained(())
}
