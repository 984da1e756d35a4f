//! Stops containers within their grace; removes none.

use super::{adopt, error::WorkloadError, files};
use crate::{
    container::call,
    context::{Context, Deadline},
    docker::{self, CallError, Cause},
    imds::Identity,
    report::ContainerEvent,
};
use bollard::{
    Docker,
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, StopContainerOptions,
    },
};
use futures_util::future::join_all;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Docker's own grace, where a container says nothing.
const GRACE: Duration = Duration::from_secs(10);
/// Kept back from the deadline for the kill itself.
const KILL: Duration = Duration::from_secs(1);

/// A container of ours.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) name: String,
    pub(super) id: String,
    depth: usize,
}

/// One that runs.
#[derive(Debug)]
struct Up {
    name: String,
    id: String,
    depth: usize,
    grace: Duration,
}

/// Stops every container of this instance that runs, those first that others don't wait for. Each
/// has its grace; where the deadline leaves less than all of them together, each wave has its share. All
/// are kept.
///
/// # Errors
/// The engine's: the first, when every one has been told to stop.
pub async fn stop(cx: &Context, me: &Identity, deadline: Deadline) -> Result<(), WorkloadError> {
    // An engine that is not there runs nothing, and is not waited for as a launch would.
    let soon = &Context {
        deadline: deadline.at_most(cx.timings.docker_attempt),
        ..cx.clone()
    };
    let docker = docker::engine(soon).await?;
    let cx = &Context {
        deadline,
        ..cx.clone()
    };
    all(cx, &docker, me).await
}

/// Removes every secret file, and lets go of the secrets in memory: whoever used them is stopped.
pub fn forget(cx: &Context) {
    files::forget(cx);
    cx.report.unhide();
}

/// The same within the context's time, of an engine that answers.
///
/// # Errors
/// As [`stop`]'s.
pub(super) async fn all(cx: &Context, docker: &Docker, me: &Identity) -> Result<(), WorkloadError> {
    // Those that do not run are asked too: the engine answers once a start that is under way is over.
    let ours = ours(cx, docker, &me.instance_id, true).await;
    let ours = ours.map_err(|error| failed("the list of containers", error))?;
    let asked = join_all(ours.into_iter().map(async |found| {
        let grace = grace(cx, docker, &found.id).await;
        let grace = grace.map_err(|error| failed(&format!("asking for {}", found.name), error))?;
        Ok(grace.map(|grace| Up {
            name: found.name,
            id: found.id,
            depth: found.depth,
            grace,
        }))
    }));
    let (mut running, mut told) = (Vec::new(), Ok(()));
    for found in asked.await {
        match found {
            Ok(found) => running.extend(found),
            Err(error) => told = told.and(Err(error)),
        }
    }
    let stopped = every(cx.deadline, running, async |found, grace| {
        let stopped = halt(cx, docker, &found.id, grace).await;
        stopped.map_err(|error| failed(&format!("stopping {}", found.name), error))?;
        cx.report
            .container(&found.name, &found.id, ContainerEvent::Stopped);
        Ok(())
    });
    told.and(stopped.await)
}

/// Stops each, wave by wave, whatever becomes of the others.
async fn every(
    deadline: Deadline,
    running: Vec<Up>,
    stop: impl AsyncFn(&Up, Duration) -> Result<(), WorkloadError>,
) -> Result<(), WorkloadError> {
    let mut waves: BTreeMap<Reverse<usize>, Vec<Up>> = BTreeMap::new();
    for found in running {
        waves.entry(Reverse(found.depth)).or_default().push(found);
    }
    let longest = |wave: &Vec<Up>| wave.iter().map(|found| found.grace).max();
    let mut wanted: Duration = waves.values().filter_map(longest).sum();
    let mut told = Ok(());
    for wave in waves.values() {
        let share = share(deadline.remaining(), wanted);
        let stopped = wave
            .iter()
            .map(async |found| stop(found, found.grace.mul_f64(share)).await);
        told = join_all(stopped).await.into_iter().fold(told, Result::and);
        wanted = wanted.saturating_sub(longest(wave).unwrap_or_default());
    }
    told
}

/// How much of its grace each has, so that those who stop last have some too.
fn share(left: Duration, wanted: Duration) -> f64 {
    let left = left.saturating_sub(KILL);
    if wanted <= left {
        1.0
    } else {
        left.as_secs_f64() / wanted.as_secs_f64()
    }
}

/// What could not be done, and why.
pub(super) fn failed(what: &str, error: CallError) -> WorkloadError {
    // What the engine says of stopping and removing names containers, and quotes nothing of theirs.
    WorkloadError::answered(what.to_owned(), &error, error.message.clone())
}

