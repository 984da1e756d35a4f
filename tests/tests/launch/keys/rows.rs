//! The table: what a key is made to say, and what `docker inspect` must then say.
//!
//! To add a key: a row in [`rows`].

use anyhow::{Result, ensure};
use firstlight_tests::parts::webapp;
use serde_json::{Value, json};

use crate::scene::{Scene, host_port};

/// What `docker inspect` must say at a place.
pub(super) enum Want {
    /// Just this.
    Is(Value),
    /// A list of which one item is this, or holds these members.
    Among(Value),
}
use Want::{Among, Is};

/// On container `of`, `key: said` makes `docker inspect` say `want` at `at`.
pub(super) struct Row {
    pub(super) of: &'static str,
    pub(super) key: &'static str,
    pub(super) said: String,
    at: &'static str,
    want: Want,
}

fn row(of: &'static str, key: &'static str, said: &str, at: &'static str, want: Want) -> Row {
    Row {
        of,
        key,
        said: said.to_owned(),
        at,
        want,
    }
}

pub(super) fn holds(got: &Value, wanted: &Value) -> bool {
    match wanted.as_object() {
        Some(members) => members.iter().all(|(name, value)| got[name] == *value),
        None => got == wanted,
    }
}

impl Row {
    pub(super) fn check(&self, inspected: &Value) -> Result<()> {
        let got = inspected.pointer(self.at).unwrap_or(&Value::Null);
        let (met, wanted) = match &self.want {
            Is(wanted) => (got == wanted, wanted),
            Among(wanted) => {
                let items = got.as_array().map(Vec::as_slice).unwrap_or_default();
                (items.iter().any(|item| holds(item, wanted)), wanted)
            }
        };
        let Self {
            of, key, said, at, ..
        } = self;
        ensure!(
            met,
            "{of}: `{key}: {said}` made {at} {got}, wanted {wanted}"
        );
        Ok(())
    }
}

/// What the rows need to know.
pub(super) struct Set {
    image: (String, String),
    moved: (String, String),
    port: u16,
    folder: tempfile::TempDir,
    volume: String,
    parameters: String,
}

impl Set {
    pub(super) async fn up(scene: &Scene) -> Result<Self> {
        let interval = std::time::Duration::from_secs(30);
        let checked = webapp::image()?.healthcheck(&[webapp::PATH, "probe"], interval);
        let image = scene.push("web", "1", &checked).await?;
        let moved = scene.push("moved", "1", &webapp::image()?).await?;
        // A launch before this one had it pulled.
        let name = scene.names.unique("before");
        let text = format!(
            "services:\n  {name}: {{image: \"{}\", command: [worker]}}\n",
            moved.0
        );
        scene.play(scene.head() + &text).await?.succeeds().await?;
        let now = scene.push("moved", "1", &webapp::image()?).await?;
        ensure!(now.1 != moved.1, "the tag has not moved");
        let parameters = format!("/{}", scene.names.suffix());
        let moto = &scene.ground.moto;
        for (name, value) in [("env/a/b", "from a path"), ("text", "from a file")] {
            let name = format!("{parameters}/{name}");
            moto.put_parameter(&name, value, "SecureString").await?;
        }
        Ok(Self {
            image,
            moved,
            port: host_port()?,
            folder: tempfile::tempdir()?,
            volume: scene.names.volume("cache"),
            parameters,
        })
    }
}

/// The image of a row, and how it runs.
fn pinned((reference, digest): &(String, String)) -> Value {
    let (name, _tag) = reference.rsplit_once(':').unwrap();
    json!(format!("{name}@{digest}"))
}

