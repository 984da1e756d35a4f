//! Ports, mounts and networks that cannot be together.

use super::Whole;
use crate::{
    spec::{Container, NetworkMode, Port, Probe, Unresolved},
    value::{Complaint, port},
};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

impl Whole<'_, '_> {
    pub(super) fn places(&mut self) {
        let spec = self.spec;
        for name in spec.names() {
            if let Some(container) = spec.container(name) {
                self.mounts(name, container);
                self.alone(name, container);
            }
        }
        self.probes();
        self.ports();
    }

    /// A path has one mount; and nothing lies below a file.
    fn mounts(&mut self, name: &str, container: &Container<Unresolved>) {
        let volumes = container
            .volumes
            .iter()
            .map(|volume| (volume.target.as_str(), "volumes"));
        let tmpfs = container
            .tmpfs
            .iter()
            .map(|(path, _)| (path.as_str(), "tmpfs"));
        let files = container.files.keys().map(|path| (path.as_str(), "files"));
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (path, key) in volumes.chain(tmpfs).chain(files) {
            let path = path.trim_end_matches('/');
            if let Some(other) = taken.insert(path, key) {
                let what = if other == key {
                    format!("`{path}` stands twice in `{key}`")
                } else {
                    format!("`{path}` stands in `{other}` and in `{key}`")
                };
                self.complain(
                    name,
                    key,
                    Complaint::new(what).hint("a path in the container has one mount"),
                );
            }
        }
        for (path, key) in &taken {
            let above = path
                .match_indices('/')
                .filter_map(|(end, _)| path.get(..end))
                .find(|above| container.files.contains_key(*above));
            if let Some(file) = above {
                self.complain(
                    name,
                    key,
                    Complaint::new(format!(
                        "`{path}` would lie below `{file}`, which is a file"
                    ))
                    .hint("give one of them another path"),
                );
            }
        }
    }

    /// What Docker refuses beside a network that is not the container's own.
    fn alone(&mut self, name: &str, container: &Container<Unresolved>) {
        let (mode, refused): (_, &[(&str, bool)]) = match &container.network_mode {
            NetworkMode::Bridge => return,
            NetworkMode::Host => ("host", &[("ports", !container.ports.is_empty())]),
            NetworkMode::None => ("none", &[("ports", !container.ports.is_empty())]),
            NetworkMode::Service(_) => (
                "service:…",
                &[
                    ("ports", !container.ports.is_empty()),
                    ("hostname", container.hostname.is_some()),
                    ("extra_hosts", !container.extra_hosts.is_empty()),
                ],
            ),
        };
        for (key, _) in refused.iter().filter(|(_, there)| *there) {
            let complaint = Complaint::new(format!(
                "`{key}` has no meaning with `network_mode: {mode}`"
            ));
            let hint = match mode {
                "host" => "the container listens on the instance itself; leave it out",
                "none" => "the container has no network; leave it out",
                _ => "set it on the service whose network this is",
            };
            self.complain(name, key, complaint.hint(hint));
        }
    }

    fn probes(&mut self) {
        for (name, service) in &self.spec.services {
            let dials = match service.health.as_ref().map(|health| &health.probe) {
                Some(Probe::Http(_) | Probe::Https(_) | Probe::Tcp { .. }) => true,
                Some(Probe::Command(_)) | None => false,
            };
            if dials && service.container.network_mode == NetworkMode::None {
                let complaint = Complaint::new(format!("`{name}` has no network to be probed on"));
                self.complain(
                    name,
                    "health",
                    complaint.hint("use `command`, or give it a network"),
                );
            }
        }
    }

    /// A port of the instance is published once.
    fn ports(&mut self) {
        let spec = self.spec;
        let mut published: HashMap<u16, Vec<(&str, &Port)>> = HashMap::new();
        for (name, service) in &spec.services {
            for wanted in &service.container.ports {
                let Some(host) = wanted.host else {
                    continue;
                };
                let published = published.entry(host).or_default();
                if let Some((other, theirs)) =
                    published.iter().find(|(_, theirs)| clash(wanted, theirs))
                {
                    let complaint = Complaint::new(format!(
                        "`{name}` publishes `{}`, and `{other}` publishes `{}`",
                        port::show(wanted),
                        port::show(theirs)
                    ));
                    self.complain(
                        name,
                        "ports",
                        complaint.hint("give one another port of the instance"),
                    );
                }
                published.push((name, wanted));
            }
        }
    }
}

/// Whether two ports of one number are one port of the instance.
fn clash(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: Option<IpAddr>| ip.is_none_or(|ip| ip.is_unspecified());
    let same_family = |a: IpAddr, b: IpAddr| a.is_ipv4() == b.is_ipv4();
    let meet = match (a.host_ip, b.host_ip) {
        (Some(a), Some(b)) if everywhere(Some(a)) || everywhere(Some(b)) => same_family(a, b),
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    };
    a.protocol == b.protocol && meet
}
