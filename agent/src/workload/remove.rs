//! Removes containers of ours that this launch cannot use: of another boot, transition or spec.

use super::{
    adopt::{self, Plan},
    error::WorkloadError,
    order::Part,
    start::Maker,
    stop,
};
use crate::{
    container::call,
    docker::{CallError, Cause},
};
use bollard::query_parameters::RemoveContainerOptions;
use futures_util::future::try_join_all;

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
        let removed = self.stop_and_remove(id).await;
        match removed {
            Ok(()) => Ok(()),
            Err(error) if error.cause == Cause::NoSuchContainer => Ok(()),
            Err(error) => Err(self.answered(format!("removing the container {name}"), &error)),
        }
    }

    async fn stop_and_remove(&self, id: &str) -> Result<(), CallError> {
        stop::one(self.cx, &self.docker, id).await?;
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        call(self.cx, "docker:remove", async || {
            self.docker
                .remove_container(id, Some(options.clone()))
                .await
        })
        .await
    }
}
