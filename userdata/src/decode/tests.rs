//! Whole documents, good and bad.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::{
    diagnostic::Diagnostics,
    sources::Sources,
    spec::{
        DrainOn, Gpus, NetworkMode, Probe, PullPolicy, Restart, Spec, Unresolved, VolumeSource,
        WhenServiceDies,
    },
};
use std::time::Duration;

fn decode(text: &str) -> Result<Spec<Unresolved>, Diagnostics> {
    let mut sources = Sources::default();
    sources.user_data("user data", format!("firstlight: 1\n{text}").as_bytes());
    sources.compose()
}

/// A service with one more key.
fn service(key: &str) -> String {
    format!("services: {{web: {{image: web, {key}}}}}")
}

#[test]
fn defaults() {
    let spec = decode("services: {web: {image: web}}").unwrap();
    let web = &spec.services["web"];
    assert_eq!(spec.timeout, Duration::from_secs(900));
    assert_eq!(
        (
            web.restart,
            web.health.clone(),
            web.container.stop_grace_period
        ),
        (Restart::Always, None, Duration::from_secs(10))
    );
    assert_eq!(web.container.network_mode, NetworkMode::Bridge);
    assert_eq!(
        (spec.drain.on, spec.drain.delay),
        (vec![DrainOn::Terminate, DrainOn::Spot], Duration::ZERO)
    );
    assert_eq!(spec.when_service_dies, WhenServiceDies::Report);
    assert!(spec.document.starts_with('{'), "{}", spec.document);
}

#[test]
fn every_key() {
    let spec = decode(EVERY_KEY).unwrap();
    let web = &spec.services["web"];
    let it = &web.container;
    assert_eq!(it.image.to_string(), "r.io/web:{{ssm:/v:3}}");
    assert_eq!(it.pull_policy, Some(PullPolicy::Missing));
    assert_eq!(it.command.as_ref().unwrap().len(), 2);
    assert_eq!(it.environment["A"].to_string(), "1.10");
    assert_eq!(
        (
            it.environment_from.len(),
            it.environment_from[1].prefix.as_str(),
            it.environment_from[1].upper
        ),
        (2, "APP_", true)
    );
    assert_eq!(
        (
            it.files["/run/a"].mode,
            it.files["/run/a"].uid,
            it.files["/run/a"].gid
        ),
        (0o400, 999, 1)
    );
    assert_eq!(it.volumes[0].source, VolumeSource::Bind("/data".to_owned()));
    assert_eq!(it.tmpfs, [("/tmp".to_owned(), "size=64m".to_owned())]);
    assert_eq!(it.extra_hosts[0].to_string(), "db:{{ssm:/ip}}");
    assert_eq!(
        (it.nano_cpus, it.mem_limit, it.pids_limit, it.shm_size),
        (
            Some(500_000_000),
            Some(512 << 20),
            Some(100),
            Some(64 << 20)
        )
    );
    assert_eq!(
        (it.ulimits["nofile"], it.ulimits["core"]),
        ((1024, 2048), (-1, -1))
    );
    assert_eq!(
        (it.sysctls["net.core.somaxconn"].as_str(), it.gpus),
        ("1024", Some(Gpus::All))
    );
    assert_eq!(
        (it.read_only, it.init, it.stop_grace_period),
        (true, Some(true), Duration::from_secs(30))
    );
    assert_eq!(
        it.logging.as_ref().unwrap().options["tag"].to_string(),
        "{{imds:instance-id}}"
    );
    let health = web.health.as_ref().unwrap();
    assert!(
        matches!(&health.probe, Probe::Https(http) if http.matcher == [(200, 299)] && http.path == "/up?x=1")
    );
    assert_eq!(
        (health.interval, health.healthy_threshold, web.restart),
        (Duration::from_millis(500), 3, Restart::No)
    );
    assert_eq!(
        spec.registries["127.0.0.1:5000"].password.to_string(),
        "{{secretsmanager:ghcr}}"
    );
    assert_eq!(spec.signal.launching.len(), 1);
    let task = &spec.tasks["migrate"];
    assert_eq!(task.timeout, Some(Duration::from_secs(600)));
    assert_eq!(
        task.container.environment["A"].to_string(),
        "2",
        "its own key wins"
    );
    assert_eq!(
        task.container.environment["B"].to_string(),
        "b",
        "merged by key"
    );
    assert_eq!(
        (task.container.ports.len(), task.container.volumes.len()),
        (0, 1)
    );
    assert_eq!(task.container.depends_on, ["db"], "not the service's");
    let order = spec.order();
    let waits: Vec<_> = order.waits_for("web").collect();
    assert_eq!(waits, ["db", "migrate"]);
    assert_eq!(order.waits_for("db").count(), 0, "a task needs it");
    assert_eq!(order.waves(), [vec!["db"], vec!["migrate"], vec!["web"]]);
}

