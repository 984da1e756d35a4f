//! The whole of what may be said, in two phases: with references, and with values.
//!
//! Container keys carry Docker Compose's names. `userdata/README.md` is the reference for people.
//! To add a key: a field here, a line in its decoder, a line in the reference and the schema follow.

mod container;
mod health;

use crate::{reference::Template, resolve::Text, value::ImageRef};
use std::{collections::BTreeMap, fmt::Debug, time::Duration};

pub use container::{
    Container, Device, Encoding, EnvironmentFrom, File, Gpus, Logging, NetworkMode, Port, Protocol,
    PullPolicy, Volume, VolumeSource,
};
pub use health::{Health, HttpProbe, Probe};

/// Which of the two phases a spec is in.
pub trait Phase: Debug + Clone + PartialEq + Eq {
    /// A string that may hold references.
    type Text: Debug + Clone + PartialEq + Eq;
    /// An image.
    type Image: Debug + Clone + PartialEq + Eq;
    /// `environment_from`: still to be fetched, or gone into the environment.
    type EnvironmentFrom: Debug + Clone + PartialEq + Eq;
}

/// As written: strings hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved;
impl Phase for Unresolved {
    type Text = Template;
    type Image = Template;
    type EnvironmentFrom = Vec<EnvironmentFrom>;
}

/// With values: strings are strings, and know whether they are secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved;
impl Phase for Resolved {
    type Text = Text;
    type Image = ImageRef;
    type EnvironmentFrom = ();
}

/// A launch, specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec<P: Phase> {
    /// Everything up to the verdict, from the agent's first start. Default 15 minutes.
    pub timeout: Duration,
    /// Credentials by registry host (`ghcr.io`, `127.0.0.1:5000`, `docker.io`). ECR needs none.
    pub registries: BTreeMap<String, Registry<P>>,
    /// What runs until the end, by name.
    pub services: BTreeMap<String, Service<P>>,
    /// What runs to completion before the verdict, by name.
    pub tasks: BTreeMap<String, Task<P>>,
    /// Whom to tell.
    pub signal: Signal<P>,
    /// When and how to drain. Carried by the resident agent.
    pub drain: Drain,
    /// `s3://bucket/prefix/`: where evidence goes before an ABANDON.
    pub diagnostics: Option<P::Text>,
    /// What to do about a service that keeps dying.
    pub when_service_dies: WhenServiceDies,
    /// The merged document as one line of canonical JSON, references unreplaced: what a reboot
    /// reads back through `Sources`, and what the digest is taken of.
    pub document: String,
}

/// Credentials for one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry<P: Phase> {
    /// The user's name.
    pub username: P::Text,
    /// The password or token.
    pub password: P::Text,
}

/// What runs until the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service<P: Phase> {
    /// What Docker is told.
    pub container: Container<P>,
    /// When it counts as healthy; `None`: the image's HEALTHCHECK, else running for 10 s.
    pub health: Option<Health>,
    /// After the verdict, by the agent.
    pub restart: Restart,
}

/// What runs to completion before the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task<P: Phase> {
    /// What Docker is told. A task publishes no ports.
    pub container: Container<P>,
    /// How long it may run; `None`: what remains of the launch's time.
    pub timeout: Option<Duration>,
}

/// What the agent does when a service exits after the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Start it again (default).
    Always,
    /// Start it again after a non-zero exit.
    OnFailure,
    /// Leave it.
    No,
}

/// Whom to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal<P: Phase> {
    /// The group's name; `None`: the instance's own.
    pub group: Option<P::Text>,
    /// Launch hooks; empty: the group's only one.
    pub launching: Vec<P::Text>,
    /// Terminate hooks; empty: the group's only one.
    pub terminating: Vec<P::Text>,
    /// A CloudFormation resource that waits for a signal.
    pub cloudformation: Option<CloudFormation<P>>,
}

/// A CloudFormation resource that waits for a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudFormation<P: Phase> {
    /// Stack name or id.
    pub stack: P::Text,
    /// Logical resource id.
    pub resource: P::Text,
}

/// When and how to drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// What starts it. Default terminate and spot.
    pub on: Vec<DrainOn>,
    /// How long to keep serving after a notice other than `spot`, and where the group's state cannot be read.
    pub delay: Duration,
}

/// What starts draining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOn {
    /// The group terminates the instance.
    Terminate,
    /// A spot interruption notice.
    Spot,
    /// A rebalance recommendation.
    Rebalance,
    /// A scheduled maintenance event.
    Maintenance,
}

/// What to do about a service that keeps dying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenServiceDies {
    /// Say so.
    Report,
    /// Tell the group the instance is unhealthy.
    Unhealthy,
}
