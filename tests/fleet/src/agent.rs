//! One launch by firstlight's own code: identity, group, heartbeats, spec, references, verdict. What it leaves out needs a
//! Docker engine: images and containers.

use anyhow::{Context as _, Result, anyhow, bail};
use firstlight::{
    aws,
    context::{Context, Deadline, Paths, Timings},
    imds::{Identity, Imds},
    lifecycle::{Kind, Recipient, Settled, Wish},
    references,
    report::Report,
    signal::{self, Membership, Verdict},
    spec,
};
use futures_util::future::{Either, select};
use std::{path::Path, pin::pin, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

/// The launch's time until the spec says another, as in the agent's driver.
const WHOLE: Duration = Duration::from_secs(15 * 60);
/// How long heartbeats go on after the verdict. A real launch takes long enough for its first one.
const AFTERGLOW: Duration = Duration::from_millis(500);

/// Launches the instance whose metadata service is at `metadata`.
///
/// # Errors
/// Why it was not put into service.
pub(crate) async fn launch(metadata: String) -> Result<()> {
    let timings = Timings::default();
    let report = Report::default();
    let imds = Imds::at(vec![metadata], &timings, &report);
    let deadline = Deadline::after(timings.imds_budget);
    let me = imds.identify(deadline).await?;
    imds.target_state(deadline).await?;
    let cx = Context {
        aws: aws::config(&imds, &me.region, &timings).await,
        deadline: Deadline::after(WHOLE),
        began: Instant::now(),
        paths: Paths::below(Path::new("/nonexistent")),
        timings,
        imds,
        report,
    }
    .within(WHOLE);

    // As the driver does it: group and heartbeats beside the work, the verdict once both are known.
    let (tell, told) = oneshot::channel();
    let waiting = pin!(keep_waiting(&cx, &me, tell));
    let work = pin!(async {
        let worked = work(&cx, &me).await;
        let membership = told.await.map_err(|_| anyhow!("no group was found"))?;
        deliver(&cx, &me, membership, worked.is_ok()).await?;
        worked
    });
    match select(work, waiting).await {
        Either::Left((worked, waiting)) => {
            timeout(AFTERGLOW, waiting).await.ok();
            worked
        }
        Either::Right((never, _)) => never,
    }
}

/// Finds the group, then sends heartbeats. Ends only where there is no group to be found.
async fn keep_waiting(
    cx: &Context,
    me: &Identity,
    tell: oneshot::Sender<Membership>,
) -> Result<()> {
    let (membership, recipients) = signal::join(cx, me, Kind::Launch, None, None)
        .await
        .map_err(|unjoined| anyhow!("{}", unjoined.error.message))?;
    drop(tell.send(membership.clone()));
    signal::heartbeat(cx, me, Some(membership), recipients).await;
    bail!("heartbeats ended")
}

/// The spec and its values.
async fn work(cx: &Context, me: &Identity) -> Result<()> {
    let spec = spec::load(cx, me, None)
        .await?
        .context("user data says nothing to firstlight")?;
    let cx = &cx.within(spec.timeout);
    references::resolve(cx, me, &spec).await?;
    Ok(())
}

async fn deliver(cx: &Context, me: &Identity, membership: Membership, go: bool) -> Result<()> {
    let (_, recipients) = signal::join(
        cx,
        me,
        Kind::Launch,
        Some(membership),
        Some(Wish::default()),
    )
    .await
    .map_err(|unjoined| anyhow!("{}", unjoined.error.message))?;
    let [to @ Recipient::Hook { .. }] = recipients.as_slice() else {
        bail!("the group's one hook is not the one to tell: {recipients:?}");
    };
    let verdict = Verdict {
        kind: Kind::Launch,
        go,
        again: false,
    };
    let ended = signal::deliver(cx, me, to, verdict, cx.delivery(WHOLE)).await;
    match ended.settled {
        Settled::Delivered => Ok(()),
        other @ (Settled::Needless(_) | Settled::Failed(_)) => {
            bail!("the verdict was not delivered: {other:?}")
        }
    }
}
