//! The pipeline, top to bottom: what the Launch effect does.
//!
//! Data flows one way: each stage receives what earlier ones made and never asks back. To add a stage:
//! a variant of `Stage`, a room of its own, and one line in [`launch`].

use crate::{
    context::Context,
    health::{self, Healthy},
    image::{self, Images, Prepared},
    imds::Identity,
    lifecycle::{Conduct, Fact, Notice, Wish},
    references, spec,
    verdict::{
        LaunchError,
        Stage::{Configure, Health, Pull, Resolve, Start},
    },
    workload::{self, Launch, Workload},
};
use firstlight_userdata::spec::{DrainOn, Phase, Resolved, Signal, Spec, WhenServiceDies};
use tokio::sync::{mpsc::UnboundedSender, watch};

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
    permit: watch::Receiver<bool>,
    tell: &UnboundedSender<Fact>,
) -> Result<Option<(Healthy, Workload)>, LaunchError> {
    let _ = permit;
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
        conduct: conduct(&spec),
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

    let healthy = cx.stage(Health, health::wait(cx, &workload)).await?;
    Ok(Some((healthy, workload)))
}

/// Whether any source says anything to firstlight, be it wrong.
pub async fn is_for_us(cx: &Context, me: &Identity) -> bool {
    !matches!(spec::load(cx, me, None).await, Ok(None))
}

/// For a warm pool.
pub async fn prepare(
    cx: &Context,
    me: &Identity,
    resume: &Resume,
    tell: &UnboundedSender<Fact>,
) -> Result<Option<Prepared>, LaunchError> {
    let _ = (cx, me, resume, tell);
    Ok(None)
}

fn conduct<P: Phase>(spec: &Spec<P>) -> Conduct {
    let on = |on: &DrainOn| match on {
        DrainOn::Terminate => None,
        DrainOn::Spot => Some(Notice::Spot),
        DrainOn::Rebalance => Some(Notice::Rebalance),
        DrainOn::Maintenance => Some(Notice::Maintenance),
    };
    Conduct {
        drain_on_terminate: spec.drain.on.contains(&DrainOn::Terminate),
        drain_on: spec.drain.on.iter().filter_map(on).collect(),
        unhealthy_when_dead: spec.when_service_dies == WhenServiceDies::Unhealthy,
    }
}

fn wish(signal: &Signal<Resolved>) -> Wish {
    let text = |text: &firstlight_userdata::resolve::Text| text.expose().to_owned();
    Wish {
        group: signal.group.as_ref().map(text),
        launching: signal.launching.iter().map(text).collect(),
        terminating: signal.terminating.iter().map(text).collect(),
        cloudformation: signal
            .cloudformation
            .as_ref()
            .map(|to| (text(&to.stack), text(&to.resource))),
    }
}
