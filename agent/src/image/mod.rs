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

use crate::{context::Context, docker, report::PullProgress, retry};
use bollard::Docker;
use credentials::Credentials;
use firstlight_userdata::{redact::Redactor, resolve::Pulls, spec::PullPolicy, value::ImageRef};
use futures_util::future::try_join_all;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
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

/// Proof that every image is on this machine under its digest. Only [`prepare`] makes one.
#[derive(Debug)]
pub struct Prepared(());

/// Pulls as [`pull()`] does, and then looks for every image by its digest: a later one's layers may have
/// filled the disk, and something may have tidied up.
///
/// # Errors
/// The first image that cannot be had, or is gone again.
pub async fn prepare(
    cx: &Context,
    pulls: &Pulls,
    redact: &Redactor,
    recorded: &Images,
) -> Result<(Images, Prepared), ImageError> {
    let images = pull(cx, pulls, redact, recorded).await?;
    let docker = docker::engine(cx).await?;
    let pinned: BTreeSet<&str> = images.values().map(|image| &*image.pinned).collect();
    for pinned in pinned {
        let found = found::by_id(cx, &docker, pinned).await?;
        found.ok_or_else(|| ImageError::Vanished {
            image: pinned.to_owned(),
        })?;
    }
    Ok((images, Prepared(())))
}

/// Pulls every image that the spec names, in parallel, each once.
///
/// A container that is in `recorded` runs the image recorded for it, whatever its reference or tag has
/// come to mean since; that is pulled only when it is not there any more.
///
/// # Errors
/// The first image that cannot be had.
pub async fn pull(
    cx: &Context,
    pulls: &Pulls,
    redact: &Redactor,
    recorded: &Images,
) -> Result<Images, ImageError> {
    let docker = docker::engine(cx).await?;
    let credentials = Credentials::new(cx, &pulls.registries);
    let puller = Puller {
        cx,
        docker: &docker,
        credentials: &credentials,
        redact,
    };
    let pulls = wanted(pulls, recorded)
        .into_iter()
        .map(async |(what, containers)| {
            let image = match what {
                What::Recorded(pinned) => puller.again(pinned, &containers).await?,
                What::Named(reference) => puller.ensure(reference, eagerest(&containers)).await?,
            };
            let named = containers.into_iter().map(move |container| {
                let image = Image {
                    reference: container.reference,
                    ..image.clone()
                };
                (container.name, image)
            });
            Ok::<_, ImageError>(named)
        });
    Ok(try_join_all(pulls).await?.into_iter().flatten().collect())
}

/// What is to be on this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    /// What an earlier start of this launch pulled, pinned.
    Recorded(&'a str),
    /// What a reference means now.
    Named(&'a ImageRef),
}

/// A container that is to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Container {
    name: String,
    /// The image's reference, of now or as recorded.
    reference: String,
    policy: PullPolicy,
}

/// Each image once, with its containers.
fn wanted<'a>(pulls: &'a Pulls, recorded: &'a Images) -> BTreeMap<What<'a>, Vec<Container>> {
    let mut wanted: BTreeMap<What<'_>, Vec<Container>> = BTreeMap::new();
    for (name, pull) in &pulls.images {
        let (what, reference) = match recorded.get(name) {
            Some(image) => (What::Recorded(&image.pinned), image.reference.clone()),
            None => (What::Named(&pull.image), pull.image.to_string()),
        };
        wanted.entry(what).or_default().push(Container {
            name: name.clone(),
            reference,
            policy: pull.policy,
        });
    }
    wanted
}

fn eagerest(containers: &[Container]) -> PullPolicy {
    let policies = containers.iter().map(|container| container.policy);
    policies.reduce(eager).unwrap_or(PullPolicy::Missing)
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
    redact: &'a Redactor,
}

