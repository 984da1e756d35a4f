//! The deb and the rpm: what is in them, and what installing, upgrading and removing does to a host that booted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod contents;
mod deb;
mod handler;
mod iam;
mod made;
mod rpm;
