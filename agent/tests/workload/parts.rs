//! What a launch of a test is made of.

use firstlight::imds::Identity;
use firstlight_userdata::{redact::Redactor, resolve::Text, spec::*, value::ImageRef};
use std::{collections::BTreeMap, time::Duration};

pub(crate) fn shell(script: &str) -> Container<Resolved> {
    Container {
        command: Some(["/bin/sh", "-c", script].map(Text::plain).to_vec()),
        stop_grace_period: Duration::from_secs(1),
        ..container()
    }
}

pub(crate) fn health(probe: Probe) -> Health {
    Health {
        probe,
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(2),
        healthy_threshold: 2,
    }
}

pub(crate) fn http(port: u16, path: &str) -> Probe {
    Probe::Http(HttpProbe {
        port,
        path: path.to_owned(),
        matcher: vec![(200, 200)],
    })
}

pub(crate) fn command(script: &str) -> Probe {
    Probe::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

pub(crate) fn file(content: &str, mode: u32) -> File<Resolved> {
    File {
        content: Text::secret(content),
        encoding: Encoding::Text,
        mode,
        uid: 0,
        gid: 0,
    }
}

pub(crate) fn bind(source: &str) -> Volume {
    Volume {
        source: VolumeSource::Bind(source.to_owned()),
        target: "/data".to_owned(),
        read_only: false,
    }
}

/// Knows the secrets that tests give out.
pub(crate) fn redactor() -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add("ssm:/password", "hunter2");
    redactor
}

pub(crate) fn identity(instance_id: String) -> Identity {
    Identity {
        instance_id,
        image_id: "ami-1".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        availability_zone: "eu-west-1a".into(),
        instance_type: "c7g.large".into(),
        architecture: "x86_64".into(),
    }
}

pub(crate) fn spec() -> Spec<Resolved> {
    Spec {
        timeout: Duration::from_secs(900),
        registries: BTreeMap::new(),
        services: BTreeMap::new(),
        tasks: BTreeMap::new(),
        signal: Signal {
            group: None,
            launching: vec![],
            terminating: vec![],
            cloudformation: None,
        },
        drain: Drain {
            on: vec![],
            delay: Duration::ZERO,
        },
        diagnostics: None,
        when_service_dies: WhenServiceDies::Report,
        document: String::new(),
    }
}

fn container() -> Container<Resolved> {
    Container {
        image: ImageRef::parse("example").unwrap(),
        pull_policy: None,
        entrypoint: None,
        command: None,
        user: None,
        environment_from: (),
        environment: BTreeMap::new(),
        files: BTreeMap::new(),
        depends_on: vec![],
        ports: vec![],
        volumes: vec![],
        tmpfs: vec![],
        read_only: false,
        working_dir: None,
        hostname: None,
        extra_hosts: vec![],
        labels: BTreeMap::new(),
        devices: vec![],
        gpus: None,
        nano_cpus: None,
        mem_limit: None,
        pids_limit: None,
        shm_size: None,
        ulimits: BTreeMap::new(),
        sysctls: BTreeMap::new(),
        network_mode: NetworkMode::Bridge,
        init: None,
        cap_add: vec![],
        cap_drop: vec![],
        security_opt: vec![],
        group_add: vec![],
        stop_signal: None,
        stop_grace_period: Duration::from_secs(10),
        logging: None,
    }
}
