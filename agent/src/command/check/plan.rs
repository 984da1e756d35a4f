//! What a spec would do, as far as that is known before its references are.

use crate::report::words;
use firstlight_userdata::spec::{
    Container, Health, HttpProbe, Port, Probe, Protocol, PullPolicy, Service, Signal, Spec, Task,
    Unresolved,
};
use serde::Serialize;

/// What a spec would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    /// By when it is decided, from the agent's first start.
    pub(super) timeout_seconds: u64,
    /// What starts together once the wave before is done.
    pub(super) order: Vec<Vec<String>>,
    /// Services, then tasks.
    pub(super) containers: Vec<Step>,
    /// What is fetched, by each reference as written.
    pub(super) references: Vec<String>,
    /// Who is told.
    pub(super) signal: Vec<String>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// As written, references unreplaced.
    pub(super) image: String,
    pub(super) pull: &'static str,
    pub(super) ports: Vec<String>,
    pub(super) waits_for: Vec<String>,
    /// What the verdict waits for.
    pub(super) gate: String,
}

impl Plan {
    pub(super) fn of(spec: &Spec<Unresolved>) -> Plan {
        let order = spec.order();
        let step = |name: &str, kind, container: &Container<Unresolved>, gate| Step {
            name: name.into(),
            kind,
            image: container.image.to_string(),
            pull: pull(container),
            ports: container.ports.iter().map(port).collect(),
            waits_for: order.waits_for(name).map(Into::into).collect(),
            gate,
        };
        let services = spec.services.iter();
        let services = services.map(|(name, service)| {
            step(name, "service", &service.container, service_gate(service))
        });
        let tasks = spec.tasks.iter();
        let tasks = tasks.map(|(name, task)| step(name, "task", &task.container, task_gate(task)));
        Plan {
            timeout_seconds: spec.timeout.as_secs(),
            order: order
                .waves()
                .into_iter()
                .map(|wave| wave.into_iter().map(Into::into).collect())
                .collect(),
            containers: services.chain(tasks).collect(),
            references: spec.targets().iter().map(ToString::to_string).collect(),
            signal: signal(&spec.signal),
        }
    }
}

fn pull(container: &Container<Unresolved>) -> &'static str {
    match container.pull_policy {
        Some(PullPolicy::Always) => "always",
        Some(PullPolicy::Missing) => "missing",
        Some(PullPolicy::Never) => "never",
        // What stands outside the reference keeps its role, so a digest shows before resolution.
        None if container.image.to_string().contains('@') => "missing",
        None => "always",
    }
}

fn port(port: &Port) -> String {
    let host = match (port.host_ip, port.host) {
        (Some(ip), Some(host)) => format!("{}:", std::net::SocketAddr::new(ip, host)),
        (Some(ip), None) => format!("{ip}:any:"),
        (None, Some(host)) => format!("{host}:"),
        (None, None) => "any:".into(),
    };
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{host}{}/{protocol}", port.container)
}

fn task_gate(task: &Task<Unresolved>) -> String {
    match task.timeout {
        Some(timeout) => format!("exits 0 within {}", words::duration(timeout)),
        None => "exits 0".into(),
    }
}

fn service_gate(service: &Service<Unresolved>) -> String {
    let Some(health) = &service.health else {
        return "its image's HEALTHCHECK, else running for 10 s".into();
    };
    let Health {
        probe,
        interval,
        healthy_threshold,
        ..
    } = health;
    let often = match healthy_threshold {
        1 => "once".into(),
        times => format!("{times} times in a row"),
    };
    format!(
        "{}, {often}, every {}",
        asked(probe),
        words::duration(*interval)
    )
}

fn asked(probe: &Probe) -> String {
    match probe {
        Probe::Http(http) => answers("GET", http),
        Probe::Https(http) => answers("GET https", http),
        Probe::Tcp { port } => format!("port {port} accepts"),
        Probe::Command(command) => format!("`{}` exits 0", command.join(" ")),
    }
}

fn answers(
    how: &str,
    HttpProbe {
        port,
        path,
        matcher,
    }: &HttpProbe,
) -> String {
    let range = |&(from, to): &(u16, u16)| {
        if from == to {
            from.to_string()
        } else {
            format!("{from}-{to}")
        }
    };
    let statuses: Vec<String> = matcher.iter().map(range).collect();
    format!("{how} :{port}{path} answers {}", statuses.join(","))
}

fn signal(signal: &Signal<Unresolved>) -> Vec<String> {
    let group = signal.group.as_ref().map_or_else(
        || "the instance's own group".into(),
        |name| format!("group {name}"),
    );
    let hooks: Vec<String> = signal.launching.iter().map(ToString::to_string).collect();
    let hooks = match hooks.as_slice() {
        [] => "its only launch hook".into(),
        named => named.join(", "),
    };
    let stack = signal
        .cloudformation
        .as_ref()
        .map(|it| format!("stack {}, resource {}", it.stack, it.resource));
    [format!("{group}, {hooks}")]
        .into_iter()
        .chain(stack)
        .collect()
}
