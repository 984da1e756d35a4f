//! Instance metadata, IMDSv2 only: who this instance is, its tags, its target state, its user data.
//!
//! The rules are EC2's ("Use IMDSv2", "Retrieve instance metadata"): a token by PUT, no proxy, no
//! redirect, one request at a time, 404 an answer. Bodies are bounded and checked, for what listens on
//! that address during boot need not be EC2.
//!
//! To add a question: a method here that says what a valid answer is.

mod client;
mod credentials;
mod error;
mod identity;
mod platform;
mod target;

pub use credentials::InstanceRole;
pub use error::ImdsError;
pub use identity::Identity;
pub use platform::Platform;
pub use target::TargetState;

use crate::{
    context::{Deadline, Timings},
    report::Report,
};
use client::Client;
use std::{env, sync::Arc};

/// The metadata service. Cheap to clone: clones share one connection and one token.
#[derive(Debug, Clone)]
pub struct Imds {
    client: Arc<Client>,
}

impl Imds {
    /// The service named by `AWS_EC2_METADATA_SERVICE_ENDPOINT[_MODE]`, else 169.254.169.254, with
    /// `[fd00:ec2::254]` as second choice.
    pub fn from_env(timings: &Timings, report: &Report) -> Imds {
        let endpoint = env::var("AWS_EC2_METADATA_SERVICE_ENDPOINT").ok();
        let mode = env::var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").ok();
        Imds::at(
            endpoints(endpoint.as_deref(), mode.as_deref()),
            timings,
            report,
        )
    }

    /// The service at `endpoints`, first choice first: `http://169.254.169.254`, without a slash.
    pub fn at(endpoints: Vec<String>, timings: &Timings, report: &Report) -> Imds {
        Imds {
            client: Arc::new(Client::new(endpoints, timings, report)),
        }
    }

    /// Who this instance is, retried until `deadline`.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn identify(&self, deadline: Deadline) -> Result<Identity, ImdsError> {
        self.client
            .get("dynamic/instance-identity/document", deadline, |body| {
                let body = body.ok_or("there is no identity document")?;
                identity::parse(&text(body)?)
            })
            .await
    }

    /// User data, byte for byte; `None` when there is none.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn user_data(&self, deadline: Deadline) -> Result<Option<Vec<u8>>, ImdsError> {
        self.client.get("user-data", deadline, Ok).await
    }

    /// One path below `latest/meta-data/`, as text; `None` when there is no such path.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn metadata(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<Option<String>, ImdsError> {
        self.client
            .get(&format!("meta-data/{path}"), deadline, |body| {
                body.map(text).transpose()
            })
            .await
    }

    /// The value of one of the instance's tags; `None` when it has no such tag, or when tags in
    /// metadata are not switched on: the service does not tell the two apart.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn tag(&self, name: &str, deadline: Deadline) -> Result<Option<String>, ImdsError> {
        self.metadata(&format!("tags/instance/{name}"), deadline)
            .await
    }

    /// Where the Auto Scaling group wants the instance to go; `None` outside a group, and for the
    /// first moments in one.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn target_state(&self, deadline: Deadline) -> Result<Option<TargetState>, ImdsError> {
        let state = self
            .metadata("autoscaling/target-lifecycle-state", deadline)
            .await?;
        Ok(state.map(TargetState::from))
    }
}

/// The endpoints to try, in order, from what the environment says.
fn endpoints(endpoint: Option<&str>, mode: Option<&str>) -> Vec<String> {
    const V4: &str = "http://169.254.169.254";
    const V6: &str = "http://[fd00:ec2::254]";
    let named = endpoint.map(str::trim).filter(|url| !url.is_empty());
    let mode = mode.map(str::to_ascii_lowercase);
    let chosen = match (named, mode.as_deref()) {
        (Some(url), _) => vec![url.trim_end_matches('/')],
        (None, Some("ipv4")) => vec![V4],
        (None, Some("ipv6")) => vec![V6],
        (None, _) => vec![V4, V6],
    };
    chosen.into_iter().map(str::to_owned).collect()
}

/// A body as text. What begins with `<` is some other server's page, never an answer of EC2's.
fn text(body: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(body).map_err(|_| "a body that is not UTF-8".to_owned())?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim_start().starts_with('<') {
        return Err("a page of HTML or XML: something else answers at this address".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
