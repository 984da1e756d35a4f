//! What an AWS call's error means: one cause out of a closed list, and words that hold no secret.
//!
//! To add a cause: a variant, its codes in [`by_code`], its words in `Display`; the compiler lists the
//! rest.

use crate::retry::{Class, Classify};
use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::{error::Error, fmt};

/// An AWS call that failed.
///
/// `Display` names the action and the endpoint, says why, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What was called, as IAM writes it: `ssm:GetParameters`.
    pub action: &'static str,
    /// The host (or configured URL) that was asked.
    pub endpoint: String,
    /// Why.
    pub cause: Cause,
    /// The service's error code, when it gave one: `ParameterNotFound`.
    pub code: Option<String>,
    /// The service's or the connection's own words, without secrets, at most 1,024 bytes. For a denial they name
    /// principal, action and resource, as far as AWS does.
    pub message: String,
}

/// Why an AWS call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The principal may not do this.
    Denied,
    /// The principal may not use the KMS key, or the key is disabled or gone.
    Undecryptable,
    /// Too many requests.
    Throttled,
    /// No connection, or no answer in time.
    Unreachable,
    /// The caller's time was over while the first attempt was under way: nothing is known of the service.
    TimeUp,
    /// An answer that says to come back (5xx), or one that was cut off or garbled.
    Unavailable,
    /// No credentials, or ones that expired or that the service does not know yet.
    Credentials,
    /// This machine's clock is too far off.
    Clock,
    /// The service said no for a reason of its own; see the code.
    Refused,
}

