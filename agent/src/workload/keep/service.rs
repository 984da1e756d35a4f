//! Keeps one service: what it does follows from what the engine says of its container now.

use super::{deaths::Deaths, found::Service};
use crate::{
    context::{Context, Deadline},
    docker::{self, Cause},
    workload::stop,
};
use bollard::{
    models::{ContainerState, ContainerStateStatusEnum as Status},
    query_parameters::InspectContainerOptions,
};
use futures_util::future::{Either, pending, select};
use std::{cell::Cell, collections::BTreeMap, pin::pin, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// What every service is kept with.
pub(super) struct Keeper<'a, F> {
    pub(super) cx: &'a Context,
    pub(super) tell: F,
    /// Each, and when it was started: who shares its network has to follow.
    all: BTreeMap<&'a str, (&'a Service, watch::Sender<Option<String>>)>,
    /// The engine is away, and people know.
    away: Cell<bool>,
}

/// What is known of one service from before.
pub(super) struct Past {
    pub(super) deaths: Deaths,
    /// Since when it runs, as far as was seen.
    pub(super) since: Instant,
    /// It was seen running.
    pub(super) seen: bool,
    /// How it ended is not its own doing: the engine went away while it ran, or it was stopped here.
    pub(super) lost: bool,
    /// When it ended, as far as that was dealt with.
    pub(super) ended: Option<String>,
    /// How long its next start may have to wait.
    pub(super) wait: Duration,
    pub(super) restarts: u64,
}

/// Between two looks at an engine that is away.
pub(super) fn between_looks(cx: &Context) -> Duration {
    cx.timings.backoff_base.saturating_mul(4)
}