const EVERY_KEY: &str = r#"
timeout: 20m
registries: {"127.0.0.1:5000": {username: ci, password: "{{secretsmanager:ghcr}}"}}
services:
  db: {image: "postgres:16"}
  web:
    image: r.io/web:{{ssm:/v:3}}
    pull_policy: missing
    entrypoint: [/app]
    command: [serve, "{{imds:instance-id}}"]
    user: "1000"
    environment_from: ["ssm:/env/", {from: "secretsmanager:web", prefix: APP_, upper: true}]
    environment: [A=1.10, "B=b"]
    files: {/run/a: {content: aGk=, encoding: base64, mode: "0400", uid: 999, gid: 1}}
    depends_on: [db]
    ports: ["8080:80", 443]
    volumes: ["/data:/data:ro"]
    tmpfs: /tmp:size=64m
    read_only: true
    working_dir: /app
    hostname: web
    extra_hosts: {db: "{{ssm:/ip}}"}
    labels: [team=a]
    devices: [/dev/fuse]
    gpus: all
    cpus: 0.5
    mem_limit: 512m
    pids_limit: 100
    shm_size: 64m
    ulimits: {nofile: {soft: 1024, hard: 2048}, core: -1}
    sysctls: [net.core.somaxconn=1024]
    network_mode: bridge
    init: true
    cap_add: [NET_BIND_SERVICE]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    group_add: ["20"]
    stop_signal: SIGQUIT
    stop_grace_period: 30s
    logging: {driver: journald, options: {tag: "{{imds:instance-id}}"}}
    health: {https: {port: 443, path: /up?x=1, matcher: 200-299}, interval: 500ms, timeout: 1s, healthy_threshold: 3}
    restart: no
tasks:
  migrate: {extends: web, depends_on: [db], command: [migrate], environment: {A: 2}, timeout: 10m}
signal: {group: web, launching: web-launch, terminating: [a, b], cloudformation: {stack: web, resource: Group}}
drain: {on: [spot, rebalance], delay: 5s}
diagnostics: s3://bucket/firstlight/
when_service_dies: unhealthy
"#;

