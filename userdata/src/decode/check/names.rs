//! That every name means one thing, and that nothing waits for itself.

use super::Whole;
use crate::{
    decode::collection,
    spec::{NetworkMode, Spec, Unresolved},
    value::Complaint,
};
use std::collections::BTreeSet;

impl Whole<'_, '_> {
    pub(super) fn names(&mut self) {
        self.twice();
        let spec = self.spec;
        for name in spec.names() {
            self.unknown(name);
            self.network(name);
        }
        self.circles();
    }

    fn twice(&mut self) {
        for name in collection::names(self.root.get("tasks")) {
            if self
                .root
                .get("services")
                .is_some_and(|services| services.get(name).is_some())
            {
                let complaint = Complaint::new(format!("`{name}` is both a service and a task"));
                let span = self
                    .root
                    .get("tasks")
                    .and_then(|tasks| tasks.get(name))
                    .unwrap_or(self.root)
                    .span
                    .clone();
                self.cx.complain(
                    &span,
                    complaint.hint("both would be a container of that name; rename one"),
                );
            }
        }
    }

    /// Every name that may be depended on, also those that did not decode.
    fn known(&self) -> Vec<String> {
        let kinds = ["services", "tasks"].into_iter();
        kinds
            .flat_map(|kind| collection::names(self.root.get(kind)))
            .map(str::to_owned)
            .collect()
    }

    fn unknown(&mut self, name: &str) {
        let Some(container) = self.spec.container(name) else {
            return;
        };
        let known = self.known();
        for other in container
            .depends_on
            .iter()
            .filter(|other| !known.contains(other))
        {
            let near = self.cx.near(other, known.iter().map(String::as_str));
            let complaint = Complaint::new(format!(
                "`{name}` depends on `{other}`, which is neither a service nor a task"
            ));
            let hint = "write it below `services` or `tasks`, or leave it out";
            self.complain(name, "depends_on", complaint.hint(hint).hint_if(near));
        }
    }

    fn network(&mut self, name: &str) {
        let Some(container) = self.spec.container(name) else {
            return;
        };
        let NetworkMode::Service(other) = &container.network_mode else {
            return;
        };
        let services = collection::names(self.root.get("services"));
        if !services.contains(&other.as_str()) {
            let near = self.cx.near(other, services);
            let complaint = Complaint::new(format!(
                "`{name}` joins the network of `{other}`, which is no service"
            ));
            let hint = "name a service, or leave `network_mode` out";
            self.complain(name, "network_mode", complaint.hint(hint).hint_if(near));
            return;
        }
        let joined = self
            .spec
            .services
            .get(other)
            .map(|service| &service.container.network_mode);
        // One that leads back is a circle, and reported as such.
        if let Some(NetworkMode::Service(further)) =
            joined.filter(|_| !joins(self.spec, other, name))
        {
            let complaint =
                Complaint::new(format!("`{other}` itself joins the network of `{further}`"));
            self.complain(
                name,
                "network_mode",
                complaint.hint(format!("write `service:{further}`")),
            );
        }
    }

    /// Reports each circle once, from the first of its names that is met.
    fn circles(&mut self) {
        let spec = self.spec;
        let mut done = BTreeSet::new();
        for start in spec.names() {
            let Some(circle) = circle(spec, start, &mut Vec::new(), &mut done) else {
                continue;
            };
            let first = circle.first().copied().unwrap_or(start);
            let written = spec.container(first).is_some_and(|c| {
                c.depends_on
                    .iter()
                    .any(|other| circle.contains(&other.as_str()))
            });
            let key = if written {
                "depends_on"
            } else {
                "network_mode"
            };
            let complaint = if key == "network_mode" && circle.len() == 1 {
                Complaint::new(format!("`{first}` joins its own network"))
                    .hint("name another service, or leave it out")
            } else {
                let drawn = circle.join(" -> ");
                Complaint::new(format!("these wait for each other: {drawn} -> {first}"))
                    .hint("take one of them out")
            };
            self.complain(first, key, complaint);
        }
    }
}

/// Whether a service joins another's network.
fn joins(spec: &Spec<Unresolved>, service: &str, other: &str) -> bool {
    let mode = spec
        .container(service)
        .map(|container| &container.network_mode);
    matches!(mode, Some(NetworkMode::Service(joined)) if joined == other)
}

/// Follows what comes before `name`; a name met again on the way closes a circle.
fn circle<'a>(
    spec: &'a Spec<Unresolved>,
    name: &'a str,
    trail: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = trail.iter().position(|earlier| *earlier == name) {
        return Some(trail.split_off(at));
    }
    if !done.insert(name) {
        return None;
    }
    trail.push(name);
    let found = spec
        .written_before(name)
        .into_iter()
        .find_map(|before| circle(spec, before, trail, done));
    trail.pop();
    found
}
