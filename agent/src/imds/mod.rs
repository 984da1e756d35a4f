//! Instance metadata, IMDSv2 only: who this instance is, its tags, its target state, its user data.

mod credentials;

pub use credentials::InstanceRole;

use crate::{
    context::{Deadline, Timings},
    report::Report,
    verdict::{Failure, Reason},
};

/// The metadata service.
#[derive(Debug, Clone)]
pub struct Imds {}

/// Who this instance is: the identity document, checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// `i-0123456789abcdef0`
    pub instance_id: String,
    /// `ami-…`
    pub image_id: String,
    /// 12 digits.
    pub account: String,
    /// `eu-west-1`
    pub region: String,
    /// `eu-west-1a`
    pub availability_zone: String,
    /// `c7g.large`
    pub instance_type: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
}

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
}

impl Failure for ImdsError {
    fn reason(&self) -> Reason {
        match self {
            ImdsError::Unreachable { .. } => Reason::MetadataUnreachable,
        }
    }
}

impl Imds {
    /// The service named by `AWS_EC2_METADATA_SERVICE_ENDPOINT[_MODE]`, else 169.254.169.254, with
    /// `[fd00:ec2::254]` as second choice.
    pub fn from_env(_timings: &Timings, _report: &Report) -> Imds {
        todo!()
    }

    /// Who this instance is, retried until `deadline`.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn identify(&self, _deadline: Deadline) -> Result<Identity, ImdsError> {
        todo!()
    }

    /// User data, byte for byte; `None` when there is none.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn user_data(&self, _deadline: Deadline) -> Result<Option<Vec<u8>>, ImdsError> {
        todo!()
    }

    /// One path below `latest/meta-data/`, as text; `None` when there is no such path.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn metadata(
        &self,
        _path: &str,
        _deadline: Deadline,
    ) -> Result<Option<String>, ImdsError> {
        todo!()
    }
}
