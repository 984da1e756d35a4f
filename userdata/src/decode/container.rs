//! The keys of a container, and what hangs below them.

use super::{
    Problems, Shape,
    collection::{
        Anything, FilePath, Label, List, Map, MapOrList, Merged, OneOrList, Pairs, Ulimit,
        Variable, Words,
    },
    compose,
    keys::{Keys, Record},
    scalar::{
        Capability, Cpus, Delay, Flag, GpuCount, IN_QUOTES, Id, Limit, Mapped, Memory, Mode,
        Mounted, Name, Network, OneOf, Path, Pids, Plain, Published, SignalName, Size, Tmpfs, Word,
    },
    text::{Host, Image, Open, Secret, VariableValue},
};
use crate::{
    node::{Kind, Node},
    reference::{self, Piece, Template},
    spec::{
        Container, Encoding, EnvironmentFrom, File, Logging, NetworkMode, PullPolicy, Unresolved,
    },
    value::{Complaint, name},
};
use serde_json::{Value as Json, json};

/// Takes the keys that services and tasks share. `ports` is the service's alone.
pub(super) fn container(keys: &mut Keys<'_, '_>) -> Option<Container<Unresolved>> {
    let image = keys.required::<Image>(
        "image",
        "what to run, as in `postgres:16` or `registry/name@sha256:…`",
    );
    let container = Container {
        pull_policy: keys.take::<OneOf<PullPolicy>>("pull_policy", "when to pull; by default `always` for a tag, `missing` for a digest"),
        entrypoint: keys.take::<Words<Open>>("entrypoint", "replaces the image's ENTRYPOINT; a list"),
        command: keys.take::<Words<Open>>("command", "replaces the image's CMD; a list"),
        user: keys.take::<Word>("user", "who runs it: `uid`, `uid:gid`, `name` or `name:group`"),
        environment_from: keys.take::<List<Set>>("environment_from", "whole sets of variables: every parameter under a path, every member of a JSON secret").unwrap_or_default(),
        environment: keys.take::<Pairs<Map<Variable, VariableValue>>>("environment", "variables; they beat `environment_from`").unwrap_or_default(),
        files: keys.take::<Merged<Map<FilePath, FileRecord>>>("files", "files on tmpfs, mounted read-only, by their path in the container").unwrap_or_default(),
        depends_on: keys.take::<DependsOn>("depends_on", "services to be healthy and tasks to have exited 0 before this starts").unwrap_or_default(),
        ports: Vec::new(),
        volumes: keys.take::<List<Mounted>>("volumes", "binds and named volumes: \"SOURCE:TARGET\" or \"SOURCE:TARGET:ro\"").unwrap_or_default(),
        tmpfs: keys.take::<OneOrList<Tmpfs>>("tmpfs", "tmpfs mounts: a path, and options after a colon").unwrap_or_default(),
        read_only: keys.or::<Flag>("read_only", "false", "mounts the root file system read-only").unwrap_or_default(),
        working_dir: keys.take::<Path>("working_dir", "the working directory"),
        hostname: keys.take::<Host>("hostname", "the host name"),
        extra_hosts: keys.take::<ExtraHosts>("extra_hosts", "lines for /etc/hosts: `NAME:ADDRESS` in a list, or a map").unwrap_or_default(),
        labels: keys.take::<Pairs<Map<Label, Open>>>("labels", "labels of the container").unwrap_or_default(),
        devices: keys.take::<List<Mapped>>("devices", "devices: \"/dev/fuse\" or \"HOST:CONTAINER:rwm\"").unwrap_or_default(),
        gpus: keys.take::<GpuCount>("gpus", "`all`, or how many"),
        nano_cpus: keys.take::<Cpus>("cpus", "how many CPUs it may use, as in `0.5`"),
        mem_limit: keys.take::<Memory>("mem_limit", "how much memory it may use, as in `512m`"),
        pids_limit: keys.take::<Pids>("pids_limit", "how many processes it may have; -1 for any number"),
        shm_size: keys.take::<Size>("shm_size", "size of /dev/shm, as in `64m`"),
        ulimits: keys.take::<Map<Anything, Ulimit>>("ulimits", "limits by name: a number, or `{soft: …, hard: …}`").unwrap_or_default(),
        sysctls: keys.take::<MapOrList<Map<Anything, Plain>>>("sysctls", "kernel parameters of its namespaces").unwrap_or_default(),
        network_mode: keys.or::<Network>("network_mode", "bridge", "`host`, `none` or `service:NAME`; otherwise the network `firstlight`").unwrap_or(NetworkMode::Bridge),
        init: keys.take::<Flag>("init", "runs an init as PID 1"),
        cap_add: keys.take::<List<Capability>>("cap_add", "capabilities to add").unwrap_or_default(),
        cap_drop: keys.take::<List<Capability>>("cap_drop", "capabilities to drop").unwrap_or_default(),
        security_opt: keys.take::<List<Word>>("security_opt", "security options, as Docker takes them: `no-new-privileges:true`").unwrap_or_default(),
        group_add: keys.take::<List<Word>>("group_add", "additional groups").unwrap_or_default(),
        stop_signal: keys.take::<SignalName>("stop_signal", "the signal that stops it; by default the image's"),
        stop_grace_period: keys.or::<Delay>("stop_grace_period", "10s", "how long after the signal it is killed")?,
        logging: keys.take::<LoggingRecord>("logging", "the log driver"),
        // Decoding has failed without an image; what else is wrong is still worth knowing.
        image: image.unwrap_or_else(|| Template::literal("", keys.span())),
    };
    Some(container)
}

