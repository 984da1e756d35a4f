//! Which services are to be kept, and how: what the launch made, or what is found by label.

use super::Kept;
use crate::{
    container::{Kind, Watched},
    context::Context,
    docker,
    imds::Identity,
    workload::{Launch, adopt},
};
use bollard::{Docker, query_parameters::ListContainersOptionsBuilder};
use firstlight_userdata::{
    sources::Sources,
    spec::{NetworkMode, Restart, Spec, Unresolved},
};
use std::{collections::HashMap, sync::Arc};
use tokio::time::sleep;

/// A service that is kept.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) container: Arc<Watched>,
    /// What it prints may be shown.
    pub(super) heard: bool,
    pub(super) restart: Restart,
    /// The service whose network it shares.
    pub(super) host: Option<String>,
}

/// The services to keep. Waits for the engine where they have to be looked for.
pub(super) async fn services(cx: &Context, me: &Identity, kept: &Kept) -> Vec<Service> {
    let spec = kept
        .document
        .as_deref()
        .and_then(|document| read(cx, document));
    let service = |name: &str, container: Arc<Watched>, heard: bool| {
        let written = spec.as_ref().and_then(|spec| spec.services.get(name));
        Service {
            name: name.to_owned(),
            container,
            heard,
            restart: written.map_or(Restart::Always, |service| service.restart),
            host: written.and_then(|service| match &service.container.network_mode {
                NetworkMode::Service(host) => Some(host.clone()),
                NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => None,
            }),
        }
    };
    match (&kept.workload, &kept.launch) {
        (Some(workload), _) => workload
            .services
            .iter()
            .map(|running| service(&running.name, Arc::clone(&running.container), true))
            .collect(),
        (None, Some(launch)) => by_label(cx, me, launch)
            .await
            .into_iter()
            .map(|(name, container)| service(&name, container, false))
            .collect(),
        (None, None) => vec![],
    }
}

fn read(cx: &Context, document: &str) -> Option<Spec<Unresolved>> {
    let spec = Sources::recorded(document);
    let unread = |error| {
        let words = format!("every service is restarted, for the recorded spec is none: {error}");
        cx.report.warn("recorded_spec_unreadable", &words);
    };
    spec.map_err(unread).ok()
}

/// The services of a launch by name, whether they run or not.
async fn by_label(cx: &Context, me: &Identity, launch: &Launch) -> Vec<(String, Arc<Watched>)> {
    let mut told = false;
    loop {
        match list(cx, me, launch).await {
            Ok(found) => return found,
            Err(error) if !told => {
                told = true;
                let words = format!("services are looked for until it answers: {error}");
                cx.report.warn("engine_away", &words);
            }
            Err(_) => {}
        }
        sleep(super::service::between_looks(cx)).await;
    }
}

async fn list(
    cx: &Context,
    me: &Identity,
    launch: &Launch,
) -> Result<Vec<(String, Arc<Watched>)>, String> {
    let docker = docker::engine_now(cx).await;
    let docker = docker.map_err(|error| error.to_string())?;
    let labels = adopt::of_services(&me.instance_id, launch);
    let filters = HashMap::from([("label", labels)]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let found = docker::ask(cx, docker.list_containers(Some(options))).await;
    let found = found.map_err(|error| error.to_string())?;
    let service = |found: bollard::models::ContainerSummary| {
        let name = adopt::name(&found.labels?)?;
        let container = watched(docker.clone(), &name, found.id?);
        Some((name, container))
    };
    Ok(found.into_iter().filter_map(service).collect())
}

fn watched(docker: Docker, name: &str, id: String) -> Arc<Watched> {
    let nothing_known = Arc::default();
    let watched = Watched::new(
        docker,
        (name, id),
        Kind::Service,
        nothing_known,
        None,
        false,
    );
    Arc::new(watched)
}
