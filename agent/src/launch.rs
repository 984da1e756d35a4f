//! The pipeline, top to bottom: what the Launch work does. `prepare` is a warm pool's.
//!
//! Data flows one way: each stage receives what earlier ones made and never asks back. To add a stage:
//! a variant of `Stage`, a room of its own, and one line in [`launch`].

use crate::{
    context::Context,
    health::{self, Healthy},
    image::{self, Images},
    imds::Identity,
    lifecycle::{Conduct, Fact, Notice, Wish},
    references, spec,
    verdict::{
        LaunchError,
        Stage::{Configure, Health, Pull, Resolve, Start},
    },
    workload::{self, Launch, Run, Workload},
};
use firstlight_userdata::{
    reference::Template,
    resolve::Text,
    spec::{DrainOn, Resolved, Signal, Spec, Unresolved, WhenServiceDies},
};
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::timeout_at,
};

/// What an earlier process left of this launch.
#[derive(Debug, Clone)]
pub struct Resume {
    /// Names the containers and folders of this launch.
    pub ids: Launch,
    /// The merged spec, if it was read before: later edits reach new instances only.
    pub document: Option<String>,
    /// The images that were pulled before, by digest.
    pub images: Images,
    /// Whether it is for the verdict.
    pub run: Run,
}

/// From the spec to healthy services, with a hand on what runs; `None` when no source says anything to
/// firstlight.
///
/// What must survive a crash goes to `tell` as soon as it is known. Nothing is started before `permit`
/// is given, or it is too late to wait for it.
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

    let resolution = cx
        .stage(Resolve, references::resolve(cx, me, &spec))
        .await
        .inspect_err(|_| written(&spec.signal).into_iter().for_each(tell))?;
    cx.report.resolved(&resolution);
    tell(Fact::Resolved(wish(&resolution.spec.signal)));

    let pulls = resolution.spec.pulls();
    let pull = image::pull(cx, &pulls, &resolution.redactor, &resume.images);
    let images = cx.stage(Pull, pull).await?;
    cx.report.images(&images);
    tell(Fact::Pulled(images.clone()));

    permitted(cx, permit).await;
    let ids = (&resume.ids, resume.run);
    let healthy = async |service: &workload::Running| health::wait_one(cx, service).await;
    let workload = cx
        .stage(
            Start,
            workload::ensure(cx, me, ids, &resolution, &images, healthy),
        )
        .await?;

    let healthy = cx.stage(Health, health::wait(cx, &workload)).await?;
    Ok(Some((healthy, workload)))
}

/// Whether any source says anything to firstlight, be it wrong.
pub async fn is_for_us(cx: &Context, me: &Identity) -> bool {
    !matches!(spec::load(cx, me, None).await, Ok(None))
}

/// Waits until containers may be started: in a warm pool none may, and in an instance's first moments
/// metadata does not tell whether it is bound for one.
async fn permitted(cx: &Context, mut permit: watch::Receiver<bool>) {
    let until = cx.target_known();
    if *permit.borrow() || until.passed() {
        return;
    }
    cx.report.info(
        "nothing is started before metadata tells where the group wants this instance; waiting",
    );
    // Whoever gives the permit gave it, is gone, or is late: either way it is time.
    let given = permit.wait_for(|given| *given);
    drop(timeout_at(until.instant(), given).await);
}

/// What a spec says, as far as it must survive a crash.
pub(crate) fn configured(spec: &Spec<Unresolved>) -> Fact {
    Fact::Configured {
        document: spec.document.clone(),
        timeout_ms: u64::try_from(spec.timeout.as_millis()).unwrap_or(u64::MAX),
        conduct: conduct(spec),
    }
}

fn conduct(spec: &Spec<Unresolved>) -> Conduct {
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

/// Whom a spec wants told that has no reference for it: where others cannot be resolved, it holds all the
/// same, now and when the instance is terminated for that.
pub(crate) fn written(signal: &Signal<Unresolved>) -> Option<Fact> {
    let text = |text: &Template| text.as_literal().map(str::to_owned);
    let all = |texts: &[Template]| texts.iter().map(text).collect::<Option<Vec<String>>>();
    let group = signal.group.as_ref();
    let stack = signal.cloudformation.as_ref();
    let both = stack.map(|to| text(&to.stack).zip(text(&to.resource)));
    Some(Fact::Resolved(Wish {
        group: group.map_or(Some(None), |group| text(group).map(Some))?,
        launching: all(&signal.launching)?,
        terminating: all(&signal.terminating)?,
        cloudformation: both.map_or(Some(None), |both| both.map(Some))?,
    }))
}

/// Whom a spec wants told.
pub(crate) fn wish(signal: &Signal<Resolved>) -> Wish {
    let text = |text: &Text| text.expose().to_owned();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::docker::fake;
    use firstlight_userdata::sources::Sources;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn whom_to_tell_is_known_without_references() {
        let said = |signal: &str| {
            let document = format!("firstlight: 1\nservices: {{web: {{image: x}}}}\n{signal}");
            written(&Sources::recorded(&document).unwrap().signal)
        };
        let wish = |wish: Wish| Some(Fact::Resolved(wish));
        let group = |text: &str| Some(text.to_owned());
        let names = |text: &str| vec![text.to_owned()];
        assert_eq!(said(""), wish(Wish::default()));
        assert_eq!(
            said(
                "signal: {group: g, launching: [a], terminating: [b], cloudformation: {stack: s, resource: r}}"
            ),
            wish(Wish {
                group: group("g"),
                launching: names("a"),
                terminating: names("b"),
                cloudformation: group("s").zip(group("r")),
            })
        );
        for signal in [
            "signal: {group: \"{{ssm:/g}}\", launching: [a]}",
            "signal: {launching: [a, \"{{ssm:/b}}\"]}",
            "signal: {cloudformation: {stack: \"{{ssm:/s}}\", resource: r}}",
        ] {
            assert_eq!(said(signal), None, "{signal}");
        }
    }

    #[tokio::test]
    async fn nothing_starts_before_the_permit_or_its_time() {
        let patience = Duration::from_millis(300);
        let mut cx = fake::context(Duration::from_secs(60));
        cx.timings.target_patience = patience;
        let (permit, permitted_now) = watch::channel(true);
        permitted(&cx, permitted_now.clone()).await;
        assert!(cx.began.elapsed() < patience);

        permit.send_replace(false);
        permitted(&cx, permitted_now.clone()).await;
        assert!(cx.began.elapsed() >= patience);

        // Its time is over: it is not waited for again.
        let again = Instant::now();
        permitted(&cx, permitted_now.clone()).await;
        assert!(again.elapsed() < patience / 2);

        cx.began = Instant::now();
        let given = async {
            tokio::task::yield_now().await;
            permit.send_replace(true);
        };
        tokio::join!(permitted(&cx, permitted_now), given);
        assert!(cx.began.elapsed() < patience);
    }
}
