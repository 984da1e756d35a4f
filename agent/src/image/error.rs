//! What went wrong with an image, told apart by the engine's and the registries' own texts.
//!
//! To tell another cause apart: a variant of [`Cause`], a line in [`TABLE`] and in its test.

use crate::{
    aws,
    docker::{self, CallError, EngineError},
    report::{PullProgress, words},
    retry::{Class, Classify},
    verdict::{Failure, Reason},
};
use firstlight_userdata::{redact::Redactor, value::ImageRef};
use std::time::Duration;

/// What went wrong with an image. Each names the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The engine cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine failed otherwise than by what a registry said.
    #[error("{image}: {error}")]
    Call {
        /// The image.
        image: String,
        /// What the engine said.
        error: CallError,
    },
    /// No token for an ECR registry.
    #[error(
        "{image}: no credentials for {registry}: {error}{}",
        token_advice(error)
    )]
    Token {
        /// The image.
        image: String,
        /// The registry's host.
        registry: String,
        /// What AWS said.
        error: aws::CallError,
    },
    /// The pull failed.
    #[error("{image} from {registry}: {message}; {}", advice(*cause, *anonymous))]
    Pull {
        /// The image.
        image: String,
        /// The registry's host.
        registry: String,
        /// What it means.
        cause: Cause,
        /// The pull was without credentials.
        anonymous: bool,
        /// The engine's words, which hold the registry's.
        message: String,
    },
    /// The download stood still.
    #[error(
        "{image} from {registry}: no byte came for {limit:?}, {}; check the route to the registry",
        so_far(*got)
    )]
    Stalled {
        /// The image.
        image: String,
        /// The registry's host.
        registry: String,
        /// How long it stood still.
        limit: Duration,
        /// What had come by then.
        got: PullProgress,
    },
    /// The deadline came while it was being pulled.
    #[error(
        "{image} from {registry}: the launch's time ran out while it was pulled, {}; raise the spec's timeout, or make the image smaller",
        so_far(*got)
    )]
    CutOff {
        /// The image.
        image: String,
        /// The registry's host.
        registry: String,
        /// What had come by then.
        got: PullProgress,
    },
    /// `pull_policy: never`, or a recorded image without a registry digest, and it is not there.
    #[error(
        "{image} is not on this machine and may not be pulled; bake it into the AMI, or set pull_policy: missing"
    )]
    Absent {
        /// The image.
        image: String,
    },
    /// It was pulled, and is gone.
    #[error("{image} was pulled and is not on this machine any more; check what removes images")]
    Vanished {
        /// The image.
        image: String,
    },
}

/// What a failed pull means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The registry has no such repository or tag.
    Unknown,
    /// The registry has it for other machines only.
    OtherPlatform,
    /// The registry denied it.
    Denied,
    /// The registry's token has expired.
    Expired,
    /// The registry asked to slow down.
    Throttled,
    /// The registry was not reached, or broke off.
    Unreachable,
    /// The registry's certificate is not trusted, or it doesn't speak TLS.
    Untrusted,
    /// What came is not what its digest says.
    Damaged,
    /// The disk is full.
    DiskFull,
    /// The engine itself broke off.
    Engine,
    /// Something else.
    Refused,
}

impl ImageError {
    /// A pull that failed.
    pub(super) fn pull(reference: &ImageRef, anonymous: bool, error: CallError) -> ImageError {
        ImageError::Pull {
            image: reference.to_string(),
            registry: reference.registry().to_owned(),
            cause: cause(&error),
            anonymous,
            message: error.message,
        }
    }

    /// The same, with every secret in others' words replaced.
    pub(super) fn redacted(mut self, redact: &Redactor) -> ImageError {
        if let ImageError::Pull { message, .. } = &mut self {
            *message = redact.redact(message);
        }
        self
    }

    pub(super) fn token(reference: &ImageRef, error: aws::CallError) -> ImageError {
        ImageError::Token {
            image: reference.to_string(),
            registry: reference.registry().to_owned(),
            error,
        }
    }

    pub(super) fn stalled(reference: &ImageRef, limit: Duration, got: PullProgress) -> ImageError {
        ImageError::Stalled {
            image: reference.to_string(),
            registry: reference.registry().to_owned(),
            limit,
            got,
        }
    }