/// The containers of an instance; only those that run unless `all`.
///
/// # Errors
/// The engine's.
pub(super) async fn ours(
    cx: &Context,
    docker: &Docker,
    instance: &str,
    all: bool,
) -> Result<Vec<Ours>, CallError> {
    let label = format!("{}={instance}", adopt::INSTANCE);
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new()
        .all(all)
        .filters(&filters)
        .build();
    let found = call(cx, "docker:list", async || {
        docker.list_containers(Some(options.clone())).await
    })
    .await?;
    let ours = found.into_iter().map(|found| {
        let name = found
            .names
            .unwrap_or_default()
            .into_iter()
            .next()
            .unwrap_or_default();
        Ours {
            name: name.trim_start_matches('/').to_owned(),
            id: found.id.unwrap_or_default(),
            depth: adopt::depth(&found.labels.unwrap_or_default()),
        }
    });
    Ok(ours.collect())
}

/// Stops one within its grace. One that does not run, or is gone, is stopped.
///
/// # Errors
/// The engine's.
pub(super) async fn one(cx: &Context, docker: &Docker, id: &str) -> Result<(), CallError> {
    match grace(cx, docker, id).await? {
        Some(grace) => halt(cx, docker, id, grace).await,
        None => Ok(()),
    }
}

/// The grace of one that runs.
async fn grace(cx: &Context, docker: &Docker, id: &str) -> Result<Option<Duration>, CallError> {
    let found = call(cx, "docker:inspect", async || {
        docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
    })
    .await;
    let found = match found {
        Ok(found) => found,
        Err(error) if error.cause == Cause::NoSuchContainer => return Ok(None),
        Err(error) => return Err(error),
    };
    if found.state.and_then(|state| state.running) != Some(true) {
        return Ok(None);
    }
    let said = found.config.and_then(|config| config.stop_timeout);
    let said = said.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(Some(said.map_or(GRACE, Duration::from_secs)))
}

async fn halt(cx: &Context, docker: &Docker, id: &str, grace: Duration) -> Result<(), CallError> {
    let grace = grace.min(cx.deadline.remaining().saturating_sub(KILL));
    let options = StopContainerOptions {
        signal: None,
        t: Some(i32::try_from(grace.as_secs()).unwrap_or(i32::MAX)),
    };
    // Not `call`: it takes as long as the grace, and the engine goes on though we hang up.
    let limit = Deadline::after(grace.saturating_add(cx.timings.docker_attempt));
    let stopped = docker.stop_container(id, Some(options));
    match tokio::time::timeout_at(limit.instant(), stopped).await {
        Ok(Err(error)) => match CallError::from(error) {
            error if error.cause == Cause::NoSuchContainer => Ok(()),
            error => Err(error),
        },
        Ok(Ok(())) => Ok(()),
        Err(_elapsed) => Err(CallError {
            cause: Cause::Unreachable,
            status: None,
            message: "the Docker engine did not stop it in time".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::cell::RefCell;

    fn running() -> Vec<Up> {
        let running = [("db", 0), ("app", 1), ("cache", 1), ("proxy", 2)];
        let running = running.map(|(name, depth)| Up {
            name: name.to_owned(),
            id: name.to_owned(),
            depth,
            grace: Duration::from_secs(if name == "db" { 60 } else { 20 }),
        });
        running.into()
    }

    #[tokio::test]
    async fn one_that_cannot_be_stopped_holds_up_no_other() {
        let told = RefCell::new(Vec::new());
        let far = Deadline::after(Duration::from_secs(3600));
        let result = every(far, running(), async |found, grace| {
            assert_eq!(grace, found.grace);
            told.borrow_mut().push(found.name.clone());
            match found.name.as_str() {
                "app" | "db" => Err(WorkloadError::NoImage(found.name.clone())),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(told.into_inner(), ["proxy", "app", "cache", "db"]);
        assert!(
            matches!(&result, Err(WorkloadError::NoImage(name)) if name == "app"),
            "{result:?}"
        );
    }

    #[tokio::test]
    async fn who_stops_last_has_a_share_of_a_time_too_short() {
        let told = RefCell::new(Vec::new());
        let short = Deadline::after(Duration::from_secs(52) + KILL);
        let all = every(short, running(), async |found, grace| {
            let seconds = grace.as_secs_f64().round();
            told.borrow_mut().push(format!("{} {seconds}", found.name));
            Ok(())
        });
        all.await.unwrap();
        // Each ends at once here, and what it leaves is the others'.
        let want = ["proxy 10", "app 13", "cache 13", "db 52"];
        assert_eq!(told.into_inner(), want);
    }

    #[test]
    fn a_share_is_whole_or_what_is_left() {
        let s = Duration::from_secs;
        for (left, wanted, want) in [(11, 10, 1.0), (6, 10, 0.5), (1, 10, 0.0), (0, 0, 1.0)] {
            assert!(
                (share(s(left), s(wanted)) - want).abs() < 1e-9,
                "{left} {wanted}"
            );
        }
    }
}
