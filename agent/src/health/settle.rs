//! Nothing to ask: a service that stays up for a while is healthy.

use super::probe::Saw;
use crate::{context::Context, workload::Running};
use tokio::time::sleep_until;

/// Answers when it has run that long. That it exits meanwhile is noticed elsewhere.
pub(super) async fn ask(cx: &Context, service: &Running) -> Saw {
    let settle = cx.timings.settle;
    sleep_until(service.since + settle).await;
    Saw {
        good: true,
        words: format!("it ran for {settle:?}"),
    }
}
