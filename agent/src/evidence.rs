//! Evidence.
use crate::{context::Context, imds::Identity, lifecycle::Record, verdict::LaunchError};

/// Preserves it.
pub async fn preserve(cx: &Context, me: &Identity, record: &Record, error: &LaunchError) {
    let _ = (cx, me, record, error);
}
