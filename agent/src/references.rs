//! Fetches what a spec's references name: Parameter Store, Secrets Manager, metadata. All or nothing.

use crate::{
    context::Context,
    imds::Identity,
    verdict::{Failure, Reason},
};
use firstlight_userdata::spec::{Resolved, Spec, Unresolved};
use std::collections::BTreeMap;

/// A spec with its values, and what may be said of them.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The spec with values.
    pub spec: Spec<Resolved>,
    /// What was resolved: the reference as written and its version, never its value.
    pub versions: BTreeMap<String, String>,
    /// SHA-256 over the unresolved document and the versions, hex: what containers are labelled with.
    pub digest: String,
    // redactor: firstlight_userdata::redact::Redactor, to be added when it lands
}

/// What went wrong with the references.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {}

impl Failure for ReferenceError {
    fn reason(&self) -> Reason {
        match *self {}
    }
}

/// Fetches every value and puts it in its place.
///
/// # Errors
/// Every value that is missing, denied or undecryptable, in one error, with what to grant.
pub async fn resolve(
    _cx: &Context,
    _me: &Identity,
    _spec: &Spec<Unresolved>,
) -> Result<Resolution, ReferenceError> {
    todo!()
}
