//! The only retry: back-off with full jitter until a deadline.
//!
//! Callers classify their errors; nothing counts attempts. The SDK's and reqwest's own retries are
//! off, so that every throttle passes here and is said.
//!
//! A throttle is a queue that nobody sees: a limit that an account's whole fleet shares. Waits that
//! double leave it idle at its end, when the few launches that are left sleep on; short ones hammer it.
//! So a throttled call waits at most a sixth of the time that it has waited already, and three seconds
//! where that is more: however long the queue, its last launch is done within about 1.2 times what the
//! limit itself imposes, or three seconds after that; and a queue ten times as long costs a call some
//! eighteen attempts more, not ten times as many. `make bench-fleet` measures it. (The SDK's adaptive
//! mode learns a rate from many calls of one client; a launch makes one.)

use crate::{context::Deadline, report::Report};
use std::{fmt, time::Duration};
use tokio::time::Instant;

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

/// How long to wait between attempts: full jitter in `0..=min(cap, base * 2^n)`, and for a throttle
/// also within a sixth of the time waited so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

/// A throttled call waits at most this part of the time since its first attempt…
const SHARE: u32 = 6;
/// …but need not come back sooner than this: a few seconds are nothing to a launch.
const SOON: Duration = Duration::from_secs(3);

impl Backoff {
    /// The upper bound of the wait after attempt `attempt` (from 1).
    pub fn bound(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The same where that attempt was throttled, `waited` after the first one began.
    fn throttled(&self, attempt: u32, waited: Duration) -> Duration {
        self.bound(attempt).min(SOON.max(waited / SHARE))
    }

    /// What to wait after attempt `attempt`, with jitter.
    fn wait(&self, class: Class, attempt: u32, waited: Duration) -> Duration {
        // A throttled fleet that retries at once stays throttled: never less than half the bound.
        let (floor, bound) = match class {
            Class::Throttled => {
                let bound = self.throttled(attempt, waited);
                (bound / 2, bound)
            }
            Class::Transient | Class::Fatal => (Duration::ZERO, self.bound(attempt)),
        };
        floor + (bound - floor).mul_f64(fastrand::f64())
    }
}

/// Calls `attempt` until it succeeds, fails fatally, or `deadline` passes.
///
/// `what` names the call in the log: `ssm:GetParameters`. At the deadline an attempt under way is cut
/// off, and `cut_off` says what that means: it is given the error of the attempt before, which may be
/// long ago.
///
/// # Errors
/// The last error, or `cut_off`'s.
pub async fn until<T, E: Classify + fmt::Display>(
    what: &str,
    backoff: Backoff,
    deadline: Deadline,
    report: &Report,
    cut_off: impl FnOnce(Option<E>) -> E,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let began = Instant::now();
    let mut count: u32 = 0;
    let mut last: Option<E> = None;
    loop {
        count = count.saturating_add(1);
        let error = match tokio::time::timeout_at(deadline.instant(), attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_elapsed) => return Err(cut_off(last)),
        };
        let class = error.class();
        if class == Class::Fatal {
            return Err(error);
        }
        let wait = backoff.wait(class, count, began.elapsed());
        let left = deadline.remaining();
        report.retrying(what, class, count, &error, left);
        if left <= backoff.base {
            return Err(error);
        }
        last = Some(error);
        // The last waits are shorter, so that what comes back late is still found.
        tokio::time::sleep(wait.min(left / 2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, future::pending};

    #[derive(Debug, PartialEq, Eq)]
    struct Failed(Class, u32);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "attempt {} failed", self.1)
        }
    }

    impl Classify for Failed {
        fn class(&self) -> Class {
            self.0
        }
    }

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(10),
        cap: Duration::from_secs(20),
    };

    async fn run(
        deadline: Deadline,
        cut_off: impl FnOnce(Option<Failed>) -> Failed,
        attempt: impl AsyncFn(u32) -> Result<u32, Failed>,
    ) -> Result<u32, Failed> {
        let count = Cell::new(0);
        until(
            "test",
            BACKOFF,
            deadline,
            &Report::default(),
            cut_off,
            async || {
                count.set(count.get() + 1);
                attempt(count.get()).await
            },
        )
        .await
    }

    fn never(_: Option<Failed>) -> Failed {
        Failed(Class::Fatal, 0)
    }

    #[test]
    fn a_throttled_call_waits_a_share_of_what_it_waited() {
        let backoff = Backoff {
            base: Duration::from_millis(250),
            cap: Duration::from_secs(20),
        };
        let s = Duration::from_secs;
        for (attempt, waited, bound) in [
            (1, s(0), Duration::from_millis(250)),
            (4, s(2), s(2)),
            // Doubling ends at three seconds, and rises again from eighteen on.
            (5, s(4), s(3)),
            (9, s(18), s(3)),
            (9, s(60), s(10)),
            (9, s(1000), s(20)),
        ] {
            for _ in 0..100 {
                let wait = backoff.wait(Class::Throttled, attempt, waited);
                assert!(
                    (bound / 2..=bound).contains(&wait),
                    "{attempt}, {waited:?}: {wait:?}"
                );
            }
            // Nothing is known of a queue where the service is merely unreachable.
            let far = (0..1000).map(|_| backoff.wait(Class::Transient, 9, waited));
            assert!(far.max() > Some(s(15)));
        }
    }

    #[tokio::test]
    async fn until_it_succeeds_or_fails_for_good() {
        let far = Deadline::after(Duration::from_secs(60));
        let third = async |nth| match nth {
            3 => Ok(nth),
            _ => Err(Failed(Class::Transient, nth)),
        };
        assert_eq!(run(far, never, third).await, Ok(3));
        let fatal = async |nth| Err(Failed(Class::Fatal, nth));
        assert_eq!(run(far, never, fatal).await, Err(Failed(Class::Fatal, 1)));
    }

    #[tokio::test]
    async fn who_calls_says_what_a_cut_off_means() {
        for (good, want) in [(1, None), (3, Some(Failed(Class::Throttled, 2)))] {
            let seen = Cell::new(None);
            let cut_off = |last| {
                seen.set(last);
                Failed(Class::Transient, 99)
            };
            let hangs = async |nth| match nth == good {
                true => pending().await,
                false => Err(Failed(Class::Throttled, nth)),
            };
            let soon = Deadline::after(Duration::from_millis(300));
            let error = run(soon, cut_off, hangs).await;
            assert_eq!(error, Err(Failed(Class::Transient, 99)));
            assert_eq!(seen.take(), want);
        }
    }

    #[tokio::test]
    async fn tries_until_the_deadline_however_long_the_wait_drawn() {
        let deadline = Deadline::after(Duration::from_millis(500));
        let error = run(deadline, never, async |nth| {
            Err(Failed(Class::Throttled, nth))
        })
        .await;
        assert!(
            matches!(error, Err(Failed(Class::Throttled, _))),
            "{error:?}"
        );
        assert!(deadline.remaining() <= BACKOFF.base);
    }
}