impl CallError {
    /// What `error` means. `config` is what the client was built from; `action` is as IAM writes it.
    pub fn new<E>(
        action: &'static str,
        config: &SdkConfig,
        error: &SdkError<E, HttpResponse>,
    ) -> CallError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (cause, message) = match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let words = service.err().message().unwrap_or_default();
                let cause = service.err().code().map_or_else(
                    || by_status(status),
                    |code| by_code(code, words).unwrap_or_else(|| by_status(status)),
                );
                (cause, said(service.err().code(), cause, words, status))
            }
            SdkError::TimeoutError(_) => (Cause::Unreachable, "no answer in time".to_owned()),
            // A proxy's or a balancer's answer is not the service's, but its status tells. A refusal that cannot be read is
            // none: its code would have said what it means.
            SdkError::ResponseError(response)
                if by_status(response.raw().status().as_u16()) != Cause::Refused =>
            {
                let status = response.raw().status().as_u16();
                (by_status(status), said(None, by_status(status), "", status))
            }
            SdkError::ResponseError(_) => (
                Cause::Unavailable,
                "the answer was cut off or garbled".to_owned(),
            ),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => unsent(error),
            _ => (Cause::Refused, chain(error)),
        };
        CallError {
            action,
            endpoint: endpoint(action, config),
            cause,
            code: error.code().map(str::to_owned),
            message,
        }
    }

    /// A call that its deadline cut off before anything else was seen of it.
    pub fn cut_off(action: &'static str, config: &SdkConfig) -> CallError {
        CallError {
            action,
            endpoint: endpoint(action, config),
            cause: Cause::TimeUp,
            code: None,
            message:
                "the launch's time was over before it answered; give the launch a longer `timeout`"
                    .to_owned(),
        }
    }

    /// Whether the service gave this error code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl Classify for CallError {
    fn class(&self) -> Class {
        match self.cause {
            Cause::Throttled => Class::Throttled,
            Cause::Unreachable
            | Cause::TimeUp
            | Cause::Unavailable
            | Cause::Credentials
            | Cause::Clock => Class::Transient,
            Cause::Denied | Cause::Undecryptable | Cause::Refused => Class::Fatal,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallError {
            action,
            endpoint,
            message,
            ..
        } = self;
        match self.cause {
            Cause::Denied => write!(f, "{action} was denied by {endpoint}: {message}"),
            Cause::Undecryptable => write!(
                f,
                "{action} at {endpoint} may not use the KMS key: {message}"
            ),
            Cause::Throttled => write!(f, "{action} was throttled by {endpoint}: {message}"),
            Cause::Unreachable => write!(
                f,
                "{action} did not reach {endpoint}: {message}; check route, security group, VPC endpoint and DNS"
            ),
            Cause::TimeUp => write!(f, "{action} at {endpoint}: {message}"),
            Cause::Unavailable => write!(
                f,
                "{action} got no usable answer from {endpoint}: {message}"
            ),
            Cause::Credentials => write!(f, "{action} has no usable credentials: {message}"),
            Cause::Clock => write!(
                f,
                "{action} was refused by {endpoint}: {message}; check that the clock is synchronised"
            ),
            Cause::Refused => write!(f, "{action} was refused by {endpoint}: {message}"),
        }?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for CallError {}

/// The cause that an error code stands for; `None`: only its status tells.
///
/// Sources: each service's API reference, "Common Errors"; the SDKs' list of throttling codes.
fn by_code(code: &str, message: &str) -> Option<Cause> {
    match code {
        "KMSAccessDeniedException"
        | "KMS.AccessDeniedException"
        | "DecryptionFailure"
        | "InvalidKeyId"
        | "KMS.DisabledException"
        | "KMS.NotFoundException"
        | "KMS.KMSInvalidStateException" => Some(Cause::Undecryptable),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => {
            Some(if names_kms(message) {
                Cause::Undecryptable
            } else {
                Cause::Denied
            })
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "SlowDown"
        | "LimitExceededException" => Some(Cause::Throttled),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidToken"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure" => Some(Cause::Credentials),
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Some(Cause::Clock),
        "InvalidSignatureException" | "SignatureDoesNotMatch" => Some(if blames_clock(message) {
            Cause::Clock
        } else {
            Cause::Refused
        }),
        "RequestTimeout" | "RequestTimeoutException" | "ResourceContention" => {
            Some(Cause::Unavailable)
        }
        _ => None,
    }
}

/// The cause that a status stands for where no code says more.
fn by_status(status: u16) -> Cause {
    match status {
        403 => Cause::Denied,
        408 | 500..=599 => Cause::Unavailable,
        429 => Cause::Throttled,
        _ => Cause::Refused,
    }
}

/// Services pass KMS's denial on under their own code; only its words tell. Whole phrases: a parameter
/// or a role may have KMS in its name.
fn names_kms(message: &str) -> bool {
    [
        "perform: kms:",
        "Access to KMS is not allowed",
        "ciphertext refers to",
        "(Service: AWSKMS;",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// "Signature expired: … is now earlier than …" and "Signature not yet current: …".
fn blames_clock(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
}

/// What the service said. Of signatures and tokens nothing is passed on: AWS echoes the canonical
/// request there, and with it the session token.
fn said(code: Option<&str>, cause: Cause, words: &str, status: u16) -> String {
    let signature = code.is_some_and(|code| code.contains("Signature"));
    if cause == Cause::Credentials {
        "they expired, or are not known to the service yet".to_owned()
    } else if cause == Cause::Clock {
        "the signature's time is off".to_owned()
    } else if signature || words.contains("x-amz-security-token") {
        "the signature does not match".to_owned()
    } else if words.is_empty() {
        format!("HTTP status {status}")
    } else {
        bounded(words.trim())
    }
}

/// The cause of a request that was not sent, or whose connection failed.
fn unsent<E>(error: &SdkError<E, HttpResponse>) -> (Cause, String)
where
    E: Error + 'static,
{
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(credentials) = inner.downcast_ref::<CredentialsError>() {
            let cause = if matches!(credentials, CredentialsError::InvalidConfiguration(_)) {
                Cause::Refused
            } else {
                Cause::Credentials
            };
            return (cause, chain(credentials));
        }
        source = inner.source();
    }
    let ours = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_user(),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | SdkError::ServiceError(_) | _ => {
            false
        }
    };
    let cause = if ours {
        Cause::Refused
    } else {
        Cause::Unreachable
    };
    (cause, chain(error))
}

/// An error and what caused it, innermost last, without the outermost's "dispatch failure".
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(inner) = next {
        let word = inner.to_string();
        if words.last() != Some(&word) {
            words.push(word);
        }
        next = inner.source();
    }
    if words.is_empty() {
        words.push(error.to_string());
    }
    bounded(&words.join(": "))
}

/// The first 1,024 bytes, cut between characters.
fn bounded(words: &str) -> String {
    let mut end = words.len().min(1024);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.get(..end).unwrap_or_default().to_owned()
}

/// Where the client for `action` was going: what the environment says, else AWS's regular name.
fn endpoint(action: &str, config: &SdkConfig) -> String {
    let service = action.split(':').next().unwrap_or_default();
    let variable = format!(
        "AWS_ENDPOINT_URL_{}",
        match service {
            "secretsmanager" => "SECRETS_MANAGER".to_owned(),
            "autoscaling" => "AUTO_SCALING".to_owned(),
            other => other.to_uppercase(),
        }
    );
    if let Some(url) = std::env::var(variable)
        .ok()
        .or_else(|| config.endpoint_url().map(str::to_owned))
    {
        return url;
    }
    let region = config.region().map_or("?", |region| region.as_ref());
    let service = if service == "ecr" { "api.ecr" } else { service };
    let fips = if config.use_fips() == Some(true) {
        "-fips"
    } else {
        ""
    };
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("{service}{fips}.{region}.amazonaws.com{suffix}")
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
