//! This instance's containers: how each stands, and what it printed last.
//!
//! How one stands is told from a list of what may be told, in the engine's own names. What is not on it
//! stays out: the environment above all, and arguments, which the image may have brought.

use crate::{
    container,
    context::Context,
    docker::{self, CallError},
    report::{Hidden, status::LastLines, words},
    workload,
};
use bollard::{
    Docker,
    models::{ContainerInspectResponse, ContainerState, ContainerSummary},
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder},
};
use firstlight_userdata::redact::Redactor;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};

/// The most containers that are looked at.
const MOST: usize = 50;
/// The most lines of each.
const LINES: usize = 200;
/// Of those, the most that the status keeps, and of how many containers; and the longest, in bytes.
const STATUS: (usize, usize, usize) = (20, 5, 400);
/// How long an engine is waited for that does not answer: it may be what failed.
const ENGINE: Duration = Duration::from_secs(2);

/// Why what it printed is not there.
const OTHERS: &str =
    "it was given other values than are known now, and secrets in it would not be found";
/// What stands where foreign text would.
const UNKNOWN: &str = "(left out: it may hold a secret)";

/// What the engine told.
#[derive(Debug)]
pub(super) struct Engine {
    /// Its versions.
    pub(super) version: Value,
    /// The containers.
    pub(super) containers: Vec<Seen>,
}

/// A container.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    /// How it stands.
    pub(super) inspect: Result<Value, String>,
    /// What it printed last, secrets replaced. In words, why it is not to be had.
    pub(super) lines: Result<Vec<String>, String>,
    /// It did its work.
    finished: bool,
}

/// Looks at every container of `instance`, or of any; nothing of what one said whose secrets are not all
/// among these.
///
/// # Errors
/// In words: the engine does not answer.
pub(super) async fn look(
    cx: &Context,
    instance: Option<&str>,
    secrets: &Hidden,
) -> Result<Engine, String> {
    let soon = cx.by(cx.deadline.at_most(ENGINE));
    let docker = docker::engine(&soon).await;
    let docker = docker.map_err(|error| error.to_string())?;
    let version = docker::ask(cx, docker.version()).await;
    let version = version.map_err(|error| error.message)?;
    let label = match instance {
        Some(instance) => format!("{}={instance}", workload::INSTANCE),
        None => workload::INSTANCE.to_owned(),
    };
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let found = docker::ask(cx, docker.list_containers(Some(options))).await;
    let found = found.map_err(|error| error.message)?;
    let known = |found: &ContainerSummary| {
        let digest = found.labels.as_ref().and_then(workload::digest);
        secrets.of(digest)
    };
    let found = found.into_iter().take(MOST);
    let seen = found.filter_map(|found| Some((known(&found), found.id?)));
    let seen = seen.map(|(secrets, id)| one(cx, &docker, id, secrets));
    Ok(Engine {
        version: json!({
            "Version": version.version,
            "ApiVersion": version.api_version,
            "Os": version.os,
            "KernelVersion": version.kernel_version,
        }),
        containers: join_all(seen).await,
    })
}

async fn one(cx: &Context, docker: &Docker, id: String, secrets: Option<&Redactor>) -> Seen {
    let options = None::<InspectContainerOptions>;
    let found = docker::ask(cx, docker.inspect_container(&id, options)).await;
    let foreign = |error: CallError| match secrets {
        Some(secrets) => secrets.redact(&error.message),
        None => UNKNOWN.to_owned(),
    };
    let lines = match secrets {
        None => Err(OTHERS.to_owned()),
        Some(secrets) => {
            let recorded = container::recorded(docker, &id, LINES, secrets);
            docker::ask(cx, recorded).await.map_err(foreign)
        }
    };
    let name = found.as_ref().ok().and_then(|found| found.name.clone());
    let name = name.map_or(id, |name| name.trim_start_matches('/').to_owned());
    let state = found.as_ref().ok().and_then(|found| found.state.as_ref());
    let finished = |state: &ContainerState| {
        state.running == Some(false) && state.exit_code == Some(0) && state.started_at.is_some()
    };
    Seen {
        name,
        finished: state.is_some_and(finished),
        inspect: found.map(|found| told(&found, secrets)).map_err(foreign),
        lines,
    }
}

/// What may be told of how it stands.
fn told(found: &ContainerInspectResponse, secrets: Option<&Redactor>) -> Value {
    let foreign = |text: &String| match secrets {
        Some(secrets) => secrets.redact(text),
        None if text.is_empty() => String::new(),
        None => UNKNOWN.to_owned(),
    };
    let state = found.state.clone().unwrap_or_default();
    let config = found.config.clone().unwrap_or_default();
    let host = found.host_config.clone().unwrap_or_default();
    let network = found.network_settings.clone().unwrap_or_default();
    let addresses = network.networks.unwrap_or_default().into_iter();
    let addresses: HashMap<String, Option<String>> =
        addresses.map(|(name, at)| (name, at.ip_address)).collect();
    let mounts = found.mounts.iter().flatten().map(|mount| {
        let typ = mount.typ.as_ref().map(ToString::to_string);
        json!({"Type": typ, "Source": mount.source, "Destination": mount.destination, "RW": mount.rw})
    });
    let health = state.health.unwrap_or_default();
    let probes = health.log.iter().flatten().map(
        |probe| json!({"ExitCode": probe.exit_code, "Output": probe.output.as_ref().map(foreign)}),
    );
    json!({
        "Id": found.id,
        "Name": found.name,
        "Image": found.image,
        "RestartCount": found.restart_count,
        "State": {
            "Status": state.status.map(|status| status.to_string()),
            "ExitCode": state.exit_code,
            "OOMKilled": state.oom_killed,
            "Error": state.error.as_ref().map(foreign),
            "StartedAt": state.started_at,
            "FinishedAt": state.finished_at,
            "Health": {
                "Status": health.status.map(|status| status.to_string()),
                "FailingStreak": health.failing_streak,
                "Log": probes.collect::<Vec<Value>>(),
            },
        },
        "Config": {
            "Image": config.image,
            "User": config.user,
            "WorkingDir": config.working_dir,
            "StopSignal": config.stop_signal,
            "Labels": config.labels.map(|labels| labels.into_iter().filter(|(name, _)| {
                name.starts_with("io.firstlight.")
            }).collect::<HashMap<_, _>>()),
        },
        "HostConfig": {
            "NetworkMode": host.network_mode,
            "Memory": host.memory,
            "NanoCpus": host.nano_cpus,
            "PidsLimit": host.pids_limit,
            "LogDriver": host.log_config.and_then(|log| log.typ),
        },
        "Mounts": mounts.collect::<Vec<Value>>(),
        "Networks": addresses,
    })
}

/// The last lines of those that people want to read: first of those that the error names, and none of
/// those that did their work.
pub(super) fn last_lines(containers: &[Seen], error: &str) -> Vec<LastLines> {
    let (most, of, longest) = STATUS;
    let mut wanted: Vec<&Seen> = containers.iter().filter(|seen| !seen.finished).collect();
    wanted.sort_by_key(|seen| (!error.contains(&seen.name), seen.name.clone()));
    let last = |seen: &&Seen| {
        let lines = seen.lines.as_ref().ok()?;
        let skip = lines.len().saturating_sub(most);
        let cut = |line: &String| words::cut(line, longest).into_owned();
        Some(LastLines {
            container: seen.name.clone(),
            lines: lines.iter().skip(skip).map(cut).collect(),
        })
    };
    wanted.iter().filter_map(last).take(of).collect()
}
