//! The pipeline, top to bottom: what the Launch effect does.
//!
//! Data flows one way: each stage receives what earlier ones made and never asks back. To add a stage:
//! a variant of `Stage`, a room of its own, and one line in [`launch`].

use crate::{
    context::Context,
    health::{self, Healthy},
    image::{self, Images},
    imds::Identity,
    lifecycle::{Fact, Wish},
    references, spec,
    verdict::{
        LaunchError,
        Stage::{Configure, Health, Pull, Resolve, Start},
    },
    workload::{self, Launch},
};
use firstlight_userdata::spec::{Resolved, Signal};
use tokio::sync::mpsc::UnboundedSender;

/// What an earlier process left of this launch.
#[derive(Debug, Clone)]
pub struct Resume {
    /// Names the containers and folders of this launch.
    pub ids: Launch,
    /// The merged spec, if it was read before: later edits reach new instances only.
    pub document: Option<String>,
    /// The images that were pulled before, by digest.
    pub images: Images,
}

/// From the spec to healthy services; `None` when no source says anything to firstlight.
///
/// What must survive a crash goes to `tell` as soon as it is known.
///
/// # Errors
/// The stage that failed, why, and in words.
pub async fn launch(
    cx: &Context,
    me: &Identity,
    resume: &Resume,
    tell: &UnboundedSender<Fact>,
) -> Result<Option<Healthy>, LaunchError> {
    // Nobody listens any more only when this future is about to be dropped.
    let tell = |fact| drop(tell.send(fact));

    let Some(spec) = cx
        .stage(Configure, spec::load(cx, me, resume.document.as_deref()))
        .await?
    else {
        return Ok(None);
    };
    let cx = &cx.within(spec.timeout);
    let timeout_ms = u64::try_from(spec.timeout.as_millis()).unwrap_or(u64::MAX);
    tell(Fact::Configured {
        document: spec.document.clone(),
        timeout_ms,
    });

    let resolution = cx
        .stage(Resolve, references::resolve(cx, me, &spec))
        .await?;
    tell(Fact::Resolved(wish(&resolution.spec.signal)));

    let images = cx
        .stage(Pull, image::pull(cx, me, &resolution, &resume.images))
        .await?;
    cx.report.images(&images);
    tell(Fact::Pulled(images.clone()));

    let healthy = async |service: &workload::Running| health::wait_one(cx, service).await;
    let workload = cx
        .stage(
            Start,
            workload::ensure(cx, me, &resume.ids, &resolution, &images, healthy),
        )
        .await?;

    cx.stage(Health, health::wait(cx, &workload))
        .await
        .map(Some)
}

fn wish(signal: &Signal<Resolved>) -> Wish {
    let text = |text: &firstlight_userdata::resolve::Text| text.expose().to_owned();
    Wish {
        group: signal.group.as_ref().map(text),
        launching: signal.launching.iter().map(text).collect(),
        cloudformation: signal
            .cloudformation
            .as_ref()
            .map(|to| (text(&to.stack), text(&to.resource))),
    }
}
