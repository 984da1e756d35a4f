//! Removes containers of ours that a launch cannot use, of another boot, transition or spec; and all of
//! them, on the way into a warm pool.

use super::{
    adopt::{self, Plan},
    error::WorkloadError,
    order::Part,
    start::Maker,
    stop,
};
use crate::{
    container::call,
    context::Context,
    docker::{self, CallError, Cause},
    imds::Identity,
};
use bollard::{Docker, query_parameters::RemoveContainerOptions};
use futures_util::future::try_join_all;

/// Stops every container of this instance within its grace, in the context's time and waiting for the engine,
/// and removes them and every secret: a pool's disk and memory outlive what runs, and the engine keeps an
/// environment there for as long as its container.
///
/// # Errors
/// As [`stop::stop`]'s. Secret files are then left where they are.
pub async fn clear(cx: &Context, me: &Identity) -> Result<(), WorkloadError> {
    let docker = docker::engine(cx).await?;
    stop::all(cx, &docker, me).await?;
    let ours = stop::ours(cx, &docker, &me.instance_id, true).await;
    let ours = ours.map_err(|error| stop::failed("the list of containers", error))?;
    try_join_all(ours.iter().map(async |found| {
        let removed = one(cx, &docker, &found.id).await;
        removed.map_err(|error| stop::failed(&format!("removing {}", found.name), error))
    }))
    .await?;
    stop::forget(cx);
    Ok(())
}

/// Removes one, with the volumes that have no name. One that is gone is removed.
async fn one(cx: &Context, docker: &Docker, id: &str) -> Result<(), CallError> {
    let options = RemoveContainerOptions {
        v: true,
        force: true,
        link: false,
    };
    let removed = call(cx, "docker:remove", async || {
        docker.remove_container(id, Some(options.clone())).await
    })
    .await;
    match removed {
        Err(error) if error.cause != Cause::NoSuchContainer => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Maker<'_> {
    /// Removes them all, before the first is made: one's port may be another's now.
    ///
    /// # Errors
    /// The engine's, or a name that is not ours to take.
    pub(super) async fn remove_stale(&self, parts: &[Part<'_>]) -> Result<(), WorkloadError> {
        try_join_all(parts.iter().map(async |part| {
            let found = self.found(part.name).await?;
            match adopt::decide(&self.labels(part), found.as_ref())? {
                Plan::Replace(id) => self.remove(part.name, &id).await,
                Plan::Create
                | Plan::Start(_)
                | Plan::Adopt(_)
                | Plan::Ended(_)
                | Plan::Finished(_) => Ok(()),
            }
        }))
        .await?;
        let wanted = |name: &str| parts.iter().any(|part| part.name == name);
        let ours = stop::ours(self.cx, &self.docker, self.instance, true).await;
        let ours = ours.map_err(|error| self.answered("the list of containers".into(), &error))?;
        let gone = ours.iter().filter(|found| !wanted(&found.name));
        try_join_all(gone.map(|found| self.remove(&found.name, &found.id))).await?;
        Ok(())
    }

    /// Stops one within its grace and removes it, with the volumes that have no name.
    ///
    /// # Errors
    /// The engine's.
    pub(super) async fn remove(&self, name: &str, id: &str) -> Result<(), WorkloadError> {
        let removed = async {
            stop::one(self.cx, &self.docker, id).await?;
            one(self.cx, &self.docker, id).await
        };
        let what = || format!("removing the container {name}");
        removed.await.map_err(|error| self.answered(what(), &error))
    }
}
