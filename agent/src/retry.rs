//! The only retry: back-off with full jitter until a deadline.
//!
//! Callers classify their errors; nothing counts attempts. The SDK's and reqwest's own retries are
//! off, so that every throttle passes here and is said.

use crate::{context::Deadline, report::Report};
use std::{fmt, time::Duration};

/// What an error means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Another attempt may succeed: unreachable, 5xx, cut off, credentials not there yet.
    Transient,
    /// The same, and the service asked us to slow down.
    Throttled,
    /// Another attempt gets the same answer.
    Fatal,
}

/// An error that can be classified.
pub trait Classify {
    /// What it means for the next attempt.
    fn class(&self) -> Class;
}

/// How long to wait between attempts: full jitter in `0..=min(cap, base * 2^n)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl Backoff {
    /// The upper bound of the wait after attempt `attempt` (from 1).
    pub fn bound(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// Calls `attempt` until it succeeds, fails fatally, or `deadline` passes.
///
/// `what` names the call in the log: `ssm:GetParameters`.
///
/// # Errors
/// The last error. At the deadline an attempt under way is cut off; if none has failed before, there
/// is no error to give, and `cut_off` makes one.
pub async fn until<T, E: Classify + fmt::Display>(
    what: &str,
    backoff: Backoff,
    deadline: Deadline,
    report: &Report,
    cut_off: impl FnOnce() -> E,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let mut count: u32 = 0;
    let mut last: Option<E> = None;
    loop {
        count = count.saturating_add(1);
        let error = match tokio::time::timeout_at(deadline.instant(), attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_elapsed) => return Err(last.unwrap_or_else(cut_off)),
        };
        let class = error.class();
        if class == Class::Fatal {
            return Err(error);
        }
        // A throttled fleet that retries at once stays throttled: never less than half the bound.
        let bound = backoff.bound(count);
        let floor = if class == Class::Throttled {
            bound / 2
        } else {
            Duration::ZERO
        };
        let wait = floor + (bound - floor).mul_f64(fastrand::f64());
        report.retrying(what, class, count, &error, deadline.remaining());
        if wait >= deadline.remaining() {
            return Err(error);
        }
        last = Some(error);
        tokio::time::sleep(wait).await;
    }
}
