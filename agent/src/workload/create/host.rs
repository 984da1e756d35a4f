//! The part of the body that is about the host: limits, mounts, ports, rights.

use super::{Given, Network, port_key, some};
use crate::workload::{network, order::Part};
use bollard::models::{
    DeviceMapping, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding,
    PortMap, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use firstlight_userdata::spec::{Container, Gpus, Port, Resolved, VolumeSource};
use std::collections::HashMap;

pub(super) fn config(part: &Part<'_>, given: &Given<'_>) -> HostConfig {
    let container = part.container;
    HostConfig {
        // The engine would start it at boot, before its secrets exist. The agent restarts it.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        network_mode: Some(match &given.network {
            Network::Bridge => network::NAME.to_owned(),
            Network::Host => "host".to_owned(),
            Network::None => "none".to_owned(),
            Network::Of(id) => format!("container:{id}"),
        }),
        mounts: some(mounts(container, given)),
        tmpfs: map(container
            .tmpfs
            .iter()
            .map(|(path, options)| (path, options))),
        port_bindings: ports(&container.ports),
        readonly_rootfs: container.read_only.then_some(true),
        extra_hosts: some(
            container
                .extra_hosts
                .iter()
                .map(|text| text.expose().to_owned()),
        ),
        devices: some(container.devices.iter().map(|device| DeviceMapping {
            path_on_host: Some(device.host.clone()),
            path_in_container: Some(device.container.clone()),
            cgroup_permissions: Some(device.permissions.clone()),
        })),
        device_requests: container.gpus.map(|gpus| vec![request(gpus)]),
        nano_cpus: container.nano_cpus,
        memory: container.mem_limit,
        pids_limit: container.pids_limit,
        shm_size: container.shm_size,
        ulimits: some(
            container
                .ulimits
                .iter()
                .map(|(name, (soft, hard))| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(*soft),
                    hard: Some(*hard),
                }),
        ),
        sysctls: map(container.sysctls.iter()),
        init: container.init,
        cap_add: some(container.cap_add.iter().cloned()),
        cap_drop: some(container.cap_drop.iter().cloned()),
        security_opt: some(container.security_opt.iter().cloned()),
        group_add: some(container.group_add.iter().cloned()),
        log_config: container
            .logging
            .as_ref()
            .map(|logging| HostConfigLogConfig {
                typ: Some(logging.driver.clone()),
                config: Some(
                    logging
                        .options
                        .iter()
                        .map(|(key, text)| (key.clone(), text.expose().to_owned()))
                        .collect(),
                ),
            }),
        ..HostConfig::default()
    }
}

/// Never `Binds`: a source that is missing would become a directory.
fn mounts(container: &Container<Resolved>, given: &Given<'_>) -> impl Iterator<Item = Mount> {
    let volumes = container.volumes.iter().map(|volume| {
        let (typ, source) = match &volume.source {
            VolumeSource::Bind(path) => (MountType::BIND, path),
            VolumeSource::Named(name) => (MountType::VOLUME, name),
        };
        mount(typ, source.clone(), &volume.target, volume.read_only)
    });
    let files = given
        .files
        .iter()
        .map(|(source, target)| mount(MountType::BIND, source.display().to_string(), target, true));
    volumes.chain(files)
}

fn mount(typ: MountType, source: String, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

fn ports(ports: &[Port]) -> Option<PortMap> {
    let mut bindings = PortMap::new();
    for port in ports {
        let key = port_key(port.container, port.protocol);
        let binding = PortBinding {
            host_ip: port.host_ip.map(|address| address.to_string()),
            host_port: port.host.map(|number| number.to_string()),
        };
        bindings
            .entry(key)
            .or_default()
            .get_or_insert_default()
            .push(binding);
    }
    (!bindings.is_empty()).then_some(bindings)
}

/// As `docker run --gpus` asks; -1 is every GPU.
fn request(gpus: Gpus) -> DeviceRequest {
    DeviceRequest {
        driver: Some(String::new()),
        count: Some(match gpus {
            Gpus::All => -1,
            Gpus::Count(count) => count,
        }),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    }
}

fn map<'a>(
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
) -> Option<HashMap<String, String>> {
    let pairs: HashMap<String, String> = pairs.map(|(k, v)| (k.clone(), v.clone())).collect();
    (!pairs.is_empty()).then_some(pairs)
}
