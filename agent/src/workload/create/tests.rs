#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::{super::example, *};
use crate::workload::order;
use firstlight_userdata::spec::{
    Container, Device, Gpus, Logging, Port, Resolved, Volume, VolumeSource,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn created(change: impl FnOnce(&mut Container<Resolved>), given: Given<'_>) -> Value {
    let mut container = example::container();
    change(&mut container);
    let mut spec = example::spec();
    spec.services
        .insert("web".into(), example::service(container));
    let plan = order::plan(&spec);
    serde_json::to_value(body(plan.first().unwrap(), given)).unwrap()
}

fn given() -> Given<'static> {
    Given {
        image: "example@sha256:00",
        labels: vec![("io.firstlight.name".into(), "web".into())],
        files: vec![],
        network: Network::Bridge,
    }
}

#[test]
fn nothing_said_is_dockers_default() {
    assert_eq!(
        created(|_| {}, given()),
        json!({
            "Image": "example@sha256:00",
            "Labels": {"io.firstlight.name": "web"},
            "StopTimeout": 10,
            "HostConfig": {"NetworkMode": "firstlight", "RestartPolicy": {"Name": "no"}},
            "NetworkingConfig": {"EndpointsConfig": {"firstlight": {"Aliases": ["web"]}}},
        })
    );
}

