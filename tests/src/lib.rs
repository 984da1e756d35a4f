//! What firstlight is tested on: the stage that stands in for EC2, the real parts beside it, and a harness that runs the
//! real binary between them.
//!
//! - [`stage`]: metadata, the group's lifecycle, faults and a log of every call
//! - [`parts`]: moto, a registry, a Docker engine, images
//! - [`harness`]: one launch, its outputs and its assertions
//! - [`rehearse`]: the same for people, with their own spec

pub mod stage;
