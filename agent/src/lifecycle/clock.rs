//! How much of the launch's time is used, over reboots and clock steps.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A moment, as the machine tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970 by the wall clock, which may step.
    pub wall_ms: u64,
    /// Milliseconds since this boot, suspended time included (`CLOCK_BOOTTIME`).
    pub uptime_ms: u64,
    /// Which boot: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

/// When the agent first started on this transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// Milliseconds since that boot.
    pub uptime_ms: u64,
    /// Which boot.
    pub boot: String,
}

impl Began {
    /// It begins now.
    pub fn at(now: &Now) -> Began {
        Began {
            wall_ms: now.wall_ms,
            uptime_ms: now.uptime_ms,
            boot: now.boot.clone(),
        }
    }

    /// What has passed since. Within a boot the boot clock knows; across boots the larger of the
    /// wall clock's difference and the new boot's age, so that a clock set back gives no new time.
    pub fn elapsed(&self, now: &Now) -> Duration {
        Duration::from_millis(if self.boot == now.boot {
            now.uptime_ms.saturating_sub(self.uptime_ms)
        } else {
            now.wall_ms.saturating_sub(self.wall_ms).max(now.uptime_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall_ms: u64, uptime_ms: u64, boot: &str) -> Now {
        Now {
            wall_ms,
            uptime_ms,
            boot: boot.into(),
        }
    }

    #[test]
    fn elapsed_over_clock_steps_and_reboots() {
        let began = Began::at(&now(1_000_000, 5_000, "a"));
        for (what, at, ms) in [
            (
                "same boot, wall steady",
                now(1_060_000, 65_000, "a"),
                60_000,
            ),
            (
                "same boot, wall stepped a day on",
                now(87_400_000, 65_000, "a"),
                60_000,
            ),
            ("same boot, wall stepped back", now(0, 65_000, "a"), 60_000),
            ("rebooted, wall steady", now(1_090_000, 20_000, "b"), 90_000),
            ("rebooted, wall set back", now(900_000, 20_000, "b"), 20_000),
        ] {
            assert_eq!(began.elapsed(&at), Duration::from_millis(ms), "{what}");
        }
    }
}
