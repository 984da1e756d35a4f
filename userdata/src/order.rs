//! Who waits for whom.
//!
//! Everything starts at once, except: `depends_on` waits until a service is healthy or a task
//! exited 0; `network_mode: service:NAME` waits until that service runs; and a service waits for
//! every task, save one that comes after it by what a person wrote, and save where these rules
//! together would close a circle. So only what a person wrote can close one.

use crate::spec::{Container, NetworkMode, Phase, Spec};
use std::collections::{BTreeMap, BTreeSet};

type Edges<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

impl<P: Phase> Spec<P> {
    /// The container of a service or task.
    pub fn container(&self, name: &str) -> Option<&Container<P>> {
        let service = self.services.get(name).map(|service| &service.container);
        service.or_else(|| self.tasks.get(name).map(|task| &task.container))
    }

    /// Every name, services first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services
            .keys()
            .chain(self.tasks.keys())
            .map(String::as_str)
    }

    /// Who waits for whom. Worked out anew by each call.
    pub fn order(&self) -> Order<'_> {
        Order {
            names: self.names().collect(),
            edges: self.edges(),
        }
    }

    /// What a person wrote `name` to come after.
    pub(crate) fn written_before(&self, name: &str) -> Vec<&str> {
        let container = self.container(name);
        let own = container
            .into_iter()
            .flat_map(|container| &container.depends_on);
        let network = container.and_then(|container| match &container.network_mode {
            NetworkMode::Service(service) => Some(service),
            NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => None,
        });
        own.chain(network).map(String::as_str).collect()
    }

    /// What each waits for.
    fn edges(&self) -> Edges<'_> {
        let mut kept: Edges<'_> = self
            .names()
            .map(|name| (name, self.written_before(name).into_iter().collect()))
            .collect();
        let tasks = || self.tasks.keys().map(String::as_str);
        let services = self.services.keys().map(String::as_str);
        // A task that depends on a service is out first: counted in, it would have others dropped
        // that close no circle without it.
        let from_tasks = reached(tasks(), &kept);
        let implied: Vec<(&str, &str)> = services
            .flat_map(|service| tasks().map(move |task| (service, task)))
            .filter(|(service, task)| !reaches(task, service, &from_tasks))
            .collect();
        let mut all = kept.clone();
        for (service, task) in &implied {
            all.entry(service).or_default().insert(task);
        }
        // Judged with all of them there, so that the names' order does not matter.
        let from_tasks = reached(tasks(), &all);
        for (service, task) in &implied {
            if !reaches(task, service, &from_tasks) {
                kept.entry(service).or_default().insert(task);
            }
        }
        kept
    }
}

/// The order of a spec, worked out once.
#[derive(Debug)]
pub struct Order<'a> {
    /// Services first.
    names: Vec<&'a str>,
    edges: Edges<'a>,
}

impl<'a> Order<'a> {
    /// What must be before `name` starts: services healthy (or running, where it joins their
    /// network), tasks exited with 0.
    pub fn waits_for(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.edges.get(name).into_iter().flatten().copied()
    }

    /// Waves: what starts together once the wave before is done. Only for a spec without circles.
    pub fn waves(&self) -> Vec<Vec<&'a str>> {
        let mut left = self.edges.clone();
        let mut waves = Vec::new();
        loop {
            let ready = |name: &&str| left.get(name).is_some_and(BTreeSet::is_empty);
            let wave: Vec<&str> = self.names.iter().copied().filter(ready).collect();
            if wave.is_empty() {
                return waves;
            }
            left.retain(|name, _| !wave.contains(name));
            left.values_mut()
                .for_each(|before| before.retain(|name| !wave.contains(name)));
            waves.push(wave);
        }
    }
}

fn reaches(from: &str, to: &str, reached: &Edges<'_>) -> bool {
    reached
        .get(from)
        .is_some_and(|reached| reached.contains(to))
}

/// What each of `from` waits for, however many steps apart. One walk for each, not for each pair.
fn reached<'a>(from: impl Iterator<Item = &'a str>, edges: &Edges<'a>) -> Edges<'a> {
    let walk = |from| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(name) = next.pop() {
            if seen.insert(name) {
                next.extend(edges.get(name).into_iter().flatten());
            }
        }
        (from, seen)
    };
    from.map(walk).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::sources::Sources;

    #[test]
    fn a_service_waits_for_tasks_that_do_not_wait_for_it() {
        for (text, waves) in [
            ("services: {api: {image: x}, bot: {image: x}}", "api bot"),
            (
                "services: {api: {image: x}}\ntasks: {migrate: {image: x}}",
                "migrate | api",
            ),
            (
                "services: {db: {image: x}, web: {image: x}}\ntasks: {migrate: {image: x, depends_on: [db]}}",
                "db | migrate | web",
            ),
            (
                "services: {db: {image: x}}\ntasks: {migrate: {image: x, depends_on: [db]}, seed: {image: x}}",
                "seed | db | migrate",
            ),
            (
                "services: {dns: {image: x}, etl: {image: x}}\ntasks: {migrate: {image: x, depends_on: [dns]}, seed: {image: x, depends_on: [etl]}}",
                "dns etl | migrate seed",
            ),
            (
                "services: {api: {image: x}, bot: {image: x, network_mode: \"service:api\"}}",
                "api | bot",
            ),
            (
                "services: {api: {image: x}, bot: {image: x, depends_on: [api]}}\ntasks: {migrate: {image: x, depends_on: [bot]}}",
                "api | bot | migrate",
            ),
            (
                "services: {db: {image: x}, web: {image: x, depends_on: [db]}}\ntasks: {migrate: {image: x, depends_on: [db]}, seed: {image: x, depends_on: [web]}}",
                "db | migrate | web | seed",
            ),
        ] {
            let mut sources = Sources::default();
            sources.user_data("user data", format!("firstlight: 1\n{text}").as_bytes());
            let spec = sources.compose().unwrap();
            let shown: Vec<String> = spec
                .order()
                .waves()
                .iter()
                .map(|wave| wave.join(" "))
                .collect();
            assert_eq!(shown.join(" | "), waves, "{text}");
        }
    }
}
