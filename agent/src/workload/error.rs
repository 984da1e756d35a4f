//! What can go wrong with the workload, and what to do about it.

use crate::{
    container::{Exit, LastLines},
    docker::{CallError, Cause, EngineError},
    verdict::{Failure, Reason},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What went wrong with the workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The engine cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine did not answer, to the end.
    #[error("{what}: {message}; check that docker.service is running")]
    Unreachable {
        /// What was wanted of it.
        what: String,
        /// The last thing that was seen.
        message: String,
    },
    /// The engine refused a container or the network.
    #[error("{what} was refused by Docker: {message}{}", hint(*.key))]
    Refused {
        /// What was wanted of it.
        what: String,
        /// The key that probably did it.
        key: Option<&'static str>,
        /// Docker's words, secrets replaced.
        message: String,
    },
    /// A container of that name exists and is not ours.
    #[error(
        "a container named {name:?} exists that firstlight did not make ({id}): remove or rename it, or rename the service or task"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The id of the other one.
        id: String,
    },
    /// A network of our name exists and is of another kind.
    #[error(
        "the network \"firstlight\" exists with driver {driver:?}, wanted a bridge: remove it with `docker network rm firstlight`"
    )]
    NetworkTaken {
        /// What it is.
        driver: String,
    },
    /// A published port is in use.
    #[error("{what} could not publish a port: {message}; free the port or change `ports`")]
    PortTaken {
        /// Which container.
        what: String,
        /// Docker's words.
        message: String,
    },
    /// A bind source does not exist.
    #[error(
        "{what} mounts what does not exist: {message}; create it in the image or mount it before firstlight starts, for `volumes` never creates a bind's source"
    )]
    BindMissing {
        /// Which container.
        what: String,
        /// Docker's words: they name the source.
        message: String,
    },
    /// The disk is full.
    #[error(
        "{what} could not be made, for the disk is full: {message}; give Docker's disk more room"
    )]
    DiskFull {
        /// What was wanted.
        what: String,
        /// Docker's words.
        message: String,
    },
    /// A task exited with a code other than 0.
    #[error("task {name} {exit}")]
    TaskFailed {
        /// Which.
        name: String,
        /// How.
        exit: Exit,
    },
    /// A task ran longer than its time-out.
    #[error(
        "task {name} did not end within its timeout of {timeout:?} and was stopped{}",
        LastLines(.last)
    )]
    TaskTimeout {
        /// Which.
        name: String,
        /// Its time-out.
        timeout: Duration,
        /// Its last lines.
        last: Vec<String>,
    },
    /// A service exited before the verdict.
    #[error("service {name} {exit}")]
    ServiceExited {
        /// Which.
        name: String,
        /// How.
        exit: Exit,
    },
    /// A service that others wait for did not become healthy.
    #[error("{message}")]
    Unhealthy {
        /// Why, as the probes say.
        reason: Reason,
        /// In their words.
        message: String,
    },
    /// A file could not be written.
    #[error("the file {target} of {container} could not be put at {}: {message}", .path.display())]
    File {
        /// Whose.
        container: String,
        /// Its path in the container.
        target: String,
        /// Where on the host.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A file has no room.
    #[error(
        "the file {target} of {container} has no room at {}: make the tmpfs there larger (`mount -o remount,size=… /run`), or the spec's files smaller", .path.display()
    )]
    FileRoom {
        /// Whose.
        container: String,
        /// Its path in the container.
        target: String,
        /// Where on the host.
        path: PathBuf,
    },
    /// The place for secret files is a disk's.
    #[error("{} is not on tmpfs, and secrets are not written to disks: mount a tmpfs on /run", .0.display())]
    NotTmpfs(PathBuf),
    /// A container was wanted whose image was not pulled.
    #[error("no image was pulled for {0}")]
    NoImage(String),
    /// The launch's time ran out.
    #[error("the launch's time ran out while waiting for {0}")]
    Deadline(String),
}

fn hint(key: Option<&str>) -> String {
    key.map(|key| format!("; check `{key}`"))
        .unwrap_or_default()
}

impl WorkloadError {
    /// A container's file that could not be put at `path`.
    pub(super) fn file(
        container: &str,
        target: &str,
        path: &Path,
        error: &io::Error,
    ) -> WorkloadError {
        let (container, target, path) = (container.into(), target.into(), path.into());
        let kind = error.kind();
        if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
            return WorkloadError::FileRoom {
                container,
                target,
                path,
            };
        }
        WorkloadError::File {
            container,
            target,
            path,
            message: error.to_string(),
        }
    }

    /// From the engine's answer; `message` is it with secrets replaced.
    pub(super) fn answered(what: String, error: &CallError, message: String) -> WorkloadError {
        match error.cause {
            Cause::Unreachable => WorkloadError::Unreachable { what, message },
            Cause::PortTaken => WorkloadError::PortTaken { what, message },
            Cause::BindMissing => WorkloadError::BindMissing { what, message },
            Cause::DiskFull => WorkloadError::DiskFull { what, message },
            Cause::NoSuchImage => WorkloadError::Refused {
                what,
                key: Some("image"),
                message,
            },
            Cause::NoSuchContainer
            | Cause::NoSuchOther
            | Cause::NameTaken
            | Cause::Ambiguous
            | Cause::NotRunning
            | Cause::BeingRemoved
            | Cause::Refused => WorkloadError::Refused {
                what,
                key: culprit(&message),
                message,
            },
        }
    }
}

