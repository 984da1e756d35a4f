//! An image that is on this machine: its digest, its HEALTHCHECK.

use super::{Image, error::ImageError};
use crate::{context::Context, docker};
use bollard::{Docker, models::ImageInspect};
use firstlight_userdata::value::ImageRef;

/// What the engine is asked for. A digest alone decides; the engine has no name with both.
pub(super) fn name(image: &ImageRef) -> String {
    let (registry, repository) = (image.registry(), image.repository());
    match (image.digest(), image.tag()) {
        (Some(digest), _) => format!("{registry}/{repository}@{digest}"),
        (None, Some(tag)) => format!("{registry}/{repository}:{tag}"),
        (None, None) => format!("{registry}/{repository}"),
    }
}

/// The image that the engine has under `name`; `None` when it has none.
///
/// `pulled` is the digest that a pull just said: an image may have several of one repository.
pub(super) async fn inspect(
    cx: &Context,
    docker: &Docker,
    reference: &ImageRef,
    name: &str,
    pulled: Option<&str>,
) -> Result<Option<Image>, ImageError> {
    let inspected = ask(cx, docker, name).await?;
    Ok(inspected.map(|inspected| image(reference, pulled, &inspected)))
}

/// The image of that id or digest, pinned by it.
pub(super) async fn by_id(
    cx: &Context,
    docker: &Docker,
    id: &str,
) -> Result<Option<Image>, ImageError> {
    let inspected = ask(cx, docker, id).await?;
    Ok(inspected.map(|inspected| Image {
        reference: id.to_owned(),
        pinned: id.to_owned(),
        has_healthcheck: has_healthcheck(&inspected),
    }))
}

async fn ask(
    cx: &Context,
    docker: &Docker,
    name: &str,
) -> Result<Option<ImageInspect>, ImageError> {
    match docker::ask(cx, docker.inspect_image(name)).await {
        Ok(inspected) => Ok(Some(inspected)),
        Err(error) if error.cause == docker::Cause::NoSuchImage => Ok(None),
        Err(error) => Err(ImageError::Call {
            image: name.to_owned(),
            error,
        }),
    }
}

fn image(reference: &ImageRef, pulled: Option<&str>, inspected: &ImageInspect) -> Image {
    let digests = inspected.repo_digests.as_deref().unwrap_or_default();
    let id = inspected.id.clone().unwrap_or_default();
    Image {
        reference: reference.to_string(),
        pinned: pinned(reference, pulled, digests).unwrap_or(id),
        has_healthcheck: has_healthcheck(inspected),
    }
}

/// The digest of this registry and repository: the one asked for, else the one just pulled, else the
/// first. Others are of other repositories with the same image.
fn pinned(reference: &ImageRef, pulled: Option<&str>, digests: &[String]) -> Option<String> {
    let ours: Vec<ImageRef> = digests
        .iter()
        .filter_map(|digest| ImageRef::parse(digest).ok())
        .filter(|digest| {
            digest.registry() == reference.registry()
                && digest.repository() == reference.repository()
        })
        .collect();
    let wanted = reference.digest().or(pulled);
    ours.iter()
        .find(|digest| digest.digest() == wanted)
        .or(ours.first())
        .map(name)
}

fn has_healthcheck(inspected: &ImageInspect) -> bool {
    inspected
        .config
        .as_ref()
        .and_then(|config| config.healthcheck.as_ref())
        .and_then(|healthcheck| healthcheck.test.as_ref())
        .and_then(|test| test.first())
        .is_some_and(|first| first != "NONE")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use bollard::models::{HealthConfig, ImageConfig};

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn pins() {
        let (a, b) = (digest('a'), digest('b'));
        let all = [
            format!("registry.example/web@{a}"),
            format!("postgres@{a}"),
            format!("postgres@{b}"),
            format!("127.0.0.1:5000/web@{b}"),
        ];
        let hub = |digest: &str| Some(format!("docker.io/library/postgres@{digest}"));
        for (reference, pulled, want) in [
            ("postgres:16", None, hub(&a)),
            ("postgres:16", Some(&b), hub(&b)),
            (
                &format!("docker.io/library/postgres@{b}"),
                Some(&a),
                hub(&b),
            ),
            (
                "127.0.0.1:5000/web",
                None,
                Some(format!("127.0.0.1:5000/web@{b}")),
            ),
            ("ghcr.io/acme/web:1", None, None),
        ] {
            let parsed = ImageRef::parse(reference).unwrap();
            let got = pinned(&parsed, pulled.map(String::as_str), &all);
            assert_eq!(got, want, "{reference}");
        }
    }

    #[test]
    fn healthchecks() {
        for (test, want) in [
            (None, false),
            (Some(vec![]), false),
            (Some(vec!["NONE"]), false),
            (Some(vec!["CMD-SHELL", "true"]), true),
            (Some(vec!["CMD", "true"]), true),
        ] {
            let inspected = ImageInspect {
                config: Some(ImageConfig {
                    healthcheck: Some(HealthConfig {
                        test: test
                            .clone()
                            .map(|test| test.into_iter().map(str::to_owned).collect()),
                        ..HealthConfig::default()
                    }),
                    ..ImageConfig::default()
                }),
                ..ImageInspect::default()
            };
            assert_eq!(has_healthcheck(&inspected), want, "{test:?}");
        }
        assert!(!has_healthcheck(&ImageInspect::default()));
    }
}
