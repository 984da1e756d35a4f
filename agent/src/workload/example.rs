//! A spec for tests to change.

use crate::imds::Identity;
use firstlight_userdata::{
    spec::{
        Container, Drain, NetworkMode, Resolved, Restart, Service, Signal, Spec, Task,
        WhenServiceDies,
    },
    value::ImageRef,
};
use std::{collections::BTreeMap, time::Duration};

pub(crate) fn identity() -> Identity {
    Identity {
        instance_id: "i-1".into(),
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

pub(crate) fn service(container: Container<Resolved>) -> Service<Resolved> {
    Service {
        container,
        health: None,
        restart: Restart::Always,
    }
}

pub(crate) fn task(container: Container<Resolved>) -> Task<Resolved> {
    Task {
        container,
        timeout: None,
    }
}

pub(crate) fn container() -> Container<Resolved> {
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