/// The table. `all` is on the launches' network and has all it can have at once; the others have what excludes that.
pub(super) fn rows(scene: &Scene, set: &Set) -> Vec<Row> {
    let all = scene.names.unique("all");
    let (data, volume, port) = (set.folder.path().display(), &set.volume, set.port);
    let udp = port + 1;
    let ppp = &set.parameters;
    vec![
        row(
            "all",
            "image",
            &json!(set.image.0).to_string(),
            "/Config/Image",
            Is(pinned(&set.image)),
        ),
        row(
            "all",
            "entrypoint",
            "[/webapp, serve]",
            "/Config/Entrypoint",
            Is(json!(["/webapp", "serve"])),
        ),
        row(
            "all",
            "command",
            "[-p, \"80\", 1.10]",
            "/Config/Cmd",
            Is(json!(["-p", "80", "1.10"])),
        ),
        row(
            "all",
            "user",
            "\"1000:1001\"",
            "/Config/User",
            Is(json!("1000:1001")),
        ),
        row(
            "all",
            "environment",
            "{VERSION: 1.10, INSPECT_FILES: \"/run/secrets/text:/run/secrets/bytes:/etc/plain\"}",
            "/Config/Env",
            Among(json!("VERSION=1.10")),
        ),
        row(
            "all",
            "environment_from",
            &format!("[{{from: \"ssm:{ppp}/env/\", prefix: p_, upper: true}}]"),
            "/Config/Env",
            Among(json!("P_A_B=from a path")),
        ),
        row(
            "all",
            "files",
            &format!(
                "{{/run/secrets/text: {{content: \"{{{{ssm:{ppp}/text}}}}\", mode: \"0400\", uid: 1000, gid: 7}}, \
                 /run/secrets/bytes: {{content: AAH/gA==, encoding: base64, mode: \"0640\", gid: 1001}}, \
                 /etc/plain: {{content: plain}}}}"
            ),
            "/Mounts",
            Among(json!({"Type": "bind", "Destination": "/run/secrets/text", "RW": false})),
        ),
        row(
            "all",
            "ports",
            &format!("[\"127.0.0.1:{port}:3000\", \"{udp}:3001/udp\", \"3002\"]"),
            "/HostConfig/PortBindings",
            Is(json!({
                "3000/tcp": [{"HostIp": "127.0.0.1", "HostPort": port.to_string()}],
                "3001/udp": [{"HostIp": "", "HostPort": udp.to_string()}],
                "3002/tcp": [{"HostIp": "", "HostPort": ""}],
            })),
        ),
        row(
            "all",
            "volumes",
            &format!("[\"{data}:/data:ro\", \"{volume}:/cache\"]"),
            "/Mounts",
            Among(
                json!({"Type": "bind", "Source": set.folder.path(), "Destination": "/data", "RW": false}),
            ),
        ),
        row(
            "all",
            "volumes",
            &format!("[\"{data}:/data:ro\", \"{volume}:/cache\"]"),
            "/Mounts",
            Among(json!({"Type": "volume", "Name": volume, "Destination": "/cache", "RW": true})),
        ),
        row(
            "all",
            "tmpfs",
            "[\"/tmp:size=64m,mode=1777\", /scratch]",
            "/HostConfig/Tmpfs",
            Is(json!({"/tmp": "size=64m,mode=1777", "/scratch": ""})),
        ),
        row(
            "all",
            "read_only",
            "true",
            "/HostConfig/ReadonlyRootfs",
            Is(json!(true)),
        ),
        row(
            "all",
            "working_dir",
            "/data",
            "/Config/WorkingDir",
            Is(json!("/data")),
        ),
        row(
            "all",
            "hostname",
            "web-1.internal",
            "/Config/Hostname",
            Is(json!("web-1.internal")),
        ),
        row(
            "all",
            "extra_hosts",
            "[\"db.internal:10.0.0.5\"]",
            "/HostConfig/ExtraHosts",
            Is(json!(["db.internal:10.0.0.5"])),
        ),
        row(
            "all",
            "labels",
            "{team: web, version: 1.10}",
            "/Config/Labels/version",
            Is(json!("1.10")),
        ),
        row(
            "all",
            "devices",
            "[\"/dev/full:/dev/plenty:r\"]",
            "/HostConfig/Devices",
            Is(
                json!([{"PathOnHost": "/dev/full", "PathInContainer": "/dev/plenty", "CgroupPermissions": "r"}]),
            ),
        ),
        row(
            "all",
            "cpus",
            "0.5",
            "/HostConfig/NanoCpus",
            Is(json!(500_000_000)),
        ),
        row(
            "all",
            "mem_limit",
            "512m",
            "/HostConfig/Memory",
            Is(json!(512 << 20)),
        ),
        row(
            "all",
            "pids_limit",
            "100",
            "/HostConfig/PidsLimit",
            Is(json!(100)),
        ),
        row(
            "all",
            "shm_size",
            "128m",
            "/HostConfig/ShmSize",
            Is(json!(128 << 20)),
        ),
        row(
            "all",
            "ulimits",
            "{nofile: {soft: 1024, hard: 2048}}",
            "/HostConfig/Ulimits",
            Is(json!([{"Name": "nofile", "Soft": 1024, "Hard": 2048}])),
        ),
        row(
            "all",
            "sysctls",
            "{net.core.somaxconn: 1024}",
            "/HostConfig/Sysctls",
            Is(json!({"net.core.somaxconn": "1024"})),
        ),
        row("all", "init", "true", "/HostConfig/Init", Is(json!(true))),
        row(
            "all",
            "cap_add",
            "[NET_ADMIN]",
            "/HostConfig/CapAdd",
            Is(json!(["NET_ADMIN"])),
        ),
        row(
            "all",
            "cap_drop",
            "[ALL]",
            "/HostConfig/CapDrop",
            Is(json!(["ALL"])),
        ),
        row(
            "all",
            "security_opt",
            "[\"no-new-privileges:true\"]",
            "/HostConfig/SecurityOpt",
            Is(json!(["no-new-privileges:true"])),
        ),
        row(
            "all",
            "group_add",
            "[\"20\"]",
            "/HostConfig/GroupAdd",
            Is(json!(["20"])),
        ),
        row(
            "all",
            "stop_signal",
            "SIGQUIT",
            "/Config/StopSignal",
            Is(json!("SIGQUIT")),
        ),
        row(
            "all",
            "stop_grace_period",
            "2500ms",
            "/Config/StopTimeout",
            Is(json!(3)),
        ),
        row(
            "all",
            "logging",
            "{driver: json-file, options: {max-size: 1m, max-file: \"2\"}}",
            "/HostConfig/LogConfig",
            Is(json!({"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}})),
        ),
        row(
            "all",
            "restart",
            "always",
            "/HostConfig/RestartPolicy/Name",
            Is(json!("no")),
        ),
        // The agent probes, and leaves the image's HEALTHCHECK as slow as it is.
        row(
            "all",
            "health",
            "{http: {port: 3000, path: /healthcheck/}, interval: 100ms}",
            "/Config/Healthcheck/Interval",
            Is(json!(30_000_000_000_i64)),
        ),
        row(
            "host",
            "network_mode",
            "host",
            "/HostConfig/NetworkMode",
            Is(json!("host")),
        ),
        row(
            "host",
            "restart",
            "on-failure",
            "/HostConfig/RestartPolicy/Name",
            Is(json!("no")),
        ),
        row(
            "host",
            "image",
            &json!(set.moved.0).to_string(),
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        // The tag has moved on in the registry: what is here runs.
        row(
            "host",
            "pull_policy",
            "missing",
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        row("host", "command", "[worker]", "/Path", Is(json!("/webapp"))),
        row(
            "alone",
            "network_mode",
            "none",
            "/HostConfig/NetworkMode",
            Is(json!("none")),
        ),
        // Without `health` the HEALTHCHECK is asked, often enough not to be waited for.
        row(
            "alone",
            "image",
            &json!(set.image.0).to_string(),
            "/Config/Healthcheck/Interval",
            Is(json!(2_000_000_000)),
        ),
        row(
            "alone",
            "init",
            "false",
            "/HostConfig/Init",
            Is(json!(false)),
        ),
        row(
            "alone",
            "pids_limit",
            "-1",
            "/HostConfig/PidsLimit",
            Is(Value::Null),
        ),
        row(
            "beside",
            "image",
            &json!(set.image.0).to_string(),
            "/Config/Image",
            Is(pinned(&set.image)),
        ),
        row(
            "beside",
            "network_mode",
            &format!("\"service:{all}\""),
            "/Config/Labels/io.firstlight.name",
            Is(json!(scene.names.unique("beside"))),
        ),
        row(
            "beside",
            "environment",
            "{PORT: 3003}",
            "/Config/Env",
            Among(json!("PORT=3003")),
        ),
        row(
            "job",
            "extends",
            &all,
            "/Config/User",
            Is(json!("1000:1001")),
        ),
        row(
            "job",
            "extends",
            &all,
            "/HostConfig/PortBindings/3000~1tcp",
            Is(Value::Null),
        ),
        row(
            "job",
            "entrypoint",
            "[/webapp]",
            "/Config/Entrypoint",
            Is(json!(["/webapp"])),
        ),
        // One launch each: an engine without GPUs makes the container as asked, and can't start it.
        row(
            "gpu-all",
            "gpus",
            "all",
            "/HostConfig/DeviceRequests",
            Among(json!({"Count": -1, "Capabilities": [["gpu"]]})),
        ),
        row(
            "gpu-two",
            "gpus",
            "2",
            "/HostConfig/DeviceRequests",
            Among(json!({"Count": 2, "Capabilities": [["gpu"]]})),
        ),
        row(
            "gpu-all",
            "image",
            &json!(set.moved.0).to_string(),
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        row(
            "gpu-all",
            "pull_policy",
            "missing",
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        row(
            "gpu-two",
            "image",
            &json!(set.moved.0).to_string(),
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        row(
            "gpu-two",
            "pull_policy",
            "missing",
            "/Config/Image",
            Is(pinned(&set.moved)),
        ),
        row(
            "job",
            "command",
            "[task, done]",
            "/Config/Cmd",
            Is(json!(["task", "done"])),
        ),
    ]
}