/// Published ports, which only a service has.
pub(super) fn ports(keys: &mut Keys<'_, '_>) -> Vec<crate::spec::Port> {
    keys.take::<List<Published>>("ports", "published ports: \"HOST:CONTAINER\"")
        .unwrap_or_default()
}

/// A set of variables: its source alone, or with how to name them.
struct Set;
impl Shape for Set {
    type Value = EnvironmentFrom;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<EnvironmentFrom> {
        if !matches!(node.kind, Kind::Scalar { .. }) {
            return SetRecord::decode(node, cx).map(|set| EnvironmentFrom {
                span: node.span.clone(),
                ..set
            });
        }
        let from = SetSource::decode(node, cx)?;
        Some(EnvironmentFrom {
            from,
            prefix: String::new(),
            upper: false,
            span: node.span.clone(),
        })
    }
    fn schema() -> Json {
        json!({ "anyOf": [SetSource::schema(), SetRecord::schema()] })
    }
}

struct SetRecord;
impl Record for SetRecord {
    type Value = EnvironmentFrom;
    fn read(keys: &mut Keys<'_, '_>) -> Option<EnvironmentFrom> {
        let from = keys.required::<SetSource>(
            "from",
            "`ssm:/path/`, or `secretsmanager:id` of a JSON secret",
        );
        let prefix = keys
            .take::<Plain>("prefix", "put before each name")
            .unwrap_or_default();
        let upper = keys
            .or::<Flag>("upper", "false", "names in upper case")
            .unwrap_or_default();
        Some(EnvironmentFrom {
            from: from?,
            prefix,
            upper,
            span: keys.span(),
        })
    }
}

struct SetSource;
impl Shape for SetSource {
    type Value = reference::Target;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<reference::Target> {
        let Kind::Scalar { text, .. } = &node.kind else {
            cx.wrong_kind(node, "text, as in `ssm:/web/env/`", IN_QUOTES);
            return None;
        };
        cx.check(&node.span, reference::environment_from(text))
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(ssm|secretsmanager):" })
    }
}

