//! A provisioned host boots, with metadata, a group and a registry around it: systemd, cloud-init, the Docker engine and the
//! installed agent, as on an instance.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod backstop;
mod life;
mod scene;
mod trouble;
mod ways_in;
