//! Everything that goes wrong on the side of AWS: instance metadata, references, includes, the group. What made it, what
//! exit code, stage, reason and words a person gets, and which signal the group did or did not hear.
//!
//! A file a theme, its cases in tables; `scene` is what each stands on. To add a case: a line in its theme's table.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod metadata;
mod references;
mod scene;
mod signal;
mod spec;
