//! What can go wrong with instance metadata.

use crate::{
    retry::{Class, Classify},
    verdict::{Failure, Reason},
};

/// What went wrong with instance metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImdsError {
    /// No usable answer within the budget.
    #[error(
        "instance metadata at {endpoint} did not answer in time: {last}; check that the metadata service is enabled and the endpoint is right"
    )]
    Unreachable {
        /// The endpoint asked.
        endpoint: String,
        /// The last thing that was seen.
        last: String,
    },
    /// 403, several times.
    #[error(
        "instance metadata at {endpoint} is switched off (403); switch it on with `aws ec2 modify-instance-metadata-options --http-endpoint enabled`, or `MetadataOptions.HttpEndpoint: enabled` in the launch template"
    )]
    Denied {
        /// The endpoint asked.
        endpoint: String,
    },
    /// An answer that cannot be.
    #[error(
        "instance metadata at {endpoint} answered what cannot be: {last}; check that this is EC2's own metadata service and not another server at its address"
    )]
    Invalid {
        /// The endpoint asked.
        endpoint: String,
        /// What was seen.
        last: String,
    },
}

impl Failure for ImdsError {
    fn reason(&self) -> Reason {
        match self {
            ImdsError::Unreachable { .. } => Reason::MetadataUnreachable,
            ImdsError::Denied { .. } => Reason::MetadataDenied,
            ImdsError::Invalid { .. } => Reason::MetadataInvalid,
        }
    }
}

/// Tries after which 403 counts as an answer: it is seen for moments while options change.
const DENIALS: u32 = 3;

/// One attempt that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Miss {
    /// No connection, or no answer in time.
    #[error("{0}")]
    Silent(String),
    /// 429 or 503: too many requests from this instance.
    #[error("HTTP status {0}: too many requests from this instance")]
    Busy(u16),
    /// Another 5xx, or a token refused twice.
    #[error("HTTP status {0}")]
    Broken(u16),
    /// A body that is not what was asked for.
    #[error("{0}")]
    Garbled(String),
    /// 403, for the nth time.
    #[error("HTTP status 403")]
    Denied(u32),
    /// An answer that another attempt gets again.
    #[error("{0}")]
    Refused(String),
}

impl Classify for Miss {
    fn class(&self) -> Class {
        match self {
            Miss::Busy(_) => Class::Throttled,
            Miss::Silent(_) | Miss::Broken(_) | Miss::Garbled(_) => Class::Transient,
            Miss::Denied(times) if *times < DENIALS => Class::Transient,
            Miss::Denied(_) | Miss::Refused(_) => Class::Fatal,
        }
    }
}

impl Miss {
    /// The error that this is when it was the last attempt.
    pub(super) fn last(self, endpoint: String) -> ImdsError {
        match self {
            Miss::Denied(_) => ImdsError::Denied { endpoint },
            Miss::Garbled(last) | Miss::Refused(last) => ImdsError::Invalid { endpoint, last },
            Miss::Silent(_) | Miss::Busy(_) | Miss::Broken(_) => ImdsError::Unreachable {
                endpoint,
                last: self.to_string(),
            },
        }
    }
}
