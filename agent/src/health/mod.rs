//! Probes: when a service counts as healthy.
//!
//! One file a probe. To add one: a variant of the spec's `Probe`, a file here, and a line in
//! [`probe::Prober`].

mod command;
mod error;
mod http;
mod image;
mod probe;
mod settle;
mod target;
mod tcp;

pub use error::HealthError;

use crate::{
    context::{Context, Deadline},
    report::ContainerEvent,
    workload::{Running, Workload},
};
use futures_util::{
    StreamExt,
    future::{Either, select, try_join_all},
    stream::FuturesUnordered,
};
use probe::Prober;
use std::pin::pin;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Proof that every service is healthy. Only [`wait`] makes one.
#[derive(Debug)]
pub struct Healthy(());

/// Waits until one service is healthy. That it exits is for the caller to notice.
///
/// # Errors
/// The deadline passed; says what the last probe saw.
pub async fn wait_one(cx: &Context, service: &Running) -> Result<(), HealthError> {
    let mut prober = Prober::new(cx, service)?;
    let pace = prober.pace(cx);
    let mut streak: u32 = 0;
    let mut last = None;
    loop {
        let began = Instant::now();
        let limit = cx.deadline.min(Deadline::after(pace.timeout));
        let asked = timeout_at(limit.instant(), prober.ask()).await;
        let saw = asked.unwrap_or_else(|_elapsed| Ok(prober.silent(pace.timeout)))?;
        // The deadline cut it off, or what it asked of the engine: what the one before saw is worth more.
        if cx.deadline.passed() && !saw.good && last.is_some() {
            return Err(unhealthy(service, last));
        }
        if last.as_ref() != Some(&saw.words) {
            cx.report.probe(&service.name, &saw.words);
        }
        last = Some(saw.words);
        streak = if saw.good {
            streak.saturating_add(1)
        } else {
            0
        };
        if streak >= pace.threshold {
            cx.report
                .container(&service.name, &service.id, ContainerEvent::Healthy);
            return Ok(());
        }
        let next = began + pace.interval;
        if next >= cx.deadline.instant() {
            sleep_until(cx.deadline.instant()).await;
            return Err(unhealthy(service, last));
        }
        sleep_until(next).await;
    }
}

/// Waits until every service is healthy at once.
///
/// # Errors
/// The first that exits, or those that were not healthy at the deadline.
pub async fn wait(cx: &Context, workload: &Workload) -> Result<Healthy, HealthError> {
    // Whoever is healthy first is watched until the last one is.
    let exits = try_join_all(workload.services.iter().map(|service| exited(cx, service)));
    match select(pin!(exits), pin!(all(cx, workload))).await {
        Either::Left((Err(error), _)) => Err(error),
        // There are no services.
        Either::Left((Ok(_), healthy)) => healthy.await,
        Either::Right((healthy, _)) => healthy,
    }
}

async fn all(cx: &Context, workload: &Workload) -> Result<Healthy, HealthError> {
    let waiting = workload
        .services
        .iter()
        .map(|service| wait_one(cx, service));
    let mut waiting: FuturesUnordered<_> = waiting.collect();
    let mut late = Vec::new();
    while let Some(result) = waiting.next().await {
        match result {
            Ok(()) => {}
            Err(HealthError::Deadline { services }) => late.extend(services),
            Err(error) => return Err(error),
        }
    }
    if !late.is_empty() {
        late.sort();
        return Err(HealthError::Deadline { services: late });
    }
    try_join_all(workload.services.iter().map(|service| running(cx, service))).await?;
    Ok(Healthy(()))
}

/// The last look before the proof.
async fn running(cx: &Context, service: &Running) -> Result<(), HealthError> {
    let found = service.container.inspect(cx).await;
    let found = found.map_err(|error| HealthError::lost(service, &error))?;
    if found.state.and_then(|state| state.running) == Some(true) {
        return Ok(());
    }
    // The watch on its end holds its last words and is about to say them.
    std::future::pending().await
}

/// Ends only with an error: a service that exits is never healthy.
async fn exited(cx: &Context, service: &Running) -> Result<std::convert::Infallible, HealthError> {
    let exit = service.container.exited(cx).await;
    let exit = exit.map_err(|error| HealthError::lost(service, &error))?;
    Err(HealthError::Exited {
        name: service.name.clone(),
        exit,
    })
}

fn unhealthy(service: &Running, last: Option<String>) -> HealthError {
    let saw = last.unwrap_or_else(|| "it was never asked".to_owned());
    HealthError::Deadline {
        services: vec![(service.name.clone(), saw)],
    }
}
