//! The machine's clocks and boot, for the record.

use crate::{context::Deadline, lifecycle::Now};
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clocks, as the record wants them. Only here is the machine asked for them.
#[expect(
    clippy::disallowed_methods,
    reason = "the record keeps wall time, to bound a launch over reboots"
)]
pub(crate) fn now() -> Now {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Now {
        wall_ms: ms(wall),
        uptime_ms: ms(uptime),
        boot: boot.trim().to_owned(),
    }
}

/// The moment when the wall clock shows this many milliseconds since 1970, if it is not set meanwhile; one
/// that has passed is now.
pub(super) fn moment(wall_ms: u64) -> Deadline {
    let left = wall_ms.saturating_sub(now().wall_ms);
    Deadline::after(Duration::from_millis(left))
}
