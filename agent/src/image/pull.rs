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
    let mut said = Instant::now();
    loop {
        let limit = cx.timings.pull_stall;
        got.set(progress.sum());
        let stalled = || ImageError::stalled(reference, limit, got.get());
        let Some(line) = next(&mut lines, progress.stalls_at(limit))
            .await
            .map_err(|_| stalled())?
        else {
            break;
        };
        let line = line.map_err(|error| ImageError::pull(reference, anonymous, error.into()))?;
        progress.take(&line, Instant::now());
        if said.elapsed() >= EVERY {
            cx.report.pull(&image, progress.sum());
            said = Instant::now();
        }
    }
    cx.report.pull(&image, progress.sum());
    Ok((progress.digest().map(str::to_owned), progress.sum()))
}

type Line = Result<CreateImageInfo, bollard::errors::Error>;

/// The engine's next line, waited for until `stalls_at`.
async fn next(
    lines: &mut (impl Stream<Item = Line> + Unpin),
    stalls_at: Option<Instant>,
) -> Result<Option<Line>, time::error::Elapsed> {
    match stalls_at {
        Some(stalls_at) => time::timeout_at(stalls_at, lines.next()).await,
        None => Ok(lines.next().await),
    }
}
