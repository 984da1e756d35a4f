//! What the engine's error answers mean, by status and text.
//!
//! The texts are those of Docker 20.10 to 28; the table's test holds them as the engines write them.

use crate::{
    retry::{Class, Classify},
    verdict::Reason,
};
use std::{error::Error as _, fmt, time::Duration};

/// What the engine's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The engine did not answer, or not to the end.
    Unreachable,
    /// No container of that name or id.
    NoSuchContainer,
    /// No image of that name or id.
    NoSuchImage,
    /// No network, volume, exec or anything else of that name.
    NoSuchOther,
    /// A container of that name exists.
    NameTaken,
    /// Several networks have that name, for a moment: whoever made them leaves one.
    Ambiguous,
    /// The container does not run.
    NotRunning,
    /// The container is being removed.
    BeingRemoved,
    /// A published port is in use.
    PortTaken,
    /// A bind source does not exist.
    BindMissing,
    /// The disk is full.
    DiskFull,
    /// Something else that the engine refuses.
    Refused,
}

/// A call to the engine that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What it means.
    pub cause: Cause,
    /// The engine's status, if it answered with one.
    pub status: Option<u16>,
    /// The engine's words.
    pub message: String,
}

impl CallError {
    /// An answer that did not come within `limit`.
    pub(super) fn silent(limit: Duration) -> CallError {
        CallError {
            cause: Cause::Unreachable,
            status: None,
            message: format!("the Docker engine did not answer within {limit:?}"),
        }
    }

    /// The stable reason, where the caller knows none better.
    pub fn reason(&self) -> Reason {
        match self.cause {
            Cause::Unreachable => Reason::DockerUnreachable,
            Cause::NameTaken => Reason::NameTaken,
            Cause::PortTaken => Reason::PortTaken,
            Cause::BindMissing => Reason::BindMissing,
            Cause::DiskFull => Reason::DiskFull,
            Cause::NoSuchContainer
            | Cause::NoSuchImage
            | Cause::NoSuchOther
            | Cause::Ambiguous
            | Cause::NotRunning
            | Cause::BeingRemoved
            | Cause::Refused => Reason::DockerRefused,
        }
    }
}

impl Classify for CallError {
    fn class(&self) -> Class {
        match self.cause {
            Cause::Unreachable | Cause::BeingRemoved | Cause::Ambiguous => Class::Transient,
            Cause::NoSuchContainer
            | Cause::NoSuchImage
            | Cause::NoSuchOther
            | Cause::NameTaken
            | Cause::NotRunning
            | Cause::PortTaken
            | Cause::BindMissing
            | Cause::DiskFull
            | Cause::Refused => Class::Fatal,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}

impl From<bollard::errors::Error> for CallError {
    fn from(error: bollard::errors::Error) -> CallError {
        use bollard::errors::Error;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not an answer of the engine is a broken conversation with it"
        )]
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => CallError {
                cause: cause(Some(status_code), &message),
                status: Some(status_code),
                message,
            },
            Error::DockerStreamError { error: message }
            | Error::DockerContainerWaitError { error: message, .. } => CallError {
                cause: cause(None, &message),
                status: None,
                message,
            },
            Error::UnsupportedURISchemeError { .. }
            | Error::URLParseError { .. }
            | Error::InvalidURIError { .. }
            | Error::InvalidURIPartsError { .. }
            | Error::URLEncodedError { .. } => CallError {
                cause: Cause::Refused,
                status: None,
                message: error.to_string(),
            },
            other => CallError {
                cause: Cause::Unreachable,
                status: None,
                message: chain(&other),
            },
        }
    }
}