impl<'a, F: Fn(String)> Keeper<'a, F> {
    pub(super) fn new(cx: &'a Context, services: &'a [Service], tell: F) -> Keeper<'a, F> {
        let all = services.iter();
        let all = all.map(|service| (&*service.name, (service, watch::Sender::default())));
        Keeper {
            cx,
            tell,
            all: all.collect(),
            away: Cell::new(false),
        }
    }

    /// The context for something that ends some time.
    pub(super) fn within(&self, limit: Duration) -> Context {
        Context {
            deadline: Deadline::after(limit),
            ..self.cx.clone()
        }
    }

    /// Ends only when the container is gone.
    pub(super) async fn keep(&self, service: &Service) {
        let mut past = Past {
            deaths: Deaths::new(&self.cx.timings),
            since: Instant::now(),
            seen: false,
            lost: false,
            ended: None,
            wait: Duration::ZERO,
            restarts: 0,
        };
        let mut host = self.host(service);
        if self.is_left_behind(service).await {
            self.follow(service, &mut past).await;
        }
        while let Some(state) = self.look(service).await {
            if state.running == Some(true) {
                self.is_up(service, state.started_at);
                past.seen = true;
                self.up(service, &mut past, &mut host).await;
            } else {
                self.is_down(service);
                self.down(service, &mut past, &mut host, state).await;
            }
        }
        let words = format!(
            "{}'s container was removed; it is not made again before the next launch",
            service.name
        );
        self.cx.report.warn("service_removed", &words);
    }

    /// News of the service whose network it shares.
    fn host(&self, service: &Service) -> Option<Host> {
        let (_, started) = self.all.get(service.host.as_deref()?)?;
        Some(started.subscribe())
    }

    /// Says when it was started, if nobody knows yet. Nobody has to follow its first start.
    fn is_up(&self, service: &Service, at: Option<String>) {
        if let Some((_, started)) = self.all.get(&*service.name) {
            started.send_if_modified(|known| {
                let before = std::mem::replace(known, at);
                before.is_some() && before != *known
            });
        }
    }

    /// Whoever shares its network has to follow its next start, be it the first that is seen.
    fn is_down(&self, service: &Service) {
        if let Some((_, started)) = self.all.get(&*service.name) {
            started.send_if_modified(|known| {
                *known = Some(String::new());
                false
            });
        }
    }

    /// Whether it still is in the network of before its host's last start, which nobody was there to see.
    async fn is_left_behind(&self, service: &Service) -> bool {
        let started = async |service: &Service| self.look(service).await.and_then(since);
        match self.shared(service).filter(|_| !service.heard) {
            Some(host) => match (started(service).await, started(host).await) {
                (Some(one), Some(other)) => one < other,
                _ => false,
            },
            None => false,
        }
    }

    /// Whether the network that it shares is not there.
    pub(super) async fn is_cut_off(&self, service: &Service) -> bool {
        match self.shared(service) {
            Some(host) => {
                let state = self.look(host).await;
                state.is_none_or(|state| state.running != Some(true))
            }
            None => false,
        }
    }

    /// The service whose network it shares, if that is kept too.
    fn shared(&self, service: &Service) -> Option<&Service> {
        let (host, _) = self.all.get(service.host.as_deref()?)?;
        Some(host)
    }

    /// What the engine knows of it, as soon as it is there; `None`: it knows of none.
    async fn look(&self, service: &Service) -> Option<ContainerState> {
        loop {
            let found = service
                .container
                .docker()
                .inspect_container(service.container.id(), None::<InspectContainerOptions>);
            match docker::ask(self.cx, found).await {
                Ok(found) => {
                    if self.away.replace(false) {
                        self.cx.report.info("the Docker engine is back");
                    }
                    let state = found.state.unwrap_or_default();
                    let going = matches!(state.status, Some(Status::REMOVING | Status::DEAD));
                    return (!going).then_some(state);
                }
                Err(error) if error.cause == Cause::NoSuchContainer => return None,
                Err(error) if !self.away.replace(true) => {
                    let words = format!("services are watched again when it is back: {error}");
                    self.cx.report.warn("engine_away", &words);
                }
                Err(_) => {}
            }
            sleep(between_looks(self.cx)).await;
        }
    }

    /// It runs: until it does not, or the service whose network it shares has a new one.
    async fn up(&self, service: &Service, past: &mut Past, host: &mut Option<Host>) {
        let over = {
            // Whoever listens lets go of what it prints before it is started again.
            let over = pin!(service.container.over_or_lost(self.cx));
            match select(over, pin!(started(host))).await {
                Either::Left((over, _)) => Some(over),
                Either::Right(((), _)) => None,
            }
        };
        match over {
            Some(Ok(())) => past.lost = false,
            Some(Err(_)) => {
                past.lost = true;
                sleep(between_looks(self.cx)).await;
            }
            None => self.follow(service, past).await,
        }
    }

    /// Docker leaves it in the network that was.
    async fn follow(&self, service: &Service, past: &mut Past) {
        let (name, host) = (&service.name, service.host.as_deref().unwrap_or_default());
        let words = format!("{name} is started again too: it shares {host}'s network");
        self.cx.report.info(&words);
        let (docker, id) = (service.container.docker(), service.container.id());
        let long = self.within(self.cx.timings.drain_most);
        let stopped = stop::one(&long, docker, id).await;
        let restarted = match stopped {
            Ok(()) => self.start(service).await,
            Err(error) => Err(error),
        };
        match restarted {
            Ok(()) => past.since = Instant::now(),
            Err(error) => {
                // That it does not run is not its own doing.
                past.lost = true;
                self.refused(service, &error);
            }
        }
    }
}

/// When it was started, of one that runs.
fn since(state: ContainerState) -> Option<OffsetDateTime> {
    let started = state.started_at.filter(|_| state.running == Some(true))?;
    OffsetDateTime::parse(&started, &Rfc3339).ok()
}

/// When the service whose network is shared was started.
pub(super) type Host = watch::Receiver<Option<String>>;

/// Waits until it has been started again.
pub(super) async fn started(host: &mut Option<Host>) {
    let changed = match host {
        Some(host) => host.changed().await.is_ok(),
        None => false,
    };
    if !changed {
        pending::<()>().await;
    }
}
