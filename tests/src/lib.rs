//! What firstlight is tested on: the stage that stands in for EC2, the real parts beside it, and a harness that runs the
//! real binary between them.
//!
//! - [`stage`]: metadata, the group's lifecycle, faults and a log of every call
//! - [`parts`]: moto, a registry, a Docker engine, images
//! - [`harness`]: one agent's launch, its outputs and what is held of them
//! - [`host`]: a host that boots, with systemd and cloud-init
//! - [`fleet`]: many launches at once, against an account's limits
//! - [`rehearse`]: the same for people, with their own spec
//! - [`wait`]: waiting for something, to a deadline

pub mod fleet;
pub mod harness;
pub mod host;
pub mod parts;
pub mod rehearse;
pub mod stage;
pub mod wait;
