//! Waiting for something to become true, to a deadline. The only place in here that sleeps.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `condition` gives a value.
///
/// # Errors
/// When `patience` is over, naming `what` was waited for.
pub async fn until<T>(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {patience:?} in vain until {what}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks until `condition` holds.
///
/// # Errors
/// When `patience` is over, naming `what` was waited for.
pub async fn wait_until(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    until(patience, what, async || condition().then_some(())).await
}
