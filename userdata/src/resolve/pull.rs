//! What a pull needs of a spec, without what only running it needs.
//!
//! An instance that enters a warm pool fetches no more than this: nothing runs there, so no secret of
//! what would run has any business there.

use super::{Text, Values, fill, image};
use crate::{
    diagnostic::Diagnostics,
    reference::Target,
    spec::{Container, Phase, PullPolicy, Registry, Resolved, Signal, Spec, Unresolved},
    value::ImageRef,
};
use std::collections::{BTreeMap, BTreeSet};

/// Which images are pulled, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulls {
    /// Credentials by registry host.
    pub registries: BTreeMap<String, Registry<Resolved>>,
    /// What is pulled, by service or task.
    pub images: BTreeMap<String, Pull>,
}

/// One container's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The image.
    pub image: ImageRef,
    /// When to pull it.
    pub policy: PullPolicy,
}

/// As much of a spec as can be had without a value that only running it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preparation {
    /// Which images are pulled, and as whom.
    pub pulls: Pulls,
    /// Whom to tell.
    pub signal: Signal<Resolved>,
    /// Where evidence goes.
    pub diagnostics: Option<Text>,
}

impl Spec<Resolved> {
    /// Which images are pulled, and as whom.
    pub fn pulls(&self) -> Pulls {
        let pull = |(name, container): (&str, &Container<Resolved>)| {
            let pull = Pull {
                image: container.image.clone(),
                policy: container.pull_policy(),
            };
            (name.to_owned(), pull)
        };
        Pulls {
            registries: self.registries.clone(),
            images: containers(self).map(pull).collect(),
        }
    }
}

impl Spec<Unresolved> {
    /// What to fetch for [`Spec::prepare`], de-duplicated and sorted: what stands in images, in the
    /// credentials of their registries, in `signal` and in `diagnostics`. Where a value may name the
    /// registry, the credentials of all.
    pub fn targets_to_prepare(&self) -> Vec<Target> {
        fill::listed(|filler| drop(filler.preparation(self)))
    }

    /// Puts the values in, where a pull needs them.
    ///
    /// # Errors
    /// Every value that is not there, does not fit where it stands, or is a secret where none may be.
    pub fn prepare(&self, values: &Values) -> Result<Preparation, Diagnostics> {
        fill::filled(values, |filler| filler.preparation(self))
    }
}

impl fill::Filler<'_> {
    /// `None` when an image does not fit; everything else is filled and checked all the same.
    fn preparation(&mut self, spec: &Spec<Unresolved>) -> Option<Preparation> {
        let hosts = hosts(spec);
        let asked = |host: &String| hosts.as_ref().is_none_or(|hosts| hosts.contains(host));
        let registries = spec.registries.iter().filter(|(host, _)| asked(host));
        let registries = registries
            .map(|(host, registry)| (host.clone(), self.registry(registry)))
            .collect();
        let images: Vec<_> = containers(spec)
            .map(|(name, container)| {
                let image = self.image(&container.image)?;
                let policy = container.pull_policy;
                let policy = policy.unwrap_or_else(|| PullPolicy::usual(&image));
                Some((name.to_owned(), Pull { image, policy }))
            })
            .collect();
        Some(Preparation {
            signal: self.signal(&spec.signal),
            diagnostics: self.diagnostics(spec),
            pulls: Pulls {
                registries,
                images: images.into_iter().collect::<Option<_>>()?,
            },
        })
    }
}

fn containers<P: Phase>(spec: &Spec<P>) -> impl Iterator<Item = (&str, &Container<P>)> {
    spec.names()
        .filter_map(|name| Some((name, spec.container(name)?)))
}

/// The registries that are asked; `None`: a value says which.
fn hosts(spec: &Spec<Unresolved>) -> Option<BTreeSet<String>> {
    containers(spec)
        .map(|(_, container)| image::host(&container.image))
        .collect()
}