struct FileRecord;
impl Record for FileRecord {
    type Value = File<Unresolved>;
    fn read(keys: &mut Keys<'_, '_>) -> Option<File<Unresolved>> {
        let content = keys.required::<Secret>("content", "what is in it");
        let encoding = keys.or::<OneOf<Encoding>>("encoding", "text", "how `content` is written");
        let mode = keys.or::<Mode>("mode", "0444", "permission bits, as octal text");
        let uid = keys.or::<Id>("uid", "0", "its owner's number");
        let gid = keys.or::<Id>("gid", "0", "its group's number");
        let file: File<Unresolved> = File {
            content: content?,
            encoding: encoding?,
            mode: mode?,
            uid: uid?,
            gid: gid?,
        };
        if file
            .content
            .as_literal()
            .is_some_and(|text| file.encoding.decode(text).is_err())
        {
            let complaint = Complaint::new("the content is not base64, as `encoding` says it is");
            keys.complain(complaint.hint("encode it, or leave `encoding` out"));
        }
        Some(file)
    }
    fn advice(key: &str) -> Option<&'static str> {
        match key {
            "source" | "src" | "file" => Some(
                "the file's text goes into `content`; a file on the instance is mounted with `volumes`",
            ),
            "owner" | "user" => Some("write the number into `uid`"),
            "group" => Some("write the number into `gid`"),
            _ => None,
        }
    }
}

struct LoggingRecord;
impl Record for LoggingRecord {
    type Value = Logging<Unresolved>;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Logging<Unresolved>> {
        let driver = keys.required::<Word>("driver", "its name, as in `journald` or `awslogs`");
        let options = keys
            .take::<Map<Anything, Open>>("options", "its options")
            .unwrap_or_default();
        Some(Logging {
            driver: driver?,
            options,
        })
    }
}

/// `{soft: …, hard: …}` of a ulimit.
pub(super) struct SoftAndHard;
impl Record for SoftAndHard {
    type Value = (i64, i64);
    fn read(keys: &mut Keys<'_, '_>) -> Option<(i64, i64)> {
        let soft = keys.required::<Limit>("soft", "the limit; -1 for none");
        let hard = keys.required::<Limit>("hard", "how far it may be raised; -1 for any");
        Some((soft?, hard?))
    }
}

/// Names of services and tasks.
struct DependsOn;
impl Shape for DependsOn {
    type Value = Vec<String>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Vec<String>> {
        let Kind::Map(entries) = &node.kind else {
            return List::<Name>::decode(node, cx);
        };
        let names: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
        let why = "a service is always waited for until it is healthy, a task until it exited 0";
        cx.wrong_kind(
            node,
            "a list",
            format!("write it as [{}]; {why}", names.join(", ")),
        );
        None
    }
    fn schema() -> Json {
        List::<Name>::schema()
    }
}

/// `NAME:ADDRESS` in a list, or a map.
struct ExtraHosts;
impl Shape for ExtraHosts {
    type Value = Vec<Template>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Vec<Template>> {
        match &node.kind {
            Kind::Map(entries) => {
                let line = |(key, value): &(crate::node::Key, Node)| {
                    let mut line = Open::decode(value, cx)?;
                    match line.pieces.first_mut() {
                        Some(Piece::Literal(text)) => *text = format!("{}:{text}", key.text),
                        Some(Piece::Reference(_)) | None => line
                            .pieces
                            .insert(0, Piece::Literal(format!("{}:", key.text))),
                    }
                    Some(line)
                };
                let lines: Vec<Template> = entries.iter().filter_map(line).collect();
                lines.iter().for_each(|line| check_host(line, cx));
                Some(lines)
            }
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) => {
                let lines = List::<Open>::decode(node, cx)?;
                lines.iter().for_each(|line| check_host(line, cx));
                Some(lines)
            }
        }
    }
    fn schema() -> Json {
        json!({ "anyOf": [List::<Open>::schema(), { "type": "object", "additionalProperties": Open::schema() }] })
    }
}

fn check_host(line: &Template, cx: &mut Problems<'_>) {
    let Some(text) = line.as_literal() else {
        return;
    };
    let address = |address: &str| {
        address == "host-gateway"
            || address
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok()
    };
    let valid = text
        .split_once(':')
        .is_some_and(|(host, rest)| name::host(host).is_ok() && address(rest));
    if !valid {
        let complaint = Complaint::new(format!("`{text}` is no line for /etc/hosts"));
        cx.complain(
            &line.span,
            complaint
                .hint("write \"NAME:ADDRESS\", as in \"db:10.0.0.5\" or \"host:host-gateway\""),
        );
    }
}

/// What services and tasks both say to a key they do not take.
pub(super) fn advice(key: &str) -> Option<&'static str> {
    compose::container(key)
}