#[test]
fn every_key_reaches_docker() {
    type Change = fn(&mut Container<Resolved>);
    let rows: &[(Change, &str, Value)] = &[
        (
            |c| c.entrypoint = Some(vec![Text::plain("/app")]),
            "/Entrypoint",
            json!(["/app"]),
        ),
        (
            |c| c.command = Some(vec![Text::plain("serve")]),
            "/Cmd",
            json!(["serve"]),
        ),
        // an empty list is said, for it takes the image's away
        (|c| c.entrypoint = Some(vec![]), "/Entrypoint", json!([])),
        (|c| c.user = Some("1000:5".into()), "/User", json!("1000:5")),
        (
            |c| c.environment = BTreeMap::from([("A".into(), Text::secret("b=c"))]),
            "/Env",
            json!(["A=b=c"]),
        ),
        (
            |c| c.working_dir = Some("/srv".into()),
            "/WorkingDir",
            json!("/srv"),
        ),
        (
            |c| c.hostname = Some(Text::plain("h")),
            "/Hostname",
            json!("h"),
        ),
        (
            |c| c.extra_hosts = vec![Text::plain("db:10.0.0.1")],
            "/HostConfig/ExtraHosts",
            json!(["db:10.0.0.1"]),
        ),
        (
            |c| {
                c.labels = BTreeMap::from([
                    ("mine".into(), Text::plain("1")),
                    ("io.firstlight.name".into(), Text::plain("taken over")),
                ]);
            },
            "/Labels",
            json!({"mine": "1", "io.firstlight.name": "web"}),
        ),
        (
            |c| {
                c.devices = vec![Device {
                    host: "/dev/fuse".into(),
                    container: "/dev/f".into(),
                    permissions: "rw".into(),
                }];
            },
            "/HostConfig/Devices",
            json!([{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/f", "CgroupPermissions": "rw"}]),
        ),
        (
            |c| c.gpus = Some(Gpus::All),
            "/HostConfig/DeviceRequests",
            json!([{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]),
        ),
        (
            |c| c.gpus = Some(Gpus::Count(2)),
            "/HostConfig/DeviceRequests/0/Count",
            json!(2),
        ),
        (
            |c| c.nano_cpus = Some(500_000_000),
            "/HostConfig/NanoCpus",
            json!(500_000_000),
        ),
        (
            |c| c.mem_limit = Some(1 << 29),
            "/HostConfig/Memory",
            json!(1 << 29),
        ),
        (
            |c| c.pids_limit = Some(100),
            "/HostConfig/PidsLimit",
            json!(100),
        ),
        (
            |c| c.shm_size = Some(1 << 20),
            "/HostConfig/ShmSize",
            json!(1 << 20),
        ),
        (
            |c| c.ulimits = BTreeMap::from([("nofile".into(), (1, 2))]),
            "/HostConfig/Ulimits",
            json!([{"Name": "nofile", "Soft": 1, "Hard": 2}]),
        ),
        (
            |c| c.sysctls = BTreeMap::from([("net.core.somaxconn".into(), "1024".into())]),
            "/HostConfig/Sysctls",
            json!({"net.core.somaxconn": "1024"}),
        ),
        (|c| c.init = Some(true), "/HostConfig/Init", json!(true)),
        (
            |c| c.cap_add = vec!["NET_ADMIN".into()],
            "/HostConfig/CapAdd",
            json!(["NET_ADMIN"]),
        ),
        (
            |c| c.cap_drop = vec!["ALL".into()],
            "/HostConfig/CapDrop",
            json!(["ALL"]),
        ),
        (
            |c| c.security_opt = vec!["no-new-privileges:true".into()],
            "/HostConfig/SecurityOpt",
            json!(["no-new-privileges:true"]),
        ),
        (
            |c| c.group_add = vec!["audio".into()],
            "/HostConfig/GroupAdd",
            json!(["audio"]),
        ),
        (
            |c| c.stop_signal = Some("SIGINT".into()),
            "/StopSignal",
            json!("SIGINT"),
        ),
        (
            |c| c.stop_grace_period = Duration::from_millis(1500),
            "/StopTimeout",
            json!(2),
        ),
        (
            |c| {
                c.logging = Some(Logging {
                    driver: "awslogs".into(),
                    options: BTreeMap::from([("awslogs-group".into(), Text::plain("web"))]),
                });
            },
            "/HostConfig/LogConfig",
            json!({"Type": "awslogs", "Config": {"awslogs-group": "web"}}),
        ),
        (
            |c| c.read_only = true,
            "/HostConfig/ReadonlyRootfs",
            json!(true),
        ),
        (
            |c| {
                c.tmpfs = vec![
                    ("/tmp".into(), "size=64m".into()),
                    ("/run".into(), String::new()),
                ]
            },
            "/HostConfig/Tmpfs",
            json!({"/tmp": "size=64m", "/run": ""}),
        ),
        (
            |c| c.ports = example_ports(),
            "/ExposedPorts",
            json!({"80/tcp": {}, "53/udp": {}}),
        ),
        (
            |c| c.ports = example_ports(),
            "/HostConfig/PortBindings",
            json!({
                "80/tcp": [{"HostPort": "8080"}, {"HostIp": "127.0.0.1", "HostPort": "8081"}],
                "53/udp": [{}],
            }),
        ),
        (
            |c| {
                c.volumes = vec![
                    volume(VolumeSource::Bind("/data".into()), true),
                    volume(VolumeSource::Named("cache".into()), false),
                ];
            },
            "/HostConfig/Mounts",
            json!([
                {"Type": "bind", "Source": "/data", "Target": "/x", "ReadOnly": true},
                {"Type": "volume", "Source": "cache", "Target": "/x", "ReadOnly": false},
            ]),
        ),
    ];
    for (change, pointer, want) in rows {
        let body = created(change, given());
        assert_eq!(body.pointer(pointer), Some(want), "{pointer} in {body}");
        assert_eq!(
            body.pointer("/HostConfig/RestartPolicy/Name"),
            Some(&json!("no"))
        );
    }
}

#[test]
fn what_the_spec_alone_does_not_say() {
    for (given, pointer, want) in [
        (
            Given {
                network: Network::Host,
                ..given()
            },
            "/HostConfig/NetworkMode",
            json!("host"),
        ),
        (
            Given {
                network: Network::None,
                ..given()
            },
            "/HostConfig/NetworkMode",
            json!("none"),
        ),
        (
            Given {
                network: Network::Of("0abc".into()),
                ..given()
            },
            "/HostConfig/NetworkMode",
            json!("container:0abc"),
        ),
        (
            Given {
                files: vec![("/run/f/1".into(), "/run/secrets/pw".into())],
                ..given()
            },
            "/HostConfig/Mounts",
            json!([{"Type": "bind", "Source": "/run/f/1", "Target": "/run/secrets/pw", "ReadOnly": true}]),
        ),
    ] {
        let on_bridge = given.network == Network::Bridge;
        let body = created(|_| {}, given);
        assert_eq!(body.pointer(pointer), Some(&want), "{pointer} in {body}");
        assert_eq!(body.get("NetworkingConfig").is_some(), on_bridge, "{body}");
    }
}

fn volume(source: VolumeSource, read_only: bool) -> Volume {
    Volume {
        source,
        target: "/x".into(),
        read_only,
    }
}

fn example_ports() -> Vec<Port> {
    let port = |host_ip: Option<&str>, host, container, protocol| Port {
        host_ip: host_ip.map(|address| address.parse().unwrap()),
        host,
        container,
        protocol,
    };
    vec![
        port(None, Some(8080), 80, Protocol::Tcp),
        port(Some("127.0.0.1"), Some(8081), 80, Protocol::Tcp),
        port(None, None, 53, Protocol::Udp),
    ]
}
