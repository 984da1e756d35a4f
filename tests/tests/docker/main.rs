//! Every failure on the side of the registry, the Docker engine and the workload: what made it, and what exit code,
//! reason and words a person gets, what the group was told, and what became of the containers.
//!
//! A file a theme; `scene` is what each test stands on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod ecr;
mod health;
mod image;
mod line;
mod scene;
mod start;
mod workload;
