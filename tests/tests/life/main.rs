//! A launch that is interrupted, anywhere: killed, asked to stop, rebooted, out of disk; and what people see of one, whole
//! or not. What is held throughout: one verdict, the same one, told once; nothing made or run twice; no secret anywhere.
//!
//! A file a theme; `scene` is what each test stands on, `hold` where a launch can be held up.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod check;
mod diagnose;
mod disk;
mod evidence;
mod given_up;
mod hold;
mod journal;
mod kill;
mod reboot;
mod record;
mod scene;
mod secrets;
mod status;
mod stop;
mod terminal;
mod told;
mod usage;
mod withheld;
