//! Who waits for whom, and how far they must be: the spec's own order, made ready to be run. Pure.

use crate::container::Kind;
use firstlight_userdata::{
    order::Order,
    spec::{Container, Health, NetworkMode, Resolved, Spec},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How far a container is. In order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Phase {
    /// Waits for others, or is being made.
    #[default]
    Waiting,
    /// Runs.
    Started,
    /// A service is healthy, a task exited 0.
    Ready,
}

/// One container, and what it waits for.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) container: &'a Container<Resolved>,
    /// A service's.
    pub(super) health: Option<&'a Health>,
    /// A task's.
    pub(super) timeout: Option<Duration>,
    /// Whom it waits for, and how far they must be.
    pub(super) needs: BTreeMap<&'a str, Phase>,
    /// Somebody waits until it is healthy.
    pub(super) gate: bool,
    /// Its wave in the spec's order; what came last stops first.
    pub(super) depth: usize,
}

/// Every container of a spec, services first, by name.
pub(super) fn plan(spec: &Spec<Resolved>) -> Vec<Part<'_>> {
    let order = spec.order();
    let mut parts: Vec<Part<'_>> = spec
        .services
        .iter()
        .map(|(name, service)| Part {
            health: service.health.as_ref(),
            ..part(&order, name, Kind::Service, &service.container)
        })
        .chain(spec.tasks.iter().map(|(name, task)| Part {
            timeout: task.timeout,
            ..part(&order, name, Kind::Task, &task.container)
        }))
        .collect();
    let ready =
        |(name, phase): (&&str, &Phase)| (*phase == Phase::Ready).then(|| (*name).to_owned());
    let gates: BTreeSet<String> = parts
        .iter()
        .flat_map(|part| &part.needs)
        .filter_map(ready)
        .collect();
    for (depth, wave) in order.waves().iter().enumerate() {
        for part in parts.iter_mut().filter(|part| wave.contains(&part.name)) {
            part.depth = depth;
            part.gate = gates.contains(part.name);
        }
    }
    parts
}

fn part<'a>(
    order: &Order<'a>,
    name: &'a str,
    kind: Kind,
    container: &'a Container<Resolved>,
) -> Part<'a> {
    Part {
        name,
        kind,
        container,
        health: None,
        timeout: None,
        needs: needs(order, name, container),
        gate: false,
        depth: 0,
    }
}

fn needs<'a>(
    order: &Order<'a>,
    name: &str,
    container: &'a Container<Resolved>,
) -> BTreeMap<&'a str, Phase> {
    let joined = match &container.network_mode {
        NetworkMode::Service(host) if !container.depends_on.contains(host) => Some(host.as_str()),
        NetworkMode::Service(_) | NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => {
            None
        }
    };
    order
        .waits_for(name)
        .map(|other| match joined == Some(other) {
            true => (other, Phase::Started),
            false => (other, Phase::Ready),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    /// `name: needs` pairs; a name in capitals is a task's, `>` before a need shares its network.
    fn waits(given: &[(&str, &str)]) -> Vec<String> {
        let mut spec = example::spec();
        for (name, needs) in given {
            let mut container = example::container();
            for need in needs.split_whitespace() {
                match need.strip_prefix('>') {
                    Some(host) => container.network_mode = NetworkMode::Service(host.to_owned()),
                    None => container.depends_on.push(need.to_owned()),
                }
            }
            let name = (*name).to_owned();
            if name.chars().all(char::is_uppercase) {
                spec.tasks.insert(name, example::task(container));
            } else {
                spec.services.insert(name, example::service(container));
            }
        }
        let line = |part: &Part<'_>| {
            let needs = part.needs.iter().map(|(name, phase)| match phase {
                Phase::Started => format!(" >{name}"),
                Phase::Ready | Phase::Waiting => format!(" {name}"),
            });
            let gate = if part.gate { "*" } else { "" };
            format!(
                "{}{gate}@{}:{}",
                part.name,
                part.depth,
                needs.collect::<String>()
            )
        };
        plan(&spec).iter().map(line).collect()
    }

    #[test]
    fn who_waits_for_whom() {
        for (given, want) in [
            // all at once
            (&[("a", ""), ("b", "")][..], &["a@0:", "b@0:"][..]),
            // a service waits for every task
            (&[("a", ""), ("M", "")], &["a@1: M", "M*@0:"]),
            // save one that depends on it
            (
                &[("db", ""), ("web", ""), ("M", "db")],
                &["db*@0:", "web@2: M", "M*@1: db"],
            ),
            // a shared network needs its owner started, or healthy if that is asked for
            (
                &[("app", ""), ("side", ">app"), ("both", ">app app")],
                &["app*@0:", "both@1: app", "side@1: >app"],
            ),
            // a task in a service's network is one that depends on it
            (&[("app", ""), ("M", ">app")], &["app@0:", "M@1: >app"]),
        ] {
            assert_eq!(waits(given), want, "{given:?}");
        }
    }
}
