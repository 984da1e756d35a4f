//! The pipeline out, top to bottom: from serving to stopped services. It cannot fail, for nothing on the
//! way out can be refused: what goes wrong is told, and the next thing is done.
//!
//! To add a reason to drain: a variant of [`Why`], and until when it keeps serving in [`due`].

use crate::{
    aws::Cause,
    context::{Context, Deadline},
    imds::Identity,
    signal,
    verdict::Stage::Stop,
    workload::{self, Kept},
};
use firstlight_userdata::{
    sources::Sources,
    spec::{Spec, Unresolved},
};
use futures_util::future::select;
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Proof that services were stopped, as far as they could be. Only [`drain`] makes one.
#[derive(Debug)]
pub struct Drained(());

/// Why services are drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The group takes the instance out of service.
    Group {
        /// EC2 announced an end, at this time.
        by: Option<Deadline>,
        /// Back into its warm pool, which keeps its disk: nothing is left of what ran.
        pool: bool,
    },
    /// EC2 takes the instance away.
    Interruption {
        /// At this time, where that was told.
        by: Option<Deadline>,
    },
    /// EC2 announced something else that the spec wants a drain for.
    Notice {
        /// At this time, where that was told.
        by: Option<Deadline>,
    },
    /// The machine is being shut down.
    Shutdown,
}

/// Between the end of the last grace period and an announced end: for the group to be told.
const SPARE: Duration = Duration::from_secs(10);

/// How long before an interruption EC2 announces it.
/// Source: "Spot Instance interruption notices", Amazon EC2 User Guide.
const NOTICE: Duration = Duration::from_secs(120);

/// What stopping may take however late it is.
const LEAST: Duration = Duration::from_secs(5);

/// Keeps serving for as long as somebody may still send requests, then stops everything, those first that
/// others don't wait for, each within its grace period.
pub async fn drain(cx: &Context, me: &Identity, why: Why, kept: Kept) -> Drained {
    let began = Instant::now();
    let spec = kept.document.as_deref().map(Sources::recorded);
    let spec = spec.and_then(Result::ok);
    let graces = spec.as_ref().map(graces).unwrap_or_default();

    if kept.launch.is_some() {
        let delay = spec.map_or(Duration::ZERO, |spec| spec.drain.delay);
        let due = due(cx, me, why, delay, graces);
        let serving = workload::keep(cx, me, &kept, |_| {});
        // A service that dies meanwhile is restarted; keeping them does not end.
        select(pin!(due), pin!(serving)).await;
    }

    let cx = &Context {
        deadline: stopped_by(cx, why, graces),
        ..cx.clone()
    };
    let stop = Box::pin(workload::stop(cx, me, cx.deadline));
    // What could not be stopped is said by the stage.
    if cx.stage(Stop, stop).await.is_ok() {
        workload::forget(cx);
    }
    // The engine keeps an environment on the disk for as long as its container.
    if let Why::Group { pool: true, .. } = why
        && let Err(error) = workload::clear(cx, me).await
    {
        cx.report.warn("workload_not_removed", &error.to_string());
    }
    cx.report.drained(began.elapsed());
    Drained(())
}

/// Ends when services may be stopped.
async fn due(cx: &Context, me: &Identity, why: Why, delay: Duration, graces: Duration) {
    let last = |by: Option<Deadline>| {
        let most = Deadline::after(cx.timings.drain_most);
        by.map_or(most, |by| most.min(by.less(graces + SPARE)))
    };
    match why {
        Why::Group { by, .. } => {
            cx.report
                .info("serving on until the group's load balancers are done with this instance");
            let released = released(cx, me, delay, Duration::ZERO);
            if timeout_at(last(by).instant(), released).await.is_err() {
                let words = "the group did not say in time that its load balancers are done with this instance; services are stopped all the same";
                cx.report.warn("drain_overdue", words);
            }
        }
        // Nobody is taken off a load balancer by a notice alone: until the group acts, or the end is near,
        // requests come as before.
        Why::Interruption { by } => {
            // However late a slow clock makes it.
            let notice = Deadline::after(NOTICE);
            let by = by.map_or(notice, |by| by.min(notice));
            let released = released(cx, me, delay, delay);
            drop(timeout_at(last(Some(by)).instant(), released).await);
        }
        Why::Notice { by } => {
            sleep_until(last(by).min(Deadline::after(delay)).instant()).await;
        }
        Why::Shutdown => {}
    }
}

