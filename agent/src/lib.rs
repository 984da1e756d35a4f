//! firstlight: from a launched instance to a verdict for its Auto Scaling group.
//!
//! At launch the agent learns who it is from instance metadata, begins heartbeats, reads its spec,
//! resolves the references in it, pulls the images, starts the containers, waits until they are
//! healthy, and completes the group's lifecycle hook: CONTINUE with a proof, or ABANDON with a
//! reason. [`launch`] is that story, top to bottom, and [`drain`] the story back; [`lifecycle`]
//! decides, purely; [`driver`] performs what it decided. `firstlight run` stays and does so at every
//! transition of the instance.
//!
//! The rooms:
//! - [`lifecycle`], [`driver`], [`state`]: what has been decided, by whom, and where it is written
//! - [`launch`], [`prepare`], [`drain`]: the pipelines, in, halfway and out
//! - [`imds`], [`spec`], [`references`], [`image`], [`workload`], [`health`], [`signal`]: the stages;
//!   none imports another
//! - [`context`], [`verdict`], [`retry`], [`aws`], [`docker`], [`container`]: what stages share
//! - [`report`]: what people see; [`evidence`]: what of a failure outlives the instance
//! - [`command`]: the command line

pub mod aws;
pub mod command;
pub mod container;
pub mod context;
pub mod docker;
pub mod drain;
pub mod driver;
pub mod evidence;
pub mod health;
pub mod image;
pub mod imds;
pub mod launch;
pub mod lifecycle;
pub mod prepare;
pub mod references;
pub mod report;
pub mod retry;
pub mod signal;
pub mod spec;
pub mod state;
pub mod verdict;
pub mod workload;
