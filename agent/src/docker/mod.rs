//! The Docker engine: connecting, waiting for it, and telling its errors apart.
//!
//! Every call to the engine goes through [`ask`] or takes a deadline of its own: the client's time-out
//! is out of the way, for it would cut a `stop` or a pull that takes as long as it should.
//!
//! To tell another of the engine's errors apart: a variant of [`Cause`], a line in its table and in
//! the table's test.

mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod fake;

pub use error::{CallError, Cause};

use crate::{
    context::Context,
    retry::{self, Class, Classify},
    verdict::{Failure, Reason},
};
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};
use std::{fmt, time::Duration};

/// Docker 20.10, the oldest engine that is tested with.
const OLDEST: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 41,
};

/// The client's own time-out, in seconds: longer than anything that is waited for.
const OUT_OF_THE_WAY: u64 = 30 * 24 * 3600;

/// The engine named by `DOCKER_HOST`, else `/var/run/docker.sock`, waited for until the deadline,
/// with the API version negotiated (1.41 and up).
///
/// # Errors
/// It was not there in time, or is too old.
pub async fn engine(cx: &Context) -> Result<Docker, EngineError> {
    let address = Address::parse(std::env::var("DOCKER_HOST").ok().as_deref())?;
    let backoff = cx.timings.engine_backoff();
    retry::until(
        "docker:version",
        backoff,
        cx.deadline,
        &cx.report,
        |last| last.unwrap_or_else(|| address.unreachable("no answer")),
        async || connect(&address, cx.timings.docker_attempt).await,
    )
    .await
}

/// The same engine, if it is there now.
///
/// # Errors
/// It is not, or is too old.
pub async fn engine_now(cx: &Context) -> Result<Docker, EngineError> {
    let address = Address::parse(std::env::var("DOCKER_HOST").ok().as_deref())?;
    connect(&address, cx.timings.docker_attempt).await
}

/// Asks the engine something that it should answer at once.
///
/// # Errors
/// The engine's, told apart; [`Cause::Unreachable`] when no answer came in time.
pub async fn ask<T>(
    cx: &Context,
    call: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, CallError> {
    let limit = cx.timings.docker_attempt.min(cx.deadline.remaining());
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_elapsed) => Err(CallError::silent(limit)),
    }
}

async fn connect(address: &Address, limit: Duration) -> Result<Docker, EngineError> {
    let unreachable = |error| address.unreachable(&CallError::from(error).to_string());
    let docker = match address {
        Address::Unix(path) => Docker::connect_with_unix(path, OUT_OF_THE_WAY, API_DEFAULT_VERSION),
        Address::Tcp(host) => Docker::connect_with_http(host, OUT_OF_THE_WAY, API_DEFAULT_VERSION),
    }
    .map_err(unreachable)?
    .with_request_modifier(url_safe_auth);
    // The version that is agreed on is shared by all clones.
    let negotiation = docker
        .clone()
        .with_request_modifier(without_version)
        .negotiate_version();
    match tokio::time::timeout(limit, negotiation).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(unreachable(error)),
        Err(_elapsed) => return Err(address.unreachable("no answer")),
    }
    let version = docker.client_version();
    if version < OLDEST {
        return Err(EngineError::TooOld {
            address: address.to_string(),
            version: version.to_string(),
        });
    }
    Ok(docker)
}

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    /// A socket's path.
    Unix(String),
    /// `host:port`
    Tcp(String),
}

impl Address {
    fn parse(docker_host: Option<&str>) -> Result<Address, EngineError> {
        let text = docker_host.unwrap_or_default();
        if text.is_empty() {
            return Ok(Address::Unix("/var/run/docker.sock".to_owned()));
        }
        let tcp = text
            .strip_prefix("tcp://")
            .or_else(|| text.strip_prefix("http://"));
        match (text.strip_prefix("unix://"), tcp) {
            (Some(path), _) if path.starts_with('/') => Ok(Address::Unix(path.to_owned())),
            (_, Some(host)) if !host.is_empty() => {
                Ok(Address::Tcp(host.trim_end_matches('/').to_owned()))
            }
            _ => Err(EngineError::Address(text.to_owned())),
        }
    }

