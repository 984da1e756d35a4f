//! A limit on calls: the token bucket by which AWS throttles. Pure: every question brings `now`.

use std::time::{Duration, Instant};

/// So many calls a second, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Tokens a second.
    pub rate: f64,
    /// Tokens that the full bucket holds: calls that are answered at once after a pause.
    pub burst: f64,
}

impl Limit {
    /// The least time in which `calls` are answered, from a full bucket on.
    #[must_use]
    pub fn least(self, calls: usize) -> Duration {
        let beyond = (calls as f64 - self.burst).max(0.0);
        Duration::from_secs_f64(beyond / self.rate)
    }

    pub(super) fn bucket(self, now: Instant) -> Bucket {
        Bucket {
            limit: self,
            tokens: self.burst,
            filled: now,
        }
    }
}

/// A limit's state. A call that is refused costs no token.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = self.limit.burst.min(self.tokens + since * self.limit.rate);
        self.filled = self.filled.max(now);
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        rate: 40.0,
        burst: 10.0,
    };

    #[test]
    fn as_many_as_the_limit_says() {
        let began = Instant::now();
        let mut bucket = LIMIT.bucket(began);
        let mut admitted = |from: u32, to: u32| {
            (from..to)
                .filter(|ms| bucket.take(began + Duration::from_millis(u64::from(*ms))))
                .count()
        };
        // A call a millisecond: the burst and 40 a second, then 40 a second alone.
        assert_eq!(admitted(0, 1000), 10 + 39);
        assert_eq!(admitted(1000, 3000), 80);
        // A minute's silence fills the bucket to the burst and no further.
        assert_eq!(admitted(63_000, 63_020), 10);
    }

    #[test]
    fn the_least_time_is_what_lies_beyond_the_burst() {
        assert_eq!(LIMIT.least(10), Duration::ZERO);
        assert_eq!(LIMIT.least(1010), Duration::from_secs(25));
    }
}
