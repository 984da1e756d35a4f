//! Registry authentication and pulls: from image references to images by digest.

use crate::{
    context::Context,
    imds::Identity,
    references::Resolution,
    verdict::{Failure, Reason},
};
use std::collections::BTreeMap;

/// The image each container runs, by container (service or task) name.
pub type Images = BTreeMap<String, Image>;

/// An image that is on this machine, pinned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Image {
    /// The reference as resolved: `ghcr.io/acme/web:42`.
    pub reference: String,
    /// What to run: `ghcr.io/acme/web@sha256:…`, or an image id where the image has no registry digest.
    pub pinned: String,
    /// The image's own HEALTHCHECK, if it has one that is not `NONE`.
    pub has_healthcheck: bool,
}

/// What went wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {}

impl Failure for ImageError {
    fn reason(&self) -> Reason {
        match *self {}
    }
}

/// Pulls every image that the spec names, in parallel, each once.
///
/// # Errors
/// The first image that cannot be had.
pub async fn pull(
    _cx: &Context,
    _me: &Identity,
    _resolution: &Resolution,
) -> Result<Images, ImageError> {
    todo!()
}
