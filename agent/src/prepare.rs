//! The pipeline of a warm pool, top to bottom: what the Prepare work does.
//!
//! A launch's first half, and less: only what the pull needs is fetched, no secret is written, and
//! nothing runs at its end.

use crate::{
    context::Context,
    image::{self, Prepared},
    imds::Identity,
    launch::{Resume, configured, wish, written},
    lifecycle::Fact,
    references, spec,
    verdict::{
        LaunchError,
        Stage::{Configure, Pull, Resolve, Stop},
    },
    workload,
};
use tokio::sync::mpsc::UnboundedSender;

/// From the spec to images on the machine, with nothing started; `None` when no source says anything to
/// firstlight.
///
/// What must survive a crash goes to `tell` as soon as it is known.
///
/// # Errors
/// The stage that failed, why, and in words.
pub async fn prepare(
    cx: &Context,
    me: &Identity,
    resume: &Resume,
    tell: &UnboundedSender<Fact>,
) -> Result<Option<Prepared>, LaunchError> {
    // Nobody listens any more only when this future is about to be dropped.
    let tell = |fact| drop(tell.send(fact));

    let Some(spec) = cx
        .stage(Configure, spec::load(cx, me, resume.document.as_deref()))
        .await?
    else {
        return Ok(None);
    };
    let cx = &cx.within(spec.timeout);
    tell(configured(&spec));

    let (needed, redactor) = cx
        .stage(Resolve, references::prepare(cx, me, &spec))
        .await
        .inspect_err(|_| written(&spec.signal).into_iter().for_each(tell))?;
    tell(Fact::Resolved(wish(&needed.signal)));

    // A launch may have begun before it was known that the instance is bound for a warm pool.
    cx.stage(Stop, workload::clear(cx, me)).await?;

    let pull = image::prepare(cx, &needed.pulls, &redactor, &resume.images);
    let (images, prepared) = cx.stage(Pull, pull).await?;
    cx.report.images(&images);
    tell(Fact::Pulled(images));
    Ok(Some(prepared))
}
