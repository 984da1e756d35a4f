//! Who waits for whom: pure.
//!
//! Everything starts at once, except that a service waits for every task, save a task that depends
//! on it, and what `depends_on` and `network_mode: service:NAME` ask for.

use crate::container::Kind;
use firstlight_userdata::spec::{Container, Health, NetworkMode, Resolved, Spec};
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
    /// The longest chain of containers that must be up before it; what stops first is what came last.
    pub(super) depth: usize,
}

type Edges<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Phase>>;

/// Every container of a spec, by name.
pub(super) fn plan(spec: &Spec<Resolved>) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = spec
        .services
        .iter()
        .map(|(name, service)| Part {
            health: service.health.as_ref(),
            ..part(name, Kind::Service, &service.container, None)
        })
        .chain(
            spec.tasks
                .iter()
                .map(|(name, task)| part(name, Kind::Task, &task.container, task.timeout)),
        )
        .collect();
    let edges = edges(&parts);
    let gates: BTreeSet<&str> = edges
        .values()
        .flatten()
        .filter(|(_, phase)| **phase == Phase::Ready)
        .map(|(name, _)| *name)
        .collect();
    let mut depths = BTreeMap::new();
    for part in &mut parts {
        part.depth = depth(part.name, &edges, &mut depths);
        part.gate = gates.contains(part.name);
        part.needs = edges.get(part.name).cloned().unwrap_or_default();
    }
    parts
}

fn part<'a>(
    name: &'a str,
    kind: Kind,
    container: &'a Container<Resolved>,
    timeout: Option<Duration>,
) -> Part<'a> {
    Part {
        name,
        kind,
        container,
        health: None,
        timeout,
        needs: BTreeMap::new(),
        gate: false,
        depth: 0,
    }
}

/// What is asked for, and then each service's wait for the tasks that do not, by whatever way, wait
/// for it.
fn edges<'a>(parts: &[Part<'a>]) -> Edges<'a> {
    let asked: Edges<'a> = parts.iter().map(|part| (part.name, asked(part))).collect();
    let mut all = asked.clone();
    let services = parts.iter().filter(|part| part.kind == Kind::Service);
    let tasks = || parts.iter().filter(|part| part.kind == Kind::Task);
    let implied: Vec<(&str, &str)> = services
        .flat_map(|service| tasks().map(|task| (service.name, task.name)))
        .collect();
    for (service, task) in &implied {
        all.entry(service).or_default().insert(task, Phase::Ready);
    }
    // An implied wait within a circle is dropped, whatever the names' order.
    let mut kept = asked;
    for (service, task) in &implied {
        if !reaches(task, service, &all) {
            kept.entry(service).or_default().insert(task, Phase::Ready);
        }
    }
    kept
}

fn asked<'a>(part: &Part<'a>) -> BTreeMap<&'a str, Phase> {
    let depends_on = part.container.depends_on.iter();
    let mut needs: BTreeMap<&str, Phase> = depends_on
        .map(|name| (name.as_str(), Phase::Ready))
        .collect();
    match &part.container.network_mode {
        NetworkMode::Service(name) => {
            needs.entry(name).or_insert(Phase::Started);
        }
        NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => {}
    }
    needs
}

fn reaches(from: &str, to: &str, edges: &Edges<'_>) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            next.extend(edges.get(name).into_iter().flat_map(BTreeMap::keys));
        }
    }
    false
}

/// Circles among what is asked for were refused with the spec, and the rest makes none.
fn depth<'a>(name: &'a str, edges: &Edges<'a>, known: &mut BTreeMap<&'a str, usize>) -> usize {
    if let Some(depth) = known.get(name) {
        return *depth;
    }
    known.insert(name, 0);
    let needs = edges.get(name).into_iter().flat_map(BTreeMap::keys);
    let deepest = needs.map(|need| depth(need, edges, known) + 1).max();
    known.insert(name, deepest.unwrap_or_default());
    deepest.unwrap_or_default()
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
            // by whatever way
            (
                &[("db", "cache"), ("cache", ""), ("N", "M"), ("M", "db")],
                &["cache*@0:", "db*@1: cache", "M*@2: db", "N@3: M"],
            ),
            // two tasks that depend on two services: no circle, and the rest waits for both
            (
                &[("a", ""), ("b", ""), ("c", ""), ("M", "a"), ("N", "b")],
                &["a*@0:", "b*@0:", "c@2: M N", "M*@1: a", "N*@1: b"],
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
