//! The instance role's credentials.

use super::{Imds, text};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use std::time::SystemTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Provides the instance role's credentials; the SDK caches them until shortly before they expire.
///
/// A role that is not there yet is an error worth another attempt, not the end: EC2 shows it some
/// moments after the launch, and people attach roles late.
#[derive(Debug, Clone)]
pub struct InstanceRole {
    imds: Imds,
}

/// What the service says. No Debug: it is the secret.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

const PATH: &str = "meta-data/iam/security-credentials/";

impl InstanceRole {
    /// The role of this instance.
    pub fn new(imds: &Imds) -> InstanceRole {
        InstanceRole { imds: imds.clone() }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let roles = self.read(PATH).await?;
        let role = roles.lines().next().map(str::trim).unwrap_or_default();
        if role.is_empty() {
            return Err(missing());
        }
        let body = self.read(&format!("{PATH}{role}")).await?;
        parse(role, &body)
    }

    /// Reads one path, once: who asked for credentials asks again.
    async fn read(&self, path: &str) -> Result<String, CredentialsError> {
        let body = self.imds.client.once(path).await;
        let body = body.map_err(CredentialsError::provider_error)?;
        text(body.ok_or_else(missing)?).map_err(CredentialsError::provider_error)
    }
}

fn missing() -> CredentialsError {
    CredentialsError::not_loaded(
        "the instance has no role yet; attach an instance profile to the launch template",
    )
}

/// Reads the document. serde's own words could quote it, so they are not passed on.
fn parse(role: &str, body: &str) -> Result<Credentials, CredentialsError> {
    let wrong = |what: &str| {
        CredentialsError::provider_error(format!("credentials of role {role}: {what}"))
    };
    let document: Document =
        serde_json::from_str(body).map_err(|_| wrong("instance metadata gave no valid JSON"))?;
    match document.code.as_deref() {
        None | Some("Success") => {}
        Some(code) => {
            return Err(wrong(&format!(
                "EC2 could not assume it ({code}); check its trust policy"
            )));
        }
    }
    let (Some(key), Some(secret), Some(token), Some(expiration)) = (
        document.access_key_id,
        document.secret_access_key,
        document.token,
        document.expiration,
    ) else {
        return Err(wrong("instance metadata left members out"));
    };
    let expires = OffsetDateTime::parse(&expiration, &Rfc3339)
        .map_err(|_| wrong("their expiration is not a time"))?;
    Ok(Credentials::new(
        key,
        secret,
        Some(token),
        Some(SystemTime::from(expires)),
        "InstanceMetadata",
    ))
}

impl ProvideCredentials for InstanceRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::parse;

    #[test]
    fn credentials_are_read_and_never_quoted() {
        let good = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AKID","SecretAccessKey":"CANARY",
            "Token":"CANARY","Expiration":"2030-01-02T03:04:05Z"}"#;
        let credentials = parse("web", good).unwrap();
        assert_eq!(credentials.access_key_id(), "AKID");
        assert!(credentials.expiry().is_some());
        assert!(!format!("{credentials:?}").contains("CANARY"));
        for (body, says) in [
            (r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#, "trust policy"),
            (r#"{"SecretAccessKey":"CANARY"}"#, "left members out"),
            (r#"{"SecretAccessKey":["CANARY"]}"#, "no valid JSON"),
            (
                r#"{"AccessKeyId":"","SecretAccessKey":"CANARY","Token":"","Expiration":"CANARY"}"#,
                "not a time",
            ),
        ] {
            let error = format!("{:?}", parse("web", body).unwrap_err());
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("CANARY"), "{error}");
        }
    }
}
