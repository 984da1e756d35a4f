//! An agent that stays, `firstlight run`: one verdict for every transition that group, machine and network can bring.
//!
//! A file a theme; `scene` is what each test stands on, `play` the one instance and what came of it. To add a theme: a file
//! here, and its name below.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod beside;
mod drain;
mod edges;
mod hooks;
mod keep;
mod notice;
mod play;
mod pool;
mod reboot;
mod scene;
mod stay;
mod stop;
mod told;