    pub(super) fn cut_off(reference: &ImageRef, got: PullProgress) -> ImageError {
        ImageError::CutOff {
            image: reference.to_string(),
            registry: reference.registry().to_owned(),
            got,
        }
    }
}

impl Classify for ImageError {
    fn class(&self) -> Class {
        match self {
            ImageError::Engine(error) => error.class(),
            ImageError::Call { error, .. } => error.class(),
            ImageError::Token { error, .. } => error.class(),
            ImageError::Stalled { .. } | ImageError::CutOff { .. } => Class::Transient,
            ImageError::Absent { .. } | ImageError::Vanished { .. } => Class::Fatal,
            ImageError::Pull { cause, .. } => match cause {
                Cause::Throttled => Class::Throttled,
                Cause::Expired | Cause::Unreachable | Cause::Damaged | Cause::Engine => {
                    Class::Transient
                }
                Cause::Unknown
                | Cause::OtherPlatform
                | Cause::Denied
                | Cause::Untrusted
                | Cause::DiskFull
                | Cause::Refused => Class::Fatal,
            },
        }
    }
}

impl Failure for ImageError {
    fn reason(&self) -> Reason {
        match self {
            ImageError::Engine(error) => error.reason(),
            ImageError::Call { error, .. } => error.reason(),
            ImageError::Token { error, .. } => match error.cause {
                aws::Cause::Denied | aws::Cause::Undecryptable | aws::Cause::Refused => {
                    Reason::ImageDenied
                }
                aws::Cause::Throttled => Reason::ImageThrottled,
                aws::Cause::TimeUp => Reason::Deadline,
                aws::Cause::Unreachable
                | aws::Cause::Unavailable
                | aws::Cause::Credentials
                | aws::Cause::Clock => Reason::ImageUnreachable,
            },
            ImageError::Stalled { .. } => Reason::ImageStalled,
            ImageError::CutOff { .. } => Reason::Deadline,
            ImageError::Absent { .. } | ImageError::Vanished { .. } => Reason::ImageAbsent,
            ImageError::Pull { cause, .. } => match cause {
                Cause::Unknown | Cause::OtherPlatform => Reason::ImageUnknown,
                Cause::Denied | Cause::Expired => Reason::ImageDenied,
                Cause::Throttled => Reason::ImageThrottled,
                Cause::Unreachable | Cause::Untrusted => Reason::ImageUnreachable,
                Cause::Damaged => Reason::ImageDamaged,
                Cause::DiskFull => Reason::DiskFull,
                Cause::Engine => Reason::DockerUnreachable,
                Cause::Refused => Reason::DockerRefused,
            },
        }
    }
}

/// How much of an image had come: "after 1.2 MB of 3.0 MB".
fn so_far(got: PullProgress) -> String {
    if got.total == 0 {
        return "before anything of it came".to_owned();
    }
    let (downloaded, total) = (words::bytes(got.downloaded), words::bytes(got.total));
    format!("after {downloaded} of {total}")
}

fn token_advice(error: &aws::CallError) -> &'static str {
    match error.cause {
        aws::Cause::Denied => {
            r#"; grant the instance's role {"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}"#
        }
        aws::Cause::Undecryptable
        | aws::Cause::Throttled
        | aws::Cause::Unreachable
        | aws::Cause::TimeUp
        | aws::Cause::Unavailable
        | aws::Cause::Credentials
        | aws::Cause::Clock
        | aws::Cause::Refused => "",
    }
}

fn advice(cause: Cause, anonymous: bool) -> &'static str {
    match cause {
        Cause::Unknown => "check the image's name and tag, and that it was pushed",
        Cause::OtherPlatform => "push the image for this machine's architecture",
        Cause::Denied if anonymous => {
            "the pull was anonymous: check the name, or add the registry to the spec's registries"
        }
        Cause::Denied => {
            "check the name and the credentials; for ECR grant the instance's role ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repository"
        }
        Cause::Expired => "every attempt has a new token: check the clock if this persists",
        Cause::Throttled => {
            "the registry limits pulls: pull with credentials, or from a cache near the fleet"
        }
        Cause::Unreachable => {
            "check DNS, route, security group and VPC endpoint on the way to the registry"
        }
        Cause::Untrusted => "the engine must trust the registry's certificate",
        Cause::Damaged => "push the image again if this persists",
        Cause::DiskFull => "enlarge the volume that holds /var/lib/docker, or remove old images",
        Cause::Engine => "check docker.service",
        Cause::Refused => "see the engine's log",
    }
}