impl Puller<'_> {
    /// What is recorded as `pinned` for these containers.
    async fn again(&self, pinned: &str, containers: &[Container]) -> Result<Image, ImageError> {
        if let Ok(reference) = ImageRef::parse(pinned)
            && reference.digest().is_some()
        {
            return self.ensure(&reference, PullPolicy::Missing).await;
        }
        // An image id: it came from no registry, so none has it.
        let image = found::by_id(self.cx, self.docker, pinned).await?;
        image.ok_or_else(|| {
            let references = containers.iter().map(|container| &*container.reference);
            let references: BTreeSet<&str> = references.collect();
            let references = Vec::from_iter(references).join(", ");
            ImageError::Absent {
                image: format!("{references} ({pinned})"),
            }
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
        let backoff = self.cx.timings.backoff();
        let (first, got, began) = (Cell::new(true), Cell::default(), Cell::new(Instant::now()));
        let lasted = Cell::new(Duration::ZERO);
        retry::until(
            "docker:pull",
            backoff,
            self.cx.deadline,
            &self.cx.report,
            |last| {
                // Twice as long as the one before took: no two take the same time to fail the same way.
                let enough = self.cx.timings.pull_stall.max(lasted.get() * 2);
                let last = stands(last, began.get(), enough);
                last.unwrap_or_else(|| ImageError::cut_off(reference, got.get()))
            },
            async || {
                began.set(Instant::now());
                got.set(PullProgress::default());
                let fresh = !first.replace(false);
                let credentials = self.credentials.of(reference, fresh).await?;
                let pulled =
                    pull::attempt(self.cx, self.docker, reference, credentials, &got).await;
                lasted.set(began.get().elapsed());
                pulled.map_err(|error| error.redacted(self.redact))
            },
        )
        .await
    }
}

/// The error of the attempt before one that the deadline cut off, if that one had too little time to
/// show that it would go better.
fn stands(last: Option<ImageError>, began: Instant, enough: Duration) -> Option<ImageError> {
    last.filter(|_| began.elapsed() < enough)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use firstlight_userdata::resolve::Pull;

    /// Services with these images.
    fn pulls(services: &[(&str, &str)]) -> Pulls {
        let pull = |(name, image): &(&str, &str)| {
            let pull = Pull {
                image: ImageRef::parse(image).unwrap(),
                policy: PullPolicy::Always,
            };
            ((*name).to_owned(), pull)
        };
        Pulls {
            registries: BTreeMap::new(),
            images: services.iter().map(pull).collect(),
        }
    }

    fn image(reference: &str, pinned: &str) -> Image {
        Image {
            reference: reference.to_owned(),
            pinned: pinned.to_owned(),
            has_healthcheck: false,
        }
    }

    /// "what: container reference, …", a line each.
    fn lines(pulls: &Pulls, recorded: &Images) -> Vec<String> {
        let line = |(what, containers): (What<'_>, Vec<Container>)| {
            let what = match what {
                What::Recorded(pinned) => pinned.to_owned(),
                What::Named(reference) => reference.to_string(),
            };
            let containers = containers.iter();
            let containers = containers.map(|one| format!("{} {}", one.name, one.reference));
            format!("{what}: {}", containers.collect::<Vec<_>>().join(", "))
        };
        wanted(pulls, recorded).into_iter().map(line).collect()
    }

    #[test]
    fn an_error_of_long_ago_says_nothing_of_the_deadline() {
        let reference = ImageRef::parse("r.example/web:42").unwrap();
        let limit = Duration::from_secs(60);
        let stalled = ImageError::stalled(&reference, limit, PullProgress::default());
        let now = Instant::now();
        let long_ago = now.checked_sub(limit).unwrap();
        for (began, last, want) in [
            (now, Some(stalled.clone()), Some(stalled.clone())),
            (long_ago, Some(stalled), None),
            (now, None, None),
        ] {
            assert_eq!(stands(last, began, limit), want);
        }
    }

    #[test]
    fn what_is_recorded_runs_whatever_its_reference_has_come_to_mean() {
        // A parameter moved from 42 to 43, and another from 1 to 2, since they were pulled.
        let pulls = pulls(&[
            ("db", "r.example/db:2"),
            ("new", "r.example/web:43"),
            ("side", "r.example/web:stable"),
            ("web", "r.example/web:43"),
        ]);
        let digest = format!("r.example/web@sha256:{}", "a".repeat(64));
        let recorded = Images::from([
            ("db".to_owned(), image("r.example/db:1", "sha256:bb")),
            ("side".to_owned(), image("r.example/web:stable", &digest)),
            ("web".to_owned(), image("r.example/web:42", &digest)),
        ]);
        assert_eq!(
            lines(&pulls, &recorded),
            [
                format!("{digest}: side r.example/web:stable, web r.example/web:42"),
                "sha256:bb: db r.example/db:1".to_owned(),
                "r.example/web:43: new r.example/web:43".to_owned(),
            ]
        );
        assert_eq!(
            lines(&pulls, &Images::new()),
            [
                "r.example/db:2: db r.example/db:2",
                "r.example/web:43: new r.example/web:43, web r.example/web:43",
                "r.example/web:stable: side r.example/web:stable",
            ]
        );
    }

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
