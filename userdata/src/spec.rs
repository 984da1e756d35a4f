//! The whole of what may be said, in two phases: with references, and with values.
//!
//! Container keys carry Docker Compose's names. `userdata/README.md` is the reference for people.
//! To add a key: a field here, a line in its decoder, a line in the reference and the schema follow.

use crate::{
    reference::{Target, Template},
    resolve::Text,
    value::ImageRef,
};
use base64::Engine as _;
use std::{collections::BTreeMap, fmt::Debug, time::Duration};

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

/// What Docker is told about one container. Names and shapes are Compose's; `None` and empty leave
/// Docker's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container<P: Phase> {
    /// The image.
    pub image: P::Image,
    /// When to pull; the default (always for a tag, missing for a digest) is filled in by
    /// [`Container::pull_policy`].
    pub pull_policy: Option<PullPolicy>,
    /// Replaces the image's ENTRYPOINT.
    pub entrypoint: Option<Vec<P::Text>>,
    /// Replaces the image's CMD.
    pub command: Option<Vec<P::Text>>,
    /// `uid`, `uid:gid`, `name` or `name:group`.
    pub user: Option<String>,
    /// Whole sets of variables; `environment` beats them.
    pub environment_from: P::EnvironmentFrom,
    /// Variables.
    pub environment: BTreeMap<String, P::Text>,
    /// Files on tmpfs, by absolute path inside the container.
    pub files: BTreeMap<String, File<P>>,
    /// Names of services (wait for healthy) and tasks (wait for exit 0).
    pub depends_on: Vec<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Binds and named volumes.
    pub volumes: Vec<Volume>,
    /// tmpfs mounts: path, and options as Docker takes them (`size=64m`), possibly empty.
    pub tmpfs: Vec<(String, String)>,
    /// Root file system mounted read-only.
    pub read_only: bool,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Host name.
    pub hostname: Option<P::Text>,
    /// `name:address` pairs for /etc/hosts.
    pub extra_hosts: Vec<P::Text>,
    /// Labels.
    pub labels: BTreeMap<String, P::Text>,
    /// Device mappings.
    pub devices: Vec<Device>,
    /// GPUs.
    pub gpus: Option<Gpus>,
    /// CPU limit in billionths of a CPU.
    pub nano_cpus: Option<i64>,
    /// Memory limit in bytes.
    pub mem_limit: Option<i64>,
    /// Process limit; -1 for none.
    pub pids_limit: Option<i64>,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<i64>,
    /// Limits by name: (soft, hard).
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// The network.
    pub network_mode: NetworkMode,
    /// Run an init as PID 1.
    pub init: Option<bool>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Security options, as Docker takes them: `no-new-privileges:true`, `seccomp=…`.
    pub security_opt: Vec<String>,
    /// Additional groups.
    pub group_add: Vec<String>,
    /// Signal that stops it; `None`: the image's.
    pub stop_signal: Option<String>,
    /// How long after the signal it is killed. Default 10 s.
    pub stop_grace_period: Duration,
    /// Log driver.
    pub logging: Option<Logging<P>>,
}

impl Container<Resolved> {
    /// When to pull: as said, else always for a tag and when missing for a digest.
    pub fn pull_policy(&self) -> PullPolicy {
        let default = if self.image.digest().is_some() { PullPolicy::Missing } else { PullPolicy::Always };
        self.pull_policy.unwrap_or(default)
    }
}

/// One set of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFrom {
    /// A path of parameters or a JSON secret (or JSON parameter).
    pub from: Target,
    /// Put before each name.
    pub prefix: String,
    /// Names in upper case.
    pub upper: bool,
    /// Where it was written.
    pub span: crate::diagnostic::Span,
}

/// A file on tmpfs, mounted read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File<P: Phase> {
    /// What is in it.
    pub content: P::Text,
    /// How `content` is written: as it is, or as base64 of the bytes.
    pub encoding: Encoding,
    /// Permission bits. Default 0444.
    pub mode: u32,
    /// Owner. Default 0.
    pub uid: u32,
    /// Group. Default 0.
    pub gid: u32,
}

impl File<Resolved> {
    /// The bytes to write. White space in base64 is passed over.
    ///
    /// # Errors
    /// Content that is not base64 though `encoding` says so, which resolving has ruled out.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        self.encoding.decode(self.content.expose())
    }
}

impl Encoding {
    /// The bytes that `content` stands for.
    pub(crate) fn decode(self, content: &str) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Encoding::Text => Ok(content.as_bytes().to_vec()),
            Encoding::Base64 => {
                let packed: String = content.split_ascii_whitespace().collect();
                base64::prelude::BASE64_STANDARD.decode(packed)
            }
        }
    }
}

/// How a file's content is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, as it is.
    Text,
    /// base64 of the bytes.
    Base64,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Host address; `None`: every address.
    pub host_ip: Option<std::net::IpAddr>,
    /// Host port; `None`: one that Docker picks.
    pub host: Option<u16>,
    /// Container port.
    pub container: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// A port's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// A bind or a named volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where it comes from.
    pub source: VolumeSource,
    /// Absolute path inside the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A path on the host, which must exist.
    Bind(String),
    /// A named volume, made when missing.
    Named(String),
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Path on the host.
    pub host: String,
    /// Path inside the container.
    pub container: String,
    /// `rwm` or less.
    pub permissions: String,
}

/// GPUs given to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpus {
    /// All of them.
    All,
    /// That many.
    Count(i64),
}

/// The network of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// The bridge network `firstlight` (default).
    Bridge,
    /// The host's.
    Host,
    /// None.
    None,
    /// Another service's, by name.
    Service(String),
}

/// A log driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging<P: Phase> {
    /// Its name.
    pub driver: String,
    /// Its options.
    pub options: BTreeMap<String, P::Text>,
}

/// When a service counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is asked.
    pub probe: Probe,
    /// From one probe's start to the next. Default 2 s.
    pub interval: Duration,
    /// How long one probe may take. Default 2 s.
    pub timeout: Duration,
    /// Consecutive successes wanted. Default 2.
    pub healthy_threshold: u32,
}

/// How a service is asked whether it is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// GET over HTTP.
    Http(HttpProbe),
    /// GET over HTTPS, certificate unchecked.
    Https(HttpProbe),
    /// A TCP connection.
    Tcp {
        /// The container's port.
        port: u16,
    },
    /// A command run inside the container; exit 0 is success.
    Command(Vec<String>),
}

/// A GET and the statuses that count as success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProbe {
    /// The container's port.
    pub port: u16,
    /// Path and query, `/` by default.
    pub path: String,
    /// Inclusive ranges of statuses, as in an ALB's matcher: `200`, `200,301`, `200-299`.
    pub matcher: Vec<(u16, u16)>,
}

/// When to pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Every launch.
    Always,
    /// When the image is not there.
    Missing,
    /// Not at all; it must be there.
    Never,
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
    /// How long to keep serving where the group's state cannot be read.
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