/// Ends when the group says that nobody sends requests any more: it deregisters an instance from its load
/// balancers, and waits for them, before it holds it by its terminate hooks. Where it does not say, after
/// `delay`; where there is no group (any more), after `alone`.
async fn released(cx: &Context, me: &Identity, delay: Duration, alone: Duration) {
    let began = Instant::now();
    let mut silent: Option<Instant> = None;
    loop {
        let soon = Deadline::after(cx.timings.aws_attempt);
        match signal::standing(cx, me, soon).await {
            Ok(None) => return sleep_until(began + alone).await,
            Ok(Some(standing)) if !is_served(&standing.state) => return,
            Ok(Some(_)) => silent = None,
            Err(error) => {
                let since = *silent.get_or_insert_with(Instant::now);
                let denied = matches!(error.cause, Cause::Denied | Cause::Refused);
                if denied || since.elapsed() >= cx.timings.reconcile_patience {
                    let words = format!(
                        "{error}; serving on for `drain: {{delay: {delay:?}}}` in all, for the group does not say when its load balancers are done with this instance"
                    );
                    cx.report.warn("drain_unguided", &words);
                    return sleep_until(began + delay).await;
                }
            }
        }
        // Jitter: many instances of a group may leave at once.
        let wait = cx.timings.reconcile_poll;
        sleep(wait.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
    }
}

/// Whether load balancers may still send requests in this lifecycle state. The hooks come after them.
/// Source: "Amazon EC2 Auto Scaling instance lifecycle".
fn is_served(state: &str) -> bool {
    matches!(
        state,
        "Pending"
            | "Pending:Wait"
            | "Pending:Proceed"
            | "InService"
            | "EnteringStandby"
            | "Standby"
            | "Detaching"
            | "Terminating"
            | "Warmed:Pending"
            | "Warmed:Terminating"
    )
}

/// By when everything must be stopped.
fn stopped_by(cx: &Context, why: Why, graces: Duration) -> Deadline {
    let in_full = Deadline::after(graces + cx.timings.docker_attempt);
    let by = match why {
        Why::Group { by, .. } | Why::Interruption { by } | Why::Notice { by } => by,
        Why::Shutdown => None,
    };
    let announced = by.map(|by| by.less(SPARE).max(Deadline::after(LEAST)));
    announced.map_or(in_full, |by| by.min(in_full))
}

/// What stopping takes when every service uses its grace period: one wave after the other.
fn graces(spec: &Spec<Unresolved>) -> Duration {
    let grace = |name: &&str| {
        let service = spec.services.get(*name)?;
        Some(service.container.stop_grace_period)
    };
    let waves = spec.order().waves();
    let longest = waves.iter().map(|wave| wave.iter().filter_map(grace).max());
    longest.flatten().sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{
        docker::fake::{Answer, Fake},
        workload::example::identity,
    };

    #[test]
    fn served_until_the_hooks() {
        for (state, served) in [
            ("InService", true),
            ("Standby", true),
            ("Terminating", true),
            ("Terminating:Wait", false),
            ("Terminating:Proceed", false),
            ("Terminating:Retained", false),
            ("Terminated", false),
            ("Warmed:Pending", true),
            ("Warmed:Pending:Wait", false),
            ("Warmed:Pending:Proceed", false),
            ("Warmed:Stopped", false),
            ("Warmed:Terminating", true),
            ("Warmed:Terminating:Wait", false),
            ("Warmed:Terminated", false),
        ] {
            assert_eq!(is_served(state), served, "{state}");
        }
    }

    const DENIED: &str = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
    const THROTTLED: &str = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
    const NOBODY: &str = "<DescribeAutoScalingInstancesResponse><DescribeAutoScalingInstancesResult><AutoScalingInstances/></DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>";

    macro_rules! at {
        ($state:literal) => {
            Answer::Say(200, concat!(
                "<DescribeAutoScalingInstancesResponse><DescribeAutoScalingInstancesResult><AutoScalingInstances><member>",
                "<AutoScalingGroupName>web</AutoScalingGroupName><LifecycleState>", $state, "</LifecycleState>",
                "</member></AutoScalingInstances></DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>"
            ))
        };
    }

    /// How often the group was asked before it released the instance, and after how long, with a delay of
    /// a second.
    async fn asked(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> (usize, Duration) {
        let mut service = Fake::new(Duration::ZERO, move |_, nth| answer(nth)).await;
        let timings = &mut service.cx.timings;
        timings.reconcile_poll = Duration::from_millis(50);
        timings.reconcile_patience = Duration::from_millis(400);
        timings.aws_attempt = Duration::from_millis(200);
        service.cx.aws = service.aws().await;
        let began = Instant::now();
        let me = identity();
        let released = released(&service.cx, &me, Duration::from_secs(1), Duration::ZERO);
        tokio::time::timeout(Duration::from_secs(20), released)
            .await
            .unwrap();
        (service.asked().len(), began.elapsed())
    }

    #[tokio::test]
    async fn serves_on_until_the_group_says_so() {
        let (calls, _) = asked(|nth| match nth {
            1..4 => at!("Terminating"),
            _ => at!("Terminating:Wait"),
        })
        .await;
        assert_eq!(calls, 4);
        let (calls, _) = asked(|nth| match nth {
            1 => at!("InService"),
            _ => Answer::Say(200, NOBODY),
        })
        .await;
        assert_eq!(calls, 2);
    }

    #[tokio::test]
    async fn serves_on_through_throttles_and_silence() {
        let (calls, _) = asked(|nth| match nth {
            1..4 => Answer::Say(400, THROTTLED),
            4 => Answer::Silence,
            5 => at!("Terminating"),
            _ => at!("Terminating:Wait"),
        })
        .await;
        assert!(calls >= 6, "{calls}");
    }

    #[tokio::test]
    async fn serves_on_for_the_delay_where_the_group_does_not_say() {
        let (calls, took) = asked(|_| Answer::Say(403, DENIED)).await;
        assert!(
            calls == 1 && took >= Duration::from_secs(1),
            "{calls} {took:?}"
        );
        let (calls, took) = asked(|_| Answer::HangUp).await;
        assert!(
            calls > 1 && took >= Duration::from_secs(1),
            "{calls} {took:?}"
        );
    }

    #[test]
    fn graces_add_up_wave_by_wave() {
        let document = r#"{"firstlight":1,
            "services":{
                "db":{"image":"x","stop_grace_period":"60s"},
                "web":{"image":"x","depends_on":["db"]},
                "bot":{"image":"x","depends_on":["db"],"stop_grace_period":"30s"}},
            "tasks":{"migrate":{"image":"x","depends_on":["db"],"stop_grace_period":"5m"}}}"#;
        let spec = Sources::recorded(document).unwrap();
        assert_eq!(graces(&spec), Duration::from_secs(90));
    }

    #[test]
    fn an_announced_end_cuts_graces_short() {
        let cx = crate::docker::fake::context(Duration::from_secs(1));
        let s = Duration::from_secs;
        let after = |seconds| Some(Deadline::after(s(seconds)));
        let group = |by| Why::Group { by, pool: false };
        for (why, graces, want) in [
            (Why::Shutdown, 90, 90),
            (group(None), 90, 90),
            (Why::Notice { by: after(120) }, 90, 90),
            (Why::Notice { by: after(60) }, 90, 50),
            (group(after(60)), 90, 50),
            (Why::Notice { by: after(3) }, 90, 5),
            (Why::Notice { by: after(0) }, 90, 5),
        ] {
            let by = stopped_by(&cx, why, s(graces)).remaining().as_secs_f64();
            assert!((by.round() - f64::from(want)).abs() < 1.0, "{why:?}: {by}");
        }
    }
}
