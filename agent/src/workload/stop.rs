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
use futures_util::future::try_join_all;
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
/// The engine's.
pub async fn stop(cx: &Context, me: &Identity, deadline: Deadline) -> Result<(), WorkloadError> {
    let cx = &Context {
        deadline,
        ..cx.clone()
    };
    let docker = docker::engine(cx).await?;
    let failed = |what: &str, error: CallError| {
        // What the engine says of stopping names containers, and quotes nothing of theirs.
        WorkloadError::answered(what.to_owned(), &error, error.message.clone())
    };
    let ours = ours(cx, &docker, &me.instance_id, false).await;
    let ours = ours.map_err(|error| failed("the list of containers", error))?;
    let mut waves: BTreeMap<Reverse<usize>, Vec<Ours>> = BTreeMap::new();
    for found in ours {
        waves.entry(Reverse(found.depth)).or_default().push(found);
    }
    for wave in waves.values() {
        try_join_all(wave.iter().map(async |found| {
            let stopped = one(cx, &docker, &found.id).await;
            stopped.map_err(|error| failed(&format!("stopping {}", found.name), error))?;
            cx.report
                .container(&found.name, &found.id, ContainerEvent::Stopped);
            Ok::<(), WorkloadError>(())
        }))
        .await?;
    }
    Ok(())
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
