//! What systemd is told through `NOTIFY_SOCKET` (sd_notify(3)). Without one nothing happens, and whether
//! anybody listens never decides a launch.

use super::words;
use sd_notify::NotifyState;
use std::io;

/// The longest status text, in bytes; `systemctl status` shows one line of it.
const STATUS: usize = 200;

/// The agent is up: its lock and its record are open. Boot goes on without waiting for the launch.
pub(super) fn ready() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Ready])
}

/// What the agent is doing, for `systemctl status`.
pub(super) fn status(text: &str) -> io::Result<()> {
    let text = words::tame(words::first_line(text));
    sd_notify::notify(&[NotifyState::Status(&words::cut(&text, STATUS))])
}
