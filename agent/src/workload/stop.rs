//! Stops containers within their grace; removes none.

use super::{adopt, error::WorkloadError};
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

/// Stops every container of this instance that runs, those first that others don't wait for. Each
/// has its grace, cut short where the deadline asks for it. All are kept.
///
/// # Errors
/// The engine's: the first, when every one has been told to stop.
pub async fn stop(cx: &Context, me: &Identity, deadline: Deadline) -> Result<(), WorkloadError> {
    let cx = &Context {
        deadline,
        ..cx.clone()
    };
    // An engine that is not there runs nothing, and is not waited for as a launch would.
    let soon = &Context {
        deadline: deadline.at_most(cx.timings.docker_attempt),
        ..cx.clone()
    };
    let docker = docker::engine(soon).await?;
    let ours = ours(cx, &docker, &me.instance_id, false).await;
    let ours = ours.map_err(|error| failed("the list of containers", error))?;
    every(ours, async |found| {
        let stopped = one(cx, &docker, &found.id).await;
        stopped.map_err(|error| failed(&format!("stopping {}", found.name), error))?;
        cx.report
            .container(&found.name, &found.id, ContainerEvent::Stopped);
        Ok(())
    })
    .await
}

/// Stops each, wave by wave, whatever becomes of the others.
async fn every(
    ours: Vec<Ours>,
    stop: impl AsyncFn(&Ours) -> Result<(), WorkloadError>,
) -> Result<(), WorkloadError> {
    let mut waves: BTreeMap<Reverse<usize>, Vec<Ours>> = BTreeMap::new();
    for found in ours {
        waves.entry(Reverse(found.depth)).or_default().push(found);
    }
    let mut all = Ok(());
    for wave in waves.values() {
        let stopped = join_all(wave.iter().map(async |found| stop(found).await)).await;
        all = stopped.into_iter().fold(all, Result::and);
    }
    all
}

fn failed(what: &str, error: CallError) -> WorkloadError {
    // What the engine says of stopping names containers, and quotes nothing of theirs.
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
    let found = call(cx, "docker:inspect", async || {
        docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
    })
    .await;
    let found = match found {
        Ok(found) => found,
        Err(error) if error.cause == Cause::NoSuchContainer => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found
        .state
        .and_then(|state| state.running)
        .unwrap_or_default()
    {
        return Ok(());
    }
    let said = found.config.and_then(|config| config.stop_timeout);
    let said = said.and_then(|seconds| u64::try_from(seconds).ok());
    let grace = said.map_or(GRACE, Duration::from_secs);
    let left = cx.deadline.remaining().saturating_sub(KILL);
    let options = StopContainerOptions {
        signal: None,
        t: Some(i32::try_from(grace.min(left).as_secs()).unwrap_or(i32::MAX)),
    };
    // Not `call`: it takes as long as the grace, and the engine goes on though we hang up.
    let limit = Deadline::after(grace.min(left).saturating_add(cx.timings.docker_attempt));
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
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn one_that_cannot_be_stopped_holds_up_no_other() {
        let ours = [("db", 0), ("app", 1), ("cache", 1), ("proxy", 2)];
        let ours = ours.map(|(name, depth)| Ours {
            name: name.to_owned(),
            id: name.to_owned(),
            depth,
        });
        let told = RefCell::new(Vec::new());
        let result = every(ours.into(), async |found| {
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
}
