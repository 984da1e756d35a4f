//! What Docker is told about one container.

use super::{Phase, Resolved};
use crate::{reference::Target, value::ImageRef};
use base64::Engine as _;
use std::{collections::BTreeMap, time::Duration};

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
        self.pull_policy
            .unwrap_or_else(|| PullPolicy::usual(&self.image))
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

impl PullPolicy {
    /// What holds where nothing is said: always for a tag, when missing for a digest.
    pub(crate) fn usual(image: &ImageRef) -> PullPolicy {
        match image.digest() {
            Some(_) => PullPolicy::Missing,
            None => PullPolicy::Always,
        }
    }
}