/// The table: the first line that fits. Texts are lower case.
///
/// Registries: the distribution specification's error codes, Amazon ECR's and Docker Hub's texts.
/// Connections: Go's net, net/http and crypto/x509, as the engine passes them on.
const TABLE: &[(&str, Cause)] = &[
    ("toomanyrequests", Cause::Throttled),
    ("429 too many requests", Cause::Throttled),
    ("authorization token has expired", Cause::Expired),
    ("no matching manifest for", Cause::OtherPlatform),
    (
        "does not match the specified platform",
        Cause::OtherPlatform,
    ),
    ("verification failed for digest", Cause::Damaged),
    ("unexpected commit digest", Cause::Damaged),
    ("failed size validation", Cause::Damaged),
    ("filesystem layer verification failed", Cause::Damaged),
    ("manifest unknown", Cause::Unknown),
    ("name unknown", Cause::Unknown),
    ("no basic auth credentials", Cause::Denied),
    ("pull access denied", Cause::Denied),
    ("requested access to the resource is denied", Cause::Denied),
    ("unauthorized", Cause::Denied),
    ("authorization failed", Cause::Denied),
    ("is not authorized to perform", Cause::Denied),
    ("denied:", Cause::Denied),
    ("403 forbidden", Cause::Denied),
    (
        "certificate has expired or is not yet valid",
        Cause::Unreachable,
    ),
    ("x509:", Cause::Untrusted),
    (
        "server gave http response to https client",
        Cause::Untrusted,
    ),
    ("connection refused", Cause::Unreachable),
    ("connection reset", Cause::Unreachable),
    ("i/o timeout", Cause::Unreachable),
    ("no such host", Cause::Unreachable),
    ("server misbehaving", Cause::Unreachable),
    ("temporary failure in name resolution", Cause::Unreachable),
    ("no route to host", Cause::Unreachable),
    ("network is unreachable", Cause::Unreachable),
    ("tls handshake timeout", Cause::Unreachable),
    ("client.timeout exceeded", Cause::Unreachable),
    ("timeout awaiting response headers", Cause::Unreachable),
    ("connection timed out", Cause::Unreachable),
    ("use of closed network connection", Cause::Unreachable),
    ("server closed idle connection", Cause::Unreachable),
    ("transport connection broken", Cause::Unreachable),
    ("http2:", Cause::Unreachable),
    ("stream error:", Cause::Unreachable),
    ("request canceled", Cause::Unreachable),
    ("context deadline exceeded", Cause::Unreachable),
    ("broken pipe", Cause::Unreachable),
    ("eof", Cause::Unreachable),
    ("unexpected http status: 5", Cause::Unreachable),
    ("unexpected status from", Cause::Unreachable),
    ("500 internal server error", Cause::Unreachable),
    ("502 bad gateway", Cause::Unreachable),
    ("503 service unavailable", Cause::Unreachable),
    ("504 gateway", Cause::Unreachable),
    ("blob unknown", Cause::Unreachable),
    ("not found", Cause::Unknown),
];

fn cause(error: &CallError) -> Cause {
    match error.cause {
        docker::Cause::DiskFull => return Cause::DiskFull,
        docker::Cause::Unreachable => return Cause::Engine,
        docker::Cause::NoSuchContainer
        | docker::Cause::NoSuchImage
        | docker::Cause::NoSuchOther
        | docker::Cause::NameTaken
        | docker::Cause::Ambiguous
        | docker::Cause::NotRunning
        | docker::Cause::BeingRemoved
        | docker::Cause::PortTaken
        | docker::Cause::BindMissing
        | docker::Cause::Refused => {}
    }
    let message = error.message.to_lowercase();
    TABLE
        .iter()
        .find(|(text, _)| message.contains(text))
        .map_or(Cause::Refused, |(_, cause)| *cause)
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
