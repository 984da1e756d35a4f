//! Where everything waits for everything: one future a container, none detached, the first error
//! ends all.

use super::{
    Running, Workload,
    create::Network,
    error::WorkloadError,
    order::{Part, Phase},
    start::Maker,
    stop,
};
use crate::{
    container::{Kind, Watched},
    report::ContainerEvent,
    verdict::Failure,
};
use firstlight_userdata::spec::NetworkMode;
use futures_util::future::{Either, select, try_join_all};
use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// How far a container is, and its id once it has one.
#[derive(Debug, Clone, Default)]
struct Progress {
    phase: Phase,
    id: Option<String>,
}

struct Run<'a, F> {
    maker: &'a Maker<'a>,
    healthy: F,
    progress: BTreeMap<&'a str, watch::Sender<Progress>>,
    /// How many containers are not up yet.
    left: watch::Sender<usize>,
}

/// Brings every container up.
///
/// # Errors
/// The first, or at the deadline what was waited for.
pub(super) async fn all<E: Failure>(
    maker: &Maker<'_>,
    parts: &[Part<'_>],
    healthy: impl AsyncFn(&Running) -> Result<(), E>,
) -> Result<Workload, WorkloadError> {
    let run = Run {
        maker,
        healthy,
        progress: parts
            .iter()
            .map(|part| (part.name, watch::Sender::default()))
            .collect(),
        left: watch::Sender::new(parts.len()),
    };
    let up = try_join_all(parts.iter().map(|part| run.bring_up(part)));
    match tokio::time::timeout_at(maker.cx.deadline.instant(), up).await {
        Ok(services) => Ok(Workload {
            services: services?.into_iter().flatten().collect(),
        }),
        Err(_elapsed) => Err(WorkloadError::Deadline(run.waited_for(parts))),
    }
}

impl<E: Failure, F: AsyncFn(&Running) -> Result<(), E>> Run<'_, F> {
    async fn bring_up(&self, part: &Part<'_>) -> Result<Option<Running>, WorkloadError> {
        for (name, phase) in &part.needs {
            self.reached(name, *phase).await;
        }
        let network = self.network(part);
        let made = Box::pin(self.maker.make(part, network)).await?;
        match (part.kind, made) {
            (_, None) => {
                self.up(part, Phase::Ready);
                Ok(None)
            }
            (Kind::Task, Some(container)) => {
                self.advance(part, Phase::Started, Some(container.id()));
                self.task(part, &container).await?;
                self.maker
                    .cx
                    .report
                    .container(part.name, container.id(), ContainerEvent::Finished);
                self.up(part, Phase::Ready);
                Ok(None)
            }
            (Kind::Service, Some(container)) => {
                self.advance(part, Phase::Started, Some(container.id()));
                self.service(part, container).await.map(Some)
            }
        }
    }

    /// Runs a task to its end.
    async fn task(&self, part: &Part<'_>, container: &Watched) -> Result<(), WorkloadError> {
        let exited = container.exited(self.maker.cx);
        let exit = match part.timeout {
            None => exited.await,
            Some(timeout) => match tokio::time::timeout(timeout, exited).await {
                Ok(exit) => exit,
                Err(_elapsed) => return Err(self.overran(part, container, timeout).await),
            },
        };
        let exit = exit.map_err(|error| self.lost(part, &error))?;
        if exit.code == 0 {
            return Ok(());
        }
        Err(WorkloadError::TaskFailed {
            name: part.name.to_owned(),
            exit,
        })
    }

    /// Stops a task that ran too long; what it says to that is part of its last words.
    async fn overran(
        &self,
        part: &Part<'_>,
        container: &Watched,
        timeout: Duration,
    ) -> WorkloadError {
        let cx = self.maker.cx;
        let stopped = stop::one(cx, &self.maker.docker, container.id()).await;
        let exit = match stopped {
            Ok(()) => container.exited(cx).await,
            Err(error) => Err(error),
        };
        match exit {
            Ok(exit) => WorkloadError::TaskTimeout {
                name: part.name.to_owned(),
                timeout,
                last: exit.last,
            },
            Err(error) => self.lost(part, &error),
        }
    }

    /// Watches a service until everything is up.
    async fn service(&self, part: &Part<'_>, container: Watched) -> Result<Running, WorkloadError> {
        let running = Running {
            name: part.name.to_owned(),
            id: container.id().to_owned(),
            health: part.health.cloned(),
            has_healthcheck: self.maker.image(part.name)?.has_healthcheck,
            since: Instant::now(),
            container: Arc::new(container),
        };
        let exited = pin!(running.container.exited(self.maker.cx));
        let up = pin!(self.healthy_and_all_up(part, &running));
        match select(exited, up).await {
            Either::Left((exit, _)) => Err(WorkloadError::ServiceExited {
                name: part.name.to_owned(),
                exit: exit.map_err(|error| self.lost(part, &error))?,
            }),
            Either::Right((result, _)) => result.map(|()| running.clone()),
        }
    }

    async fn healthy_and_all_up(
        &self,
        part: &Part<'_>,
        running: &Running,
    ) -> Result<(), WorkloadError> {
        if part.gate {
            let healthy = (self.healthy)(running).await;
            healthy.map_err(|error| WorkloadError::Unhealthy {
                reason: error.reason(),
                message: error.to_string(),
            })?;
            self.up(part, Phase::Ready);
        } else {
            self.up(part, Phase::Started);
        }
        // The sender lives as long as `self`: it can't be closed.
        let mut left = self.left.subscribe();
        drop(left.wait_for(|left| *left == 0).await);
        Ok(())
    }

    async fn reached(&self, name: &str, phase: Phase) {
        // A name that is not in the spec was refused with the spec.
        if let Some(progress) = self.progress.get(name) {
            let mut progress = progress.subscribe();
            drop(progress.wait_for(|now| now.phase >= phase).await);
        }
    }

    fn network(&self, part: &Part<'_>) -> Network {
        match &part.container.network_mode {
            NetworkMode::Bridge => Network::Bridge,
            NetworkMode::Host => Network::Host,
            NetworkMode::None => Network::None,
            NetworkMode::Service(name) => {
                let progress = self.progress.get(name.as_str());
                let id = progress.and_then(|progress| progress.borrow().id.clone());
                Network::Of(id.unwrap_or_else(|| name.clone()))
            }
        }
    }

    fn up(&self, part: &Part<'_>, phase: Phase) {
        self.advance(part, phase, None);
        self.left.send_modify(|left| *left = left.saturating_sub(1));
    }

    fn advance(&self, part: &Part<'_>, phase: Phase, id: Option<&str>) {
        if let Some(progress) = self.progress.get(part.name) {
            progress.send_modify(|now| {
                now.phase = phase;
                now.id = id.map(str::to_owned).or_else(|| now.id.take());
            });
        }
    }

    fn lost(&self, part: &Part<'_>, error: &crate::docker::CallError) -> WorkloadError {
        self.maker.answered(
            format!("watching {} {}", part.kind.as_str(), part.name),
            error,
        )
    }

    /// What was not over at the deadline.
    fn waited_for(&self, parts: &[Part<'_>]) -> String {
        let waited = parts.iter().filter_map(|part| {
            let phase = self.progress.get(part.name)?.borrow().phase;
            let what = match (part.kind, phase) {
                (_, Phase::Ready) => return None,
                (Kind::Service, Phase::Started) if !part.gate => return None,
                (_, Phase::Waiting) => "start",
                (Kind::Task, Phase::Started) => "end",
                (Kind::Service, Phase::Started) => "become healthy",
            };
            Some(format!("{} {} to {what}", part.kind.as_str(), part.name))
        });
        waited.collect::<Vec<_>>().join(", ")
    }
}
