//! Who waits for whom.
//!
//! Everything starts at once, except: `depends_on` waits until a service is healthy or a task
//! exited 0; `network_mode: service:NAME` waits until that service runs; and a service waits for
//! every task, unless a task needs that service. The last rule alone cannot close a circle, so
//! only what a person wrote can.

use crate::spec::{Container, NetworkMode, Phase, Spec};
use std::collections::BTreeSet;

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

    /// The services that must be healthy and the tasks that must have exited 0 before `name` starts.
    pub fn waits_for(&self, name: &str) -> BTreeSet<&str> {
        let own = self
            .container(name)
            .into_iter()
            .flat_map(|container| &container.depends_on);
        let mut waits: BTreeSet<&str> = own.map(String::as_str).collect();
        if self.services.contains_key(name)
            && !self
                .tasks
                .keys()
                .any(|task| self.needs(task).contains(name))
        {
            waits.extend(self.tasks.keys().map(String::as_str));
        }
        waits
    }

    /// Waves: what starts together once the wave before is done. Only for a spec without cycles.
    pub fn waves(&self) -> Vec<Vec<&str>> {
        let mut waves: Vec<Vec<&str>> = Vec::new();
        let mut started: BTreeSet<&str> = BTreeSet::new();
        loop {
            let ready = |name: &&str| {
                let before = self
                    .waits_for(name)
                    .into_iter()
                    .chain(self.network_of(name));
                !started.contains(name) && before.into_iter().all(|other| started.contains(other))
            };
            let wave: Vec<&str> = self.names().filter(ready).collect();
            if wave.is_empty() {
                return waves;
            }
            started.extend(&wave);
            waves.push(wave);
        }
    }

    /// What a person wrote `name` to come after.
    pub(crate) fn written_before(&self, name: &str) -> Vec<&str> {
        let own = self
            .container(name)
            .into_iter()
            .flat_map(|container| &container.depends_on);
        own.map(String::as_str)
            .chain(self.network_of(name))
            .collect()
    }

    /// The service whose network `name` joins.
    fn network_of(&self, name: &str) -> Option<&str> {
        match &self.container(name)?.network_mode {
            NetworkMode::Service(service) => Some(service),
            NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => None,
        }
    }

    /// Everything that must come before `name`, all the way.
    fn needs(&self, name: &str) -> BTreeSet<&str> {
        let mut needs = BTreeSet::new();
        let mut next = self.written_before(name);
        while let Some(name) = next.pop() {
            if needs.insert(name) {
                next.extend(self.written_before(name));
            }
        }
        needs
    }
}
