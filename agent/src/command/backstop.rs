//! `firstlight backstop`: what systemd starts when the agent has failed for good. It tells the group what
//! the agent can't tell any more, bound by the agent's own record and lock.
//!
//! It decides one thing only: a way in that was left undecided is ABANDON. Delivering that, and what was
//! decided before, is the driver's, as in any start.

use super::out;
use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings},
    driver::{self, Stay, now},
    imds::{Identity, Imds, ImdsError, TargetState},
    launch,
    lifecycle::{self, Event, Kind, Record, State, Verdict},
    report::{self, status},
    signal,
    state::{self, StateError, Store},
    verdict::{Exit, LaunchError, Reason, Stage},
};
use std::path::Path;

/// Tells, where there is something to tell.
pub(super) async fn run(root: &Path, paths: Paths, timings: Timings) -> Exit {
    let store = match Store::open(&paths.var) {
        Err(StateError::Busy) => {
            out::about("firstlight backstop: an agent is at work; nothing is left to this");
            return Exit::Done;
        }
        Err(error) => return failed(&error),
        Ok(store) => store,
    };
    let left = match store.read() {
        Err(error) => return failed(&error),
        Ok(left) => left,
    };
    let report = report::init(root, &paths);
    let imds = Imds::from_env(&timings, &report);
    let deadline = Deadline::after(timings.imds_budget);
    let (me, target) = match identify(&imds, deadline).await {
        Err(error) => return failed(&error),
        Ok(known) => known,
    };
    let decided = |left: &Record| left.is_of(&me) && left.verdict().is_some();
    // As for any who comes for one verdict: what the group wants since is for who stays.
    let target = target.filter(|_| !left.as_ref().is_some_and(decided));
    let record = lifecycle::open(left, &me, target, &now());
    let cx = Context {
        aws: aws::config(&imds, &me.region, &timings).await,
        deadline,
        began: tokio::time::Instant::now(),
        paths: paths.clone(),
        timings: timings.clone(),
        imds,
        report: report.clone(),
    };
    if let Err(exit) = settle(&cx, &me, &store, &record).await {
        return exit;
    }
    drop(store);
    let exit = driver::run(paths.clone(), timings, Stay::Leave, || report).await;
    match state::peek(&paths.var) {
        // The code is then of what was told.
        Ok(Some(told)) if told.is_delivered() => {
            serves_unwatched(&cx, &me, &told).await;
            Exit::Done
        }
        Ok(_) | Err(_) => exit,
    }
}

async fn identify(
    imds: &Imds,
    deadline: Deadline,
) -> Result<(Identity, Option<TargetState>), ImdsError> {
    let me = imds.identify(deadline).await?;
    Ok((me, imds.target_state(deadline).await?))
}

/// Leaves a record that the driver can deliver; an exit code where it has nothing to do.
async fn settle(cx: &Context, me: &Identity, store: &Store, record: &Record) -> Result<(), Exit> {
    // Not only told: whom a verdict did not reach is told again.
    if record.is_delivered() {
        serves_unwatched(cx, me, record).await;
        return Err(Exit::Done);
    }
    match &record.state {
        State::Undecided { .. } if record.transition.kind.is_entry() => {
            if record.facts.document.is_none() && !launch::is_for_us(cx, me).await {
                cx.report
                    .info("no source holds a spec: nobody is told that the agent failed");
                return Err(Exit::Done);
            }
            let error = given_up(cx);
            let worked = Event::Worked(Err(error.clone()));
            let (mut abandoned, _) = lifecycle::step(record, worked, &now());
            // Whoever tells it collects the evidence first.
            abandoned.facts.evidence = false;
            store.write(&abandoned).map_err(|error| failed(&error))?;
            announce(cx, me, record, &error);
            Ok(())
        }
        // A verdict that is not delivered; a way out, which another start may well finish.
        State::Undecided { .. } | State::Decided { .. } => Ok(()),
    }
}

/// The driver says what it decides, and this it will find decided.
fn announce(cx: &Context, me: &Identity, record: &Record, error: &LaunchError) {
    let (transition, boot) = (&record.transition, &record.facts.boot);
    cx.report.identified(me);
    cx.report.began(transition.kind, transition.epoch, boot);
    cx.report.verdict(status::Kind::Abandon, Some(error));
}

/// Services run, and nobody keeps them any more: the group is told where the spec wants that.
async fn serves_unwatched(cx: &Context, me: &Identity, record: &Record) {
    let serves = record.transition.kind == Kind::Launch
        && matches!(record.verdict(), Some(Verdict::Continue(_)));
    if !serves {
        return;
    }
    let words = "the agent failed for good after its verdict: services run on, and nobody restarts or drains them. `systemctl reset-failed firstlight && systemctl start firstlight` takes them over again";
    cx.report.warn("agent_failed", words);
    if record.facts.conduct.unhealthy_when_dead {
        signal::unhealthy(cx, me).await;
    }
}

/// What the group's people read: how the agent ended, as far as systemd tells (systemd.exec(5)), and
/// where to look.
fn given_up(cx: &Context) -> LaunchError {
    let told = |name| std::env::var(name).ok();
    let how = match (told("MONITOR_SERVICE_RESULT"), told("MONITOR_EXIT_STATUS")) {
        (Some(result), Some(status)) => format!(" (last: {result}, {status})"),
        _ => String::new(),
    };
    let stage = status::read(&cx.paths.var).ok().flatten();
    let stage = stage.and_then(|(_, status)| Some(status.stages.last()?.stage));
    LaunchError {
        stage: stage.unwrap_or(Stage::Identify),
        reason: Reason::Internal,
        message: format!(
            "the agent ended again and again without a verdict{how}, and systemd gave it up; see `journalctl -u firstlight`"
        ),
    }
}

fn failed(error: &impl std::error::Error) -> Exit {
    out::about(&format!("firstlight backstop: {error}"));
    Exit::Unavailable
}