#[test]
#[rustfmt::skip]
fn says_what_is_wrong_and_what_to_do() {
    for (text, message, hint) in [
        ("timeout: 5m", "neither `services` nor `tasks`", "services: {web:"),
        ("service: {}", "unknown key `service`", "did you mean `services`?"),
        ("version: '3'\nservices: {web: {image: web}}", "unknown key `version`", "firstlight: 1"),
        ("services: [web]", "`services` takes a map, and this is a list", "write `services: {NAME: {image: …}}`"),
        ("services: {web: {command: [x]}}", "`services.web` needs `image`", "what to run"),
        ("services: {Web: {image: web}}", "`Web` is no name of a service or task", "a-z"),
        ("services: {web: {image: Web}}", "upper case", "registry/name:tag"),
        ("services: {api: {image: x}}\ntasks: {api: {image: x}}", "`api` is both a service and a task", "rename one"),
        (&service("enviroment: {A: b}"), "unknown key `enviroment`", "did you mean `environment`?"),
        (&service("healthcheck: {test: x}"), "unknown key `healthcheck`", "use `health`"),
        (&service("stop_signal: SIGFOO"), "`SIGFOO` is no signal", "write it as in `SIGTERM`"),
        (&service("stop_signal: RTMIN+16"), "`RTMIN+16` is no signal", "write it as in `SIGTERM`"),
        (&service("environment: {A: \"x\\0y\"}"), "a NUL byte may not stand here", "put it into `files`"),
        (&service("env_file: x"), "unknown key `env_file`", "`environment_from`"),
        (&service("privileged: true"), "unknown key `privileged`", "cap_add"),
        (&service("timeout: 5m"), "unknown key `timeout`", "a task has a timeout"),
        (&service("command: serve -p 80"), "`command` takes a list, and this is a single value", r#"write it as ["serve", "-p", "80"]"#),
        (&service("read_only: yes"), "`yes` is neither true nor false", "without quotes"),
        (&service("read_only: \"true\""), "`true` is neither true nor false", "without quotes"),
        (&service("restart: unless-stopped"), "`unless-stopped` may not stand here", "`on-failure`"),
        (&service("mem_limit: 1m"), "less memory than Docker allows", "6m"),
        (&service("mem_limit: lots"), "`lots` is no size", "`512m`"),
        (&service("cpus: 0"), "`0` is no number of CPUs", "above 0"),
        (&service("stop_grace_period: 10"), "`10` is no duration", "`10s` for seconds"),
        (&service("health: {tcp: {port: 0}}"), "`0` is no port", "1 to 65535"),
        (&service("health: {}"), "`health` names no probe", "one of `http`"),
        (&service("health: {tcp: {port: 1}, command: [a]}"), "names 2 probes: `tcp`, `command`", "leave one"),
        (&service("health: {http: {path: /}}"), "`services.web.health.http` needs `port`", "container's own port"),
        (&service("health: {http: {port: 1, path: up}}"), "`up` is no path", "begin it with `/`"),
        (&service("health: {http: {port: 1, matcher: 700}}"), "`700` matches no HTTP status", "100 to 599"),
        (&service("health: {tcp: {port: 1}, interval: 0s}"), "`0s` leaves no time", "above 0"),
        (&service("health: {tcp: {port: 1}, healthy_threshold: 0}"), "`0` is no whole number from 1", ""),
        (&service("health: {tcp: {port: 1}, retries: 3}"), "unknown key `retries`", "healthy_threshold"),
        (&service("environment: {1A: x}"), "`1A` is no name of an environment variable", "digit"),
        (&service("environment: {A: [x]}"), "`A` takes text, and this is a list", "in quotes"),
        (&service("environment: {\"{{ssm:/x}}\": y}"), "a key holds no references", "only values"),
        (&service("environment: {A: \"{{smm:/x}}\"}"), "`{{smm:` is no reference", "did you mean `ssm`?"),
        (&service("user: \"{{ssm:/x}}\""), "`user` takes no references", "may stand in"),
        (&service("command: [\"{{secretsmanager:x}}\"]"), "`command` would show a secret", "`files`"),
        (&service("hostname: a_b"), "`a_b` is no host name", ""),
        (&service("labels: {io.firstlight.x: y}"), "label of firstlight's own", "outside"),
        (&service("extra_hosts: [db]"), "`db` is no line for /etc/hosts", "NAME:ADDRESS"),
        (&service("files: {/a: {content: x, mode: 400x}}"), "`400x` is no mode", "octal"),
        (&service("files: {/a: {content: \"*\", encoding: base64}}"), "not base64", ""),
        (&service("files: {a: {content: x}}"), "`a` is no absolute path", "begin it with `/`"),
        (&service("files: {/a: x}"), "`/a` takes a map, and this is a single value", "a map of `content`, `encoding`, `mode`, `uid` and `gid`"),
        (&service("files: {/a: {content: x}}, tmpfs: [/a]"), "`/a` stands in `tmpfs` and in `files`", "one mount"),
        (&service("files: {/a: {content: x}, /a/b: {content: y}}"), "`/a/b` would lie below `/a`", ""),
        (&service("volumes: [\"a:/d\"]"), "neither an absolute path nor a volume's name", ""),
        (&service("volumes: [\"./a:/d\"]"), "`./a` is a relative path", "from `/`"),
        (&service("volumes: [{type: bind}]"), "`volumes` takes \"SOURCE:TARGET\", and this is a map", "write \"SOURCE:TARGET\" or"),
        (&service("ports: [\"1-2:1-2\"]"), "is a range of ports", "each port"),
        (&service("network_mode: host, ports: [80]"), "`ports` has no meaning with `network_mode: host`", "itself"),
        (&service("network_mode: \"service:wb\""), "joins the network of `wb`, which is no service", "did you mean `web`?"),
        (&service("network_mode: none, health: {tcp: {port: 1}}"), "no network to be probed on", "`command`"),
        (&service("depends_on: [wbe]"), "depends on `wbe`", "did you mean `web`?"),
        (&service("depends_on: {db: {condition: x}}"), "`depends_on` takes a list", "write it as [db]"),
        (&service("depends_on: [web]"), "wait for each other: web -> web", ""),
        (&service("ulimits: {nofile: {soft: 2, hard: 1}}"), "soft limit is above the hard", ""),
        (&service("gpus: some"), "`some` is no whole number", "`all`"),
        (&service("environment_from: [\"{{ssm:/a/}}\"]"), "has braces", "without"),
        (&service("logging: {options: {}}"), "`services.web.logging` needs `driver`", ""),
        (&service("ports: [{target: 80}]"), "`ports` takes \"HOST:CONTAINER\", and this is a map", "as in \"8080:80\""),
        (&service("environment: text"), "`environment` takes a map, and this is a single value", "write `environment: {NAME: value}`"),
        (&service("xyzzy: 1"), "unknown key `xyzzy`", "the reference's tables under Containers"),
        (&service("health: {tcp: {port: 1, interface: x}}"), "unknown key `interface`", "it takes `port`"),
        (&service("health: 3"), "`health` takes a map", "a map of `http`, `https`, `tcp`"),
        (&service("user: [1]"), "`user` takes text", "write one"),
        (&service("init: [true]"), "`init` takes `true` or `false`", "without quotes"),
        (&service("tmpfs: [/]"), "`/` would cover the whole container", "`/tmp`"),
        (&service("files: {/a: {content: x, uid: 4294967295}}"), "`4294967295` is no whole number from 0 to 4294967294", "digits"),
        (&service("files: {/a/: {content: x}}"), "names a folder", "without the `/`"),
        (&service("network_mode: \"service:web\""), "`web` joins its own network", "another service"),
        ("services: {api: {image: x, network_mode: \"service:bot\"}, bot: {image: x, network_mode: \"service:api\"}}", "wait for each other: api -> bot -> api", "take one"),
        ("services: {w: {image: x}}", "`w` is no name of a service or task", "2 to 63"),
        ("services: {api: {image: x}}\ntasks: {seed: {image: x}, migrate: {extends: seed, image: x}}", "`seed` is a task", "only a service"),
        ("services: {api: {image: x}}\nsignal: {group: \"\"}", "an empty text may not stand here", "leave the key out"),
        ("services: {api: {image: x}}\nsignal: {launching: [\"\"]}", "an empty text may not stand here", "leave the key out"),
        ("services: {api: {image: x}}\nsignal: {launching: [hook, drain, hook]}", "`hook` stands twice in `launching`", "once"),
        ("services: {api: {image: x, depends_on: [bot]}, bot: {image: x, depends_on: [cms]}, cms: {image: x, depends_on: [api]}}", "api -> bot -> cms -> api", "take one"),
        ("services: {api: {image: x, depends_on: [bot]}, bot: {image: x, network_mode: \"service:api\"}}", "api -> bot -> api", ""),
        ("services: {api: {image: x, ports: [\"80:1\"]}, bot: {image: x, ports: [\"127.0.0.1:80:2\"]}}", "`bot` publishes `127.0.0.1:80:2`", "another port"),
        ("services: {api: {image: x}}\ntasks: {migrate: {extends: bot, image: x}}", "no service `bot` to extend", "name a service"),
        ("services: {api: {image: x}}\ntasks: {migrate: {image: x, ports: [80]}}", "unknown key `ports`", "publishes no ports"),
        ("services: {api: {image: x}}\nregistries: {\"https://ghcr.io\": {username: a, password: b}}", "is no registry's host", "`ghcr.io`"),
        ("services: {api: {image: x}}\nregistries: {ghcr.io: {username: a}}", "`registries.ghcr.io` needs `password`", ""),
        ("services: {api: {image: x}}\ndiagnostics: /tmp", "no place in S3", "s3://"),
        ("services: {api: {image: x}}\nsignal: {group: \"{{secretsmanager:x}}\"}", "`group` would show a secret", ""),
        ("services: {api: {image: x}}\ndrain: {on: [spt]}", "`spt` may not stand here", "did you mean `spot`?"),
    ] {
        let problems = decode(text).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{text}\n{problems}");
        assert!(problems.0[0].message.contains(message), "{text}\n{problems}");
        assert!(problems.0[0].hint.is_some(), "{text}\n{problems}");
        assert!(problems.0[0].hint.as_deref().unwrap_or_default().contains(hint), "{text}\n{problems}");
    }
}

#[test]
fn everything_at_once() {
    let problems = decode(
        "services: {api: {image: X, mem_limit: x, depends_on: [zoo]}, bot: {imag: y, ports: [0]}}\ntasks: {migrate: {extends: api, restart: no}}\nsignal: 3",
    )
    .unwrap_err();
    let said = problems.to_string();
    for part in [
        "upper case",
        "`x` is no size",
        "depends on `zoo`",
        "unknown key `imag`",
        "needs `image`",
        "`0` publishes no port",
        "a task runs once",
        "`signal` takes a map",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        problems.0.len(),
        8,
        "a task repeats none of its service's: {said}"
    );
}
