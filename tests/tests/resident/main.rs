//! An agent that stays, `firstlight run`: one verdict for every transition that group, machine and network can bring.
//!
//! A file a theme; `scene` is what each test stands on. To add a theme: a file here, and its name below.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod beside;
mod drain;
mod edges;
mod hooks;
mod notice;
mod pool;
mod scene;
mod stay;
