//! The agent that stays: what becomes of services after the verdict, on the way out, and in a warm pool.
//!
//! A file a theme; `scene` is what each stands on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod leaving;
mod pool;
mod scene;
mod services;
