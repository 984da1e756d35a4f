//! What becomes of a service that does not run: it is left, or started again after a while.

use super::{
    deaths::Consequence,
    found::Service,
    service::{Host, Keeper, Past, between_looks, started},
};
use crate::{
    container::{self, LastLines},
    docker::{self, CallError, Cause},
};
use bollard::{models::ContainerState, query_parameters::StartContainerOptions};
use firstlight_userdata::spec::Restart;
use futures_util::future::select;
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, sleep};

/// How long before the engine went away a service may have ended by it: it stops containers first.
const GOING: Duration = Duration::from_secs(120);

impl<F: Fn(String)> Keeper<'_, F> {
    pub(super) async fn down(
        &self,
        service: &Service,
        past: &mut Past,
        host: &mut Option<Host>,
        state: ContainerState,
    ) {
        let lost = std::mem::take(&mut past.lost);
        let again = match service.restart {
            Restart::Always => true,
            Restart::OnFailure => lost || state.exit_code != Some(0),
            Restart::No => false,
        };
        let news = past.ended != state.finished_at;
        past.ended.clone_from(&state.finished_at);
        if !again {
            return self.leave(service, past, news, &state).await;
        }
        if lost {
            past.wait = self.cx.timings.backoff_base;
        } else if news {
            self.count(service, past);
        }
        if self.is_cut_off(service).await {
            // A start would be refused until the other one runs.
            let wait = sleep(self.cx.timings.restart_cap);
            select(pin!(wait), pin!(started(host))).await;
            past.lost = lost;
            return;
        }
        // Jitter: a fleet's services may all miss the same database.
        let wait = past.wait / 2 + (past.wait / 2).mul_f64(fastrand::f64());
        select(pin!(sleep(wait)), pin!(started(host))).await;
        let how = self.how(service, &state).await;
        if let Some(host) = host {
            // It joins the network that is there now.
            host.mark_unchanged();
        }
        match self.start(service).await {
            Ok(()) => {
                past.since = Instant::now();
                past.restarts = past.restarts.saturating_add(1);
                let times = past.restarts;
                self.cx.report.restarted(&service.name, &how, times);
            }
            // It is looked for before anything else.
            Err(error) if error.cause == Cause::Unreachable => past.lost = true,
            Err(error) => {
                past.since = Instant::now();
                self.refused(service, &error);
                self.count(service, past);
            }
        }
    }

    fn count(&self, service: &Service, past: &mut Past) {
        let now = Instant::now();
        let ran = now.saturating_duration_since(past.since);
        let Consequence { wait, keeps_dying } = past.deaths.count(now, ran);
        past.wait = wait;
        if keeps_dying {
            let timings = &self.cx.timings;
            let (exits, within) = (u64::from(timings.dying_exits), timings.dying_within);
            self.cx.report.keeps_dying(&service.name, exits, within);
            (self.tell)(service.name.clone());
        }
    }

    /// It is not to be started again: until somebody does so, and it exits once more.
    async fn leave(&self, service: &Service, past: &mut Past, news: bool, state: &ContainerState) {
        if news {
            let how = self.how(service, state).await;
            let words = format!("{} {how}; it is left, as its `restart` says", service.name);
            self.cx.report.warn("service_left", &words);
        }
        let left = Instant::now();
        let seen = std::mem::take(&mut past.seen);
        if service.container.over_again().await.is_err() {
            // The engine stops containers before it goes: that is not how a service ends by itself.
            past.lost = seen && left.elapsed() < GOING;
            sleep(between_looks(self.cx)).await;
        }
    }

    async fn how(&self, service: &Service, state: &ContainerState) -> String {
        let code = state.exit_code.unwrap_or_default();
        let mut how = container::ended(code, state.oom_killed.unwrap_or_default());
        if service.heard {
            let last = service.container.last_lines(self.cx).await;
            how.push_str(&LastLines(&last).to_string());
        }
        how
    }

    pub(super) async fn start(&self, service: &Service) -> Result<(), CallError> {
        let container = &service.container;
        if service.heard {
            // What it says is worth less than that it runs.
            let soon = self.within(self.cx.timings.docker_attempt);
            drop(container.attach(&soon).await);
        }
        let started = container
            .docker()
            .start_container(container.id(), None::<StartContainerOptions>);
        docker::ask(self.cx, started).await
    }

    pub(super) fn refused(&self, service: &Service, error: &CallError) {
        let why = service.container.redact(&error.message);
        let words = format!("{} could not be started again: {why}", service.name);
        self.cx.report.warn("service_not_started", &words);
    }
}
