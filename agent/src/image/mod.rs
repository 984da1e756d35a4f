//! Registry authentication and pulls: from image references to images by digest.
//!
//! To add a registry with credentials of its own: a variant of [`registry::Registry`], and how its
//! credentials are fetched in [`credentials`].

mod credentials;
mod error;
mod found;
mod progress;
mod pull;
mod registry;

pub use error::{Cause, ImageError};

use crate::{
    context::Context,
    docker,
    imds::Identity,
    references::Resolution,
    report::PullProgress,
    retry::{self, Backoff},
};
use bollard::Docker;
use credentials::Credentials;
use firstlight_userdata::{
    spec::{PullPolicy, Resolved, Spec},
    value::ImageRef,
};
use futures_util::future::try_join_all;
use std::{cell::Cell, collections::BTreeMap};
use tokio::time::Instant;

/// The image each container runs, by container (service or task) name.
pub type Images = BTreeMap<String, Image>;

/// An image that is on this machine, pinned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Image {
    /// The reference as resolved: `ghcr.io/acme/web:42`.
    pub reference: String,
    /// What to run: `ghcr.io/acme/web@sha256:…`, or an image id where the image has no registry digest.
    pub pinned: String,
    /// The image's own HEALTHCHECK, if it has one that is not `NONE`.
    pub has_healthcheck: bool,
}

/// Pulls every image that the spec names, in parallel, each once.
///
/// An image whose reference is in `recorded` is the recorded one, whatever its tag has come to mean
/// since, and is pulled only when it is not there any more.
///
/// # Errors
/// The first image that cannot be had.
pub async fn pull(
    cx: &Context,
    _me: &Identity,
    resolution: &Resolution,
    recorded: &Images,
) -> Result<Images, ImageError> {
    let wanted = wanted(&resolution.spec);
    let docker = docker::engine(cx).await?;
    let credentials = Credentials::new(cx, &resolution.spec.registries);
    let puller = Puller {
        cx,
        docker: &docker,
        credentials: &credentials,
    };
    let pulls = wanted
        .into_iter()
        .map(async |(reference, (policy, containers))| {
            let text = reference.to_string();
            let image = match recorded.values().find(|image| image.reference == text) {
                Some(image) => puller.again(&reference, image).await?,
                None => puller.ensure(&reference, policy).await?,
            };
            Ok::<_, ImageError>(
                containers
                    .into_iter()
                    .map(move |name| (name, image.clone())),
            )
        });
    Ok(try_join_all(pulls).await?.into_iter().flatten().collect())
}

/// Each image once, with the names of its containers and the most eager of their policies.
fn wanted(spec: &Spec<Resolved>) -> BTreeMap<ImageRef, (PullPolicy, Vec<String>)> {
    let services = spec
        .services
        .iter()
        .map(|(name, service)| (name, &service.container));
    let tasks = spec
        .tasks
        .iter()
        .map(|(name, task)| (name, &task.container));
    let mut wanted: BTreeMap<ImageRef, (PullPolicy, Vec<String>)> = BTreeMap::new();
    for (name, container) in services.chain(tasks) {
        let policy = container.pull_policy();
        let (eagerest, containers) = wanted
            .entry(container.image.clone())
            .or_insert((policy, Vec::new()));
        *eagerest = eager(*eagerest, policy);
        containers.push(name.clone());
    }
    wanted
}

fn eager(one: PullPolicy, other: PullPolicy) -> PullPolicy {
    match (one, other) {
        (PullPolicy::Always, _) | (_, PullPolicy::Always) => PullPolicy::Always,
        (PullPolicy::Missing, _) | (_, PullPolicy::Missing) => PullPolicy::Missing,
        (PullPolicy::Never, PullPolicy::Never) => PullPolicy::Never,
    }
}

/// What every pull needs.
#[derive(Debug, Clone, Copy)]
struct Puller<'a> {
    cx: &'a Context,
    docker: &'a Docker,
    credentials: &'a Credentials<'a>,
}

impl Puller<'_> {
    /// The image that `recorded` says.
    async fn again(&self, reference: &ImageRef, recorded: &Image) -> Result<Image, ImageError> {
        let image = match ImageRef::parse(&recorded.pinned) {
            Ok(pinned) if pinned.digest().is_some() => {
                self.ensure(&pinned, PullPolicy::Missing).await?
            }
            // An image id: it came from no registry, so none has it.
            Ok(_) | Err(_) => {
                found::inspect(self.cx, self.docker, reference, &recorded.pinned, None)
                    .await?
                    .ok_or_else(|| ImageError::Absent {
                        image: format!("{reference} ({})", recorded.pinned),
                    })?
            }
        };
        Ok(Image {
            reference: recorded.reference.clone(),
            ..image
        })
    }

    async fn ensure(&self, reference: &ImageRef, policy: PullPolicy) -> Result<Image, ImageError> {
        let name = found::name(reference);
        if policy != PullPolicy::Always {
            let found = found::inspect(self.cx, self.docker, reference, &name, None).await?;
            if let Some(image) = found {
                self.cx.report.info(&format!(
                    "{reference} is on this machine already: not pulled"
                ));
                return Ok(image);
            }
            if policy == PullPolicy::Never {
                return Err(ImageError::Absent {
                    image: reference.to_string(),
                });
            }
        }
        let began = Instant::now();
        let (digest, progress) = self.pull(reference).await?;
        let image = found::inspect(self.cx, self.docker, reference, &name, digest.as_deref())
            .await?
            .ok_or_else(|| ImageError::Vanished {
                image: reference.to_string(),
            })?;
        self.cx
            .report
            .pulled(&image.reference, &image.pinned, progress, began.elapsed());
        Ok(image)
    }

    /// Pulls until it works or the deadline passes; every attempt after the first has fresh credentials.
    async fn pull(
        &self,
        reference: &ImageRef,
    ) -> Result<(Option<String>, PullProgress), ImageError> {
        let backoff = Backoff {
            base: self.cx.timings.backoff_base,
            cap: self.cx.timings.backoff_cap,
        };
        let (first, got) = (Cell::new(true), Cell::default());
        retry::until(
            "docker:pull",
            backoff,
            self.cx.deadline,
            &self.cx.report,
            || ImageError::cut_off(reference, got.get()),
            async || {
                let fresh = !first.replace(false);
                let credentials = self.credentials.of(reference, fresh).await?;
                pull::attempt(self.cx, self.docker, reference, credentials, &got).await
            },
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_eager_policy_holds() {
        use PullPolicy::{Always, Missing, Never};
        for (one, other, want) in [
            (Never, Never, Never),
            (Never, Missing, Missing),
            (Missing, Always, Always),
            (Never, Always, Always),
            (Missing, Missing, Missing),
        ] {
            assert_eq!(eager(one, other), want);
            assert_eq!(eager(other, one), want);
        }
    }
}
