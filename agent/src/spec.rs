//! Gathers the sources (drop-ins, user data, includes) and hands them to `firstlight-userdata`.

use crate::{
    context::Context,
    imds::Identity,
    verdict::{Failure, Reason},
};
use firstlight_userdata::spec::{Spec, Unresolved};

/// What went wrong with the sources.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {}

impl Failure for SpecError {
    fn reason(&self) -> Reason {
        match *self {}
    }
}

/// The spec of this launch; `None` when no source says anything to firstlight.
///
/// # Errors
/// See [`SpecError`].
pub async fn load(_cx: &Context, _me: &Identity) -> Result<Option<Spec<Unresolved>>, SpecError> {
    todo!()
}