/// An error with what caused it: "client error (Connect): connection refused".
fn chain(error: &bollard::errors::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The table: the first line that fits. Texts are lower case.
const TABLE: &[(Option<u16>, &str, Cause)] = &[
    (None, "no space left on device", Cause::DiskFull),
    (None, "disk quota exceeded", Cause::DiskFull),
    (None, "port is already allocated", Cause::PortTaken),
    (None, "bind: address already in use", Cause::PortTaken),
    (None, "failed to bind host port", Cause::PortTaken),
    (None, "failed to bind port", Cause::PortTaken),
    (None, "bind source path does not exist", Cause::BindMissing),
    (Some(404), "no such container", Cause::NoSuchContainer),
    (Some(404), "no such image", Cause::NoSuchImage),
    (Some(404), "", Cause::NoSuchOther),
    (
        Some(409),
        "is already in use by container",
        Cause::NameTaken,
    ),
    (None, "network firstlight is ambiguous", Cause::Ambiguous),
    (Some(409), "is not running", Cause::NotRunning),
    (Some(409), "is already in progress", Cause::BeingRemoved),
    (Some(409), "is marked for removal", Cause::BeingRemoved),
    (Some(502), "", Cause::Unreachable),
    (Some(503), "", Cause::Unreachable),
    (None, "daemon is shutting down", Cause::Unreachable),
];

fn cause(status: Option<u16>, message: &str) -> Cause {
    let message = message.to_lowercase();
    TABLE
        .iter()
        .find(|(wanted, text, _)| (wanted.is_none() || *wanted == status) && message.contains(text))
        .map_or(Cause::Refused, |(_, _, cause)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_own_texts() {
        for (status, text, want) in [
            // 20.10 to 28
            (404, "No such container: web", Cause::NoSuchContainer),
            (404, "No such image: postgres:16", Cause::NoSuchImage),
            (404, "network firstlight not found", Cause::NoSuchOther),
            (404, "get pgdata: no such volume", Cause::NoSuchOther),
            (
                409,
                "Conflict. The container name \"/web\" is already in use by container \"5f0b\". You have to remove (or rename) that container to be able to reuse that name.",
                Cause::NameTaken,
            ),
            (
                400,
                "2 matches found based on name: network firstlight is ambiguous",
                Cause::Ambiguous,
            ),
            (409, "Container 5f0b is not running", Cause::NotRunning),
            (409, "container 5f0b is not running", Cause::NotRunning),
            (
                409,
                "removal of container 5f0b is already in progress",
                Cause::BeingRemoved,
            ),
            (
                409,
                "container is marked for removal and cannot be started",
                Cause::BeingRemoved,
            ),
            (
                400,
                "invalid mount config for type \"bind\": bind source path does not exist: /data/pg",
                Cause::BindMissing,
            ),
            // 20.10
            (
                500,
                "driver failed programming external connectivity on endpoint web (5f0b): Bind for 0.0.0.0:443 failed: port is already allocated",
                Cause::PortTaken,
            ),
            (
                500,
                "driver failed programming external connectivity on endpoint web (5f0b): Error starting userland proxy: listen tcp4 0.0.0.0:443: bind: address already in use",
                Cause::PortTaken,
            ),
            // 26 (without userland proxy) and 28
            (
                500,
                "driver failed programming external connectivity on endpoint web (5f0b): failed to bind port 0.0.0.0:443/tcp: Error starting userland proxy: listen tcp4 0.0.0.0:443: bind: address already in use",
                Cause::PortTaken,
            ),
            (
                500,
                "failed to set up container networking: driver failed programming external connectivity on endpoint web (5f0b): failed to bind host port for 0.0.0.0:443:172.18.0.2:443/tcp: address already in use",
                Cause::PortTaken,
            ),
            (
                500,
                "mkdir /var/lib/docker/overlay2/5f0b-init: no space left on device",
                Cause::DiskFull,
            ),
            (
                500,
                "failed to create task for container: OCI runtime create failed: exec: \"/app\": stat /app: no such file or directory: unknown",
                Cause::Refused,
            ),
            (400, "invalid reference format", Cause::Refused),
            (503, "", Cause::Unreachable),
        ] {
            assert_eq!(cause(Some(status), text), want, "{status} {text}");
        }
    }

    #[test]
    fn a_broken_conversation_is_tried_again() {
        let error = CallError::from(bollard::errors::Error::RequestTimeoutError);
        assert_eq!(error.cause, Cause::Unreachable);
        assert_eq!(error.class(), Class::Transient);
    }
}
