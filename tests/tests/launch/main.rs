//! What goes right: launches with the real binary on real parts, from user data to CONTINUE, and what each key, reference
//! and envelope of the contract came to in the container.
//!
//! A file a theme; `scene` is what each test stands on. To add a theme: a file here, and its name below.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod again;
mod examples;
mod keys;
mod order;
mod places;
mod references;
mod scene;
mod sources;
mod templates;
