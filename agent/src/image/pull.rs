//! One attempt at one pull.

use super::{error::ImageError, progress::Progress};
use crate::{context::Context, report::PullProgress};
use bollard::models::CreateImageInfo;
use bollard::{Docker, auth::DockerCredentials, query_parameters::CreateImageOptionsBuilder};
use firstlight_userdata::value::ImageRef;
use futures_util::{StreamExt, stream::Stream};
use std::{cell::Cell, time::Duration};
use tokio::time::{self, Instant};

/// How often progress is said.
const EVERY: Duration = Duration::from_millis(250);

/// Pulls, and answers with the digest that the engine said. Dropping it ends the pull; what came until
/// then is in `got`.
pub(super) async fn attempt(
    cx: &Context,
    docker: &Docker,
    reference: &ImageRef,
    credentials: Option<DockerCredentials>,
    got: &Cell<PullProgress>,
) -> Result<(Option<String>, PullProgress), ImageError> {
    let image = reference.to_string();
    let anonymous = credentials.is_none();
    let options = CreateImageOptionsBuilder::new()
        .from_image(&format!(
            "{}/{}",
            reference.registry(),
            reference.repository()
        ))
        .tag(reference.digest().or(reference.tag()).unwrap_or("latest"))
        .build();
    let mut lines = docker.create_image(Some(options), None, credentials);
    let mut progress = Progress::new(Instant::now());
    let (mut said, mut news) = (Instant::now(), false);
    loop {
        let limit = cx.timings.pull_stall;
        got.set(progress.sum());
        let stalls_at = progress.stalls_at(limit);
        // What came last is said even when nothing comes after it.
        let due = news.then(|| said + EVERY);
        match next(&mut lines, stalls_at.into_iter().chain(due).min()).await {
            Ok(None) => break,
            Ok(Some(line)) => {
                let line =
                    line.map_err(|error| ImageError::pull(reference, anonymous, error.into()))?;
                progress.take(&line, Instant::now());
                news = true;
            }
            Err(_elapsed) if stalls_at.is_some_and(|at| at <= Instant::now()) => {
                return Err(ImageError::stalled(reference, limit, got.get()));
            }
            Err(_elapsed) => {}
        }
        if news && said.elapsed() >= EVERY {
            cx.report.pull(&image, progress.sum());
            (said, news) = (Instant::now(), false);
        }
    }
    cx.report.pull(&image, progress.sum());
    Ok((progress.digest().map(str::to_owned), progress.sum()))
}

type Line = Result<CreateImageInfo, bollard::errors::Error>;

/// The engine's next line, waited for until then; cancelling it loses nothing.
async fn next(
    lines: &mut (impl Stream<Item = Line> + Unpin),
    until: Option<Instant>,
) -> Result<Option<Line>, time::error::Elapsed> {
    match until {
        Some(until) => time::timeout_at(until, lines.next()).await,
        None => Ok(lines.next().await),
    }
}
