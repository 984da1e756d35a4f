//! Gathers the sources (drop-ins, user data, includes) and hands them to `firstlight-userdata`.
//!
//! - `drop_in`: files that only root may have written
//! - `include`: what documents fetch from S3 and Parameter Store
//!
//! To add a place that includes come from: a variant of `IncludeFrom`, and its fetch in `include`.

mod drop_in;
mod error;
mod include;

pub use error::SpecError;

use crate::{context::Context, imds::Identity};
use firstlight_userdata::{
    sources::Sources,
    spec::{Spec, Unresolved},
};

/// The spec of this launch; `None` when no source says anything to firstlight.
///
/// `recorded` is the document that an earlier start of this launch merged: what was read once holds, for
/// later edits reach new instances only.
///
/// # Errors
/// See [`SpecError`].
pub async fn load(
    cx: &Context,
    me: &Identity,
    recorded: Option<&str>,
) -> Result<Option<Spec<Unresolved>>, SpecError> {
    match recorded {
        Some(document) => Sources::recorded(document)
            .map(Some)
            .map_err(SpecError::Invalid),
        None => composed(gather(cx, me).await?),
    }
}

fn composed(sources: Sources) -> Result<Option<Spec<Unresolved>>, SpecError> {
    if sources.is_empty() {
        return Ok(None);
    }
    let wrong = match sources.changed() {
        true => SpecError::IncludeChanged,
        false => SpecError::Invalid,
    };
    sources.compose().map(Some).map_err(wrong)
}

/// Everything that is said to this instance, read but not yet merged.
///
/// # Errors
/// See [`SpecError`].
pub async fn gather(cx: &Context, me: &Identity) -> Result<Sources, SpecError> {
    let mut sources = Sources::default();
    for (path, bytes) in drop_in::read(&cx.paths.etc.join("launch.d"), &cx.report)? {
        sources.drop_in(&path.display().to_string(), &bytes);
    }
    if let Some(bytes) = cx.imds.user_data(cx.deadline).await? {
        sources.user_data("user data", &bytes);
    }
    let cx = sources
        .timeout()
        .map_or_else(|| cx.clone(), |whole| cx.within(whole));
    for (include, bytes) in include::fetch(&cx, me, sources.includes()).await? {
        sources.included(include.id, &bytes);
    }
    Ok(sources)
}

#[cfg(test)]
mod tests;