    fn unreachable(&self, last: &str) -> EngineError {
        EngineError::Unreachable {
            address: self.to_string(),
            last: last.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{path}"),
            Address::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

/// The engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// `DOCKER_HOST` is not understood.
    #[error("DOCKER_HOST is {0:?}: write unix:///path/to/docker.sock or tcp://host:port")]
    Address(String),
    /// It does not answer.
    #[error(
        "the Docker engine at {address} does not answer: {last}; check that docker.service is enabled and running"
    )]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// The last thing that was seen.
        last: String,
    },
    /// It is older than Docker 20.10.
    #[error(
        "the Docker engine at {address} speaks API {version} only: install Docker 20.10 (API 1.41) or newer"
    )]
    TooOld {
        /// Where it is.
        address: String,
        /// The newest API version it speaks.
        version: String,
    },
}

impl Classify for EngineError {
    fn class(&self) -> Class {
        match self {
            EngineError::Unreachable { .. } => Class::Transient,
            EngineError::Address(_) | EngineError::TooOld { .. } => Class::Fatal,
        }
    }
}

impl Failure for EngineError {
    fn reason(&self) -> Reason {
        match self {
            EngineError::Unreachable { .. } => Reason::DockerUnreachable,
            EngineError::Address(_) | EngineError::TooOld { .. } => Reason::DockerRefused,
        }
    }
}

/// Takes the version out of the path: an engine refuses versions it doesn't know, newer or older,
/// and that is what is being asked.
fn without_version(mut request: BollardRequest) -> BollardRequest {
    let versioned = format!("/v{API_DEFAULT_VERSION}/");
    if let Ok(uri) = request.uri().to_string().replace(&versioned, "/").parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// Writes the credentials for a registry in the alphabet that the engine reads.
///
/// bollard encodes them as standard base64, the engine decodes URL-safe base64 and goes on without
/// credentials when it can't: passwords with certain characters would fail as "denied".
fn url_safe_auth(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut("x-registry-auth")
        && let Ok(standard) = value.to_str()
        && let Ok(encoded) = url_safe(standard).parse()
    {
        *value = encoded;
        value.set_sensitive(true);
    }
    request
}

/// From base64's standard alphabet to its URL-safe one (RFC 4648, sections 4 and 5).
fn url_safe(standard: &str) -> String {
    standard.replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn docker_host() {
        let unix = |path: &str| Ok(Address::Unix(path.to_owned()));
        let tcp = |host: &str| Ok(Address::Tcp(host.to_owned()));
        let bad = |text: &str| Err(EngineError::Address(text.to_owned()));
        for (given, want) in [
            (None, unix("/var/run/docker.sock")),
            (Some(""), unix("/var/run/docker.sock")),
            (Some("unix:///run/d.sock"), unix("/run/d.sock")),
            (Some("tcp://127.0.0.1:2375"), tcp("127.0.0.1:2375")),
            (Some("http://[::1]:2375/"), tcp("[::1]:2375")),
            (Some("unix://"), bad("unix://")),
            (Some("tcp://"), bad("tcp://")),
            (
                Some("https://127.0.0.1:2376"),
                bad("https://127.0.0.1:2376"),
            ),
            (Some("/run/d.sock"), bad("/run/d.sock")),
        ] {
            assert_eq!(Address::parse(given), want, "{given:?}");
        }
    }

    #[test]
    fn credentials_are_url_safe() {
        use base64::{Engine, engine::general_purpose};
        for text in [r#"{"password":"~~~???>>>ü"}"#, "plain", "\u{7ff}\u{7ff}"] {
            assert_eq!(
                url_safe(&general_purpose::STANDARD.encode(text)),
                general_purpose::URL_SAFE.encode(text)
            );
        }
    }
}
