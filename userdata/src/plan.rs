//! What a spec would do: what `firstlight check` prints for a good one, as text or JSON.

mod size;

use crate::{
    spec::{Container, Health, HttpProbe, NetworkMode, Probe, PullPolicy, Spec, Unresolved},
    value::{ImageRef, duration, port},
};
use serde::Serialize;
use size::size;
use std::{collections::BTreeSet, fmt};

pub use size::{Size, USER_DATA_LIMIT};

/// What a spec would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How long everything may take.
    pub timeout: String,
    /// What runs, and when it is pulled.
    pub images: Vec<ImagePlan>,
    /// What is fetched.
    pub references: Vec<String>,
    /// Waves: what starts together once the wave before is done.
    pub order: Vec<Vec<String>>,
    /// What is published.
    pub ports: Vec<PortPlan>,
    /// What must happen for each service and task before the launch counts as healthy.
    pub gates: Vec<Gate>,
    /// How large the files are that it came from.
    pub sizes: Vec<Size>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// Service or task.
    pub name: String,
    /// The image, with its references.
    pub image: String,
    /// `always`, `missing` or `never`.
    pub pull: &'static str,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortPlan {
    /// The service.
    pub name: String,
    /// As it would be written: `8080:80`.
    pub port: String,
}

/// What must happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Service or task.
    pub name: String,
    /// In words.
    pub gate: String,
}

impl Plan {
    /// What `spec` would do; `files` are what it was read from, with their names.
    pub fn of(spec: &Spec<Unresolved>, files: &[(&str, &[u8])]) -> Plan {
        let containers = || {
            spec.names()
                .filter_map(|name| Some((name, spec.container(name)?)))
        };
        Plan {
            timeout: duration::show(spec.timeout),
            images: containers()
                .map(|(name, container)| image(name, container))
                .collect(),
            references: spec
                .targets()
                .iter()
                .map(ToString::to_string)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            order: spec
                .waves()
                .into_iter()
                .map(|wave| wave.into_iter().map(str::to_owned).collect())
                .collect(),
            ports: containers()
                .flat_map(|(name, container)| ports(name, container))
                .collect(),
            gates: gates(spec),
            sizes: files
                .iter()
                .map(|(name, bytes)| size(name, bytes))
                .collect(),
        }
    }
}

fn image(name: &str, container: &Container<Unresolved>) -> ImagePlan {
    let text = container.image.to_string();
    let pinned =
        ImageRef::parse(&text).is_ok_and(|image| image.digest().is_some()) || text.contains('@');
    let pull = match container.pull_policy {
        Some(PullPolicy::Always) => "always",
        Some(PullPolicy::Missing) => "missing",
        Some(PullPolicy::Never) => "never",
        None if pinned => "missing",
        None => "always",
    };
    ImagePlan {
        name: name.to_owned(),
        image: text,
        pull,
    }
}

fn ports(name: &str, container: &Container<Unresolved>) -> Vec<PortPlan> {
    let plan = |port| PortPlan {
        name: name.to_owned(),
        port: port::show(port),
    };
    container.ports.iter().map(plan).collect()
}

fn gates(spec: &Spec<Unresolved>) -> Vec<Gate> {
    let services = spec.services.iter().map(|(name, service)| Gate {
        name: name.clone(),
        gate: match &service.health {
            Some(health) => probe(health, &service.container.network_mode),
            None => "the image's HEALTHCHECK, else running for 10s".to_owned(),
        },
    });
    let tasks = spec.tasks.iter().map(|(name, task)| Gate {
        name: name.clone(),
        gate: match task.timeout {
            Some(timeout) => format!("exit 0 within {}", duration::show(timeout)),
            None => "exit 0".to_owned(),
        },
    });
    services.chain(tasks).collect()
}

fn probe(health: &Health, network: &NetworkMode) -> String {
    let host = if *network == NetworkMode::Host {
        "127.0.0.1"
    } else {
        ""
    };
    let get = |how: &str, probe: &HttpProbe| {
        let ranges = probe.matcher.iter().map(|(low, high)| {
            if low == high {
                low.to_string()
            } else {
                format!("{low}-{high}")
            }
        });
        format!(
            "GET {host}:{}{}{how} answers {}",
            probe.port,
            probe.path,
            ranges.collect::<Vec<_>>().join(",")
        )
    };
    let asked = match &health.probe {
        Probe::Http(probe) => get("", probe),
        Probe::Https(probe) => get(" over TLS", probe),
        Probe::Tcp { port } => format!("{host}:{port} accepts a connection"),
        Probe::Command(words) => format!("`{}` exits 0", words.join(" ")),
    };
    let times = health.healthy_threshold;
    format!(
        "{asked}, {times} in a row, asked every {}, {} each",
        duration::show(health.interval),
        duration::show(health.timeout)
    )
}

/// For people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "timeout     {}", self.timeout)?;
        section(
            f,
            "images",
            self.images
                .iter()
                .map(|image| format!("{}: {} (pull: {})", image.name, image.image, image.pull)),
        )?;
        section(f, "references", self.references.iter().cloned())?;
        section(
            f,
            "order",
            self.order
                .iter()
                .enumerate()
                .map(|(nth, wave)| format!("{}. {}", nth + 1, wave.join(", "))),
        )?;
        section(
            f,
            "ports",
            self.ports
                .iter()
                .map(|port| format!("{}: {}", port.name, port.port)),
        )?;
        section(
            f,
            "gates",
            self.gates
                .iter()
                .map(|gate| format!("{}: {}", gate.name, gate.gate)),
        )?;
        section(f, "size", self.sizes.iter().map(ToString::to_string))
    }
}

fn section(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    lines: impl Iterator<Item = String>,
) -> fmt::Result {
    let mut title = title;
    for line in lines {
        writeln!(f, "{title:<12}{line}")?;
        title = "";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::sources::Sources;

    fn plan(file: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(file);
        let bytes = std::fs::read(path).unwrap();
        let mut sources = Sources::default();
        sources.user_data(file, &bytes);
        let mut plan = Plan::of(&sources.compose().unwrap(), &[]);
        plan.sizes = vec![size("small", b"firstlight: 1\n")];
        plan.to_string()
    }

    #[test]
    fn shows_what_it_would_do() {
        insta::assert_snapshot!(plan("web-postgres.yaml"), @r#"
        timeout     20m
        images      db: postgres:16 (pull: always)
                    web: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:{{ssm:/web/prod/version:42}} (pull: always)
                    migrate: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:{{ssm:/web/prod/version:42}} (pull: always)
        references  ssm:/web/prod/db/password
                    ssm:/web/prod/version:42
        order       1. db
                    2. migrate
                    3. web
        ports       web: 80:3000
        gates       db: `pg_isready -h 127.0.0.1 -U postgres` exits 0, 2 in a row, asked every 2s, 2s each
                    web: GET :3000/healthcheck/ answers 200, 2 in a row, asked every 2s, 2s each
                    migrate: exit 0 within 10m
        size        small: 14 of 16384 bytes, 34 with gzip
        "#);
    }
}