/// Words of the engine and of runc, and the key that brings them about. The first line that fits
/// holds, so what is particular stands before what is general.
const CULPRITS: &[(&str, &str)] = &[
    ("unable to find user", "user"),
    ("unable to find group", "group_add"),
    ("no matching entries in passwd", "user"),
    ("could not select device driver", "gpus"),
    ("nvidia", "gpus"),
    ("gathering device information", "devices"),
    ("sysctl", "sysctls"),
    ("ulimit", "ulimits"),
    ("rlimit", "ulimits"),
    ("logger", "logging"),
    ("logging", "logging"),
    ("log opt", "logging"),
    ("log-opt", "logging"),
    ("awslogs", "logging"),
    ("capabilit", "cap_add"),
    ("cap_add", "cap_add"),
    ("cap_drop", "cap_drop"),
    ("seccomp", "security_opt"),
    ("apparmor", "security_opt"),
    ("security-opt", "security_opt"),
    ("security opt", "security_opt"),
    ("memory limit", "mem_limit"),
    ("range of cpus", "cpus"),
    ("pids", "pids_limit"),
    ("shm", "shm_size"),
    ("tmpfs", "tmpfs"),
    ("invalid hostname", "hostname"),
    ("add-host", "extra_hosts"),
    ("extra-host", "extra_hosts"),
    ("working directory", "working_dir"),
    ("mkdir /", "working_dir"),
    ("chdir to cwd", "working_dir"),
    ("invalid signal", "stop_signal"),
    ("invalid port", "ports"),
    ("docker-init", "init"),
    ("duplicate mount point", "volumes"),
    ("executable file not found", "command"),
    ("exec format error", "image"),
    ("exec:", "command"),
    ("mount", "volumes"),
    ("volume", "volumes"),
];

fn culprit(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    let line = CULPRITS.iter().find(|(words, _)| message.contains(words));
    line.map(|(_, key)| *key)
}

impl Failure for WorkloadError {
    fn reason(&self) -> Reason {
        match self {
            WorkloadError::Engine(error) => error.reason(),
            WorkloadError::Unreachable { .. } => Reason::DockerUnreachable,
            WorkloadError::Refused { .. } | WorkloadError::NetworkTaken { .. } => {
                Reason::DockerRefused
            }
            WorkloadError::NameTaken { .. } => Reason::NameTaken,
            WorkloadError::PortTaken { .. } => Reason::PortTaken,
            WorkloadError::BindMissing { .. } => Reason::BindMissing,
            WorkloadError::DiskFull { .. } | WorkloadError::FileRoom { .. } => Reason::DiskFull,
            WorkloadError::TaskFailed { .. } => Reason::TaskFailed,
            WorkloadError::TaskTimeout { .. } => Reason::TaskTimeout,
            WorkloadError::ServiceExited { .. } => Reason::ServiceExited,
            WorkloadError::Unhealthy { reason, .. } => *reason,
            WorkloadError::File { .. } | WorkloadError::NotTmpfs(_) => Reason::StateUnusable,
            WorkloadError::NoImage(_) => Reason::Internal,
            WorkloadError::Deadline(_) => Reason::Deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_run_is_told_from_an_unusable_one() {
        for (errno, reason, says) in [
            (nix::errno::Errno::ENOSPC, Reason::DiskFull, "remount,size="),
            (nix::errno::Errno::EDQUOT, Reason::DiskFull, "remount,size="),
            (nix::errno::Errno::EROFS, Reason::StateUnusable, "Read-only"),
        ] {
            let path = Path::new("/run/firstlight/1");
            let error = WorkloadError::file("web", "/run/secrets/pw", path, &errno.into());
            assert_eq!(error.reason(), reason);
            let text = error.to_string();
            assert!(
                text.contains("/run/secrets/pw of web") && text.contains(says),
                "{text}"
            );
        }
    }

    #[test]
    fn the_key_that_probably_did_it() {
        for (message, want) in [
            (
                "OCI runtime create failed: exec: \"/app\": stat /app: no such file or directory: unknown",
                Some("command"),
            ),
            (
                "exec: \"serve\": executable file not found in $PATH: unknown",
                Some("command"),
            ),
            (
                "unable to find user app: no matching entries in passwd file",
                Some("user"),
            ),
            (
                "could not select device driver \"\" with capabilities: [[gpu]]",
                Some("gpus"),
            ),
            (
                "error gathering device information while adding custom device \"/dev/x\": no such file or directory",
                Some("devices"),
            ),
            (
                "sysctl \"kernel.x\" is not in a separate kernel namespace: unknown",
                Some("sysctls"),
            ),
            (
                "failed to initialize logging driver: NoCredentialProviders",
                Some("logging"),
            ),
            ("Minimum memory limit allowed is 6MB", Some("mem_limit")),
            (
                "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
                Some("cpus"),
            ),
            ("Duplicate mount point: /data", Some("volumes")),
            (
                "invalid CapAdd: unknown capability: \"CAP_NO\"",
                Some("cap_add"),
            ),
            ("something else", None),
        ] {
            assert_eq!(culprit(message), want, "{message}");
        }
    }

    #[test]
    fn words() {
        let exit = Exit {
            code: 137,
            out_of_memory: true,
            last: vec!["one".into(), "two".into()],
        };
        let error = WorkloadError::TaskFailed {
            name: "migrate".into(),
            exit,
        };
        assert_eq!(
            error.to_string(),
            "task migrate exited with code 137, killed because it ran out of memory (raise mem_limit); its last lines:\n  one\n  two"
        );
        let error = WorkloadError::Refused {
            what: "container web".into(),
            key: Some("user"),
            message: "no".into(),
        };
        assert_eq!(
            error.to_string(),
            "container web was refused by Docker: no; check `user`"
        );
    }
}
