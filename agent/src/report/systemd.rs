//! What systemd is told through `NOTIFY_SOCKET` (sd_notify(3)). Without one, or when nobody listens,
//! nothing happens: systemd's opinion never decides a launch.

use super::words;
use sd_notify::NotifyState;
use std::time::Duration;

/// The longest status text, in bytes; `systemctl status` shows one line of it.
const STATUS: usize = 200;

/// The agent is up: its lock and its record are open. Boot goes on without waiting for the launch.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// What the agent is doing, for `systemctl status`.
pub(super) fn status(text: &str) {
    let text = words::tame(words::first_line(text));
    tell(&[NotifyState::Status(&words::cut(&text, STATUS))]);
}

/// The agent is on its way out, and `left` is how long that may take: without it systemd would kill
/// a delivery under way at the unit's `TimeoutStopSec=`.
pub(super) fn stopping(left: Duration) {
    let left = u32::try_from(left.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(left)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::debug!("systemd could not be notified: {error}");
    }
}
