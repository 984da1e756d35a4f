//! The table: what a key is made to say, and what `docker inspect` must then say.
//!
//! To add a key: a line in [`TABLE`].

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::webapp;
use serde_json::Value;

use crate::scene::{Scene, host_port};

/// On which container, which key, its value in YAML, a place in `docker inspect`, and what is there: `is` just this, or
/// `has` in a list one item that is this or holds these members. `$WORDS` are [`Set::fill`]'s.
///
/// `all` is on the launches' network and has all it can have at once; the others have what excludes that.
const TABLE: &str = r#"
all    | image             | $IMAGE                                          | /Config/Image                    | is "$PINNED"
all    | entrypoint        | [/webapp, serve]                                | /Config/Entrypoint               | is ["/webapp", "serve"]
all    | command           | [-p, "80", 1.10]                                | /Config/Cmd                      | is ["-p", "80", "1.10"]
all    | user              | "1000:1001"                                     | /Config/User                     | is "1000:1001"
all    | environment       | {VERSION: 1.10, INSPECT_FILES: $FILES}          | /Config/Env                      | has "VERSION=1.10"
all    | environment_from  | [{from: "ssm:$OWN/env/", prefix: p_, upper: true}] | /Config/Env                   | has "P_A_B=from a path"
all    | files             | {/run/secrets/text: {content: "{{ssm:$OWN/text}}", mode: "0400", uid: 1000, gid: 7}, /run/secrets/bytes: {content: AAH/gA==, encoding: base64, mode: "0640", gid: 1001}, /etc/plain: {content: plain}} | /Mounts | has {"Type": "bind", "Destination": "/run/secrets/text", "RW": false}
all    | ports             | ["127.0.0.1:$PORT:3000", "$UDP:3001/udp", "3002"] | /HostConfig/PortBindings       | is {"3000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "$PORT"}], "3001/udp": [{"HostIp": "", "HostPort": "$UDP"}], "3002/tcp": [{"HostIp": "", "HostPort": ""}]}
all    | volumes           | ["$DATA:/data:ro", "$VOLUME:/cache"]            | /Mounts                          | has {"Type": "bind", "Source": "$DATA", "Destination": "/data", "RW": false}
all    | volumes           | ["$DATA:/data:ro", "$VOLUME:/cache"]            | /Mounts                          | has {"Type": "volume", "Name": "$VOLUME", "Destination": "/cache", "RW": true}
all    | tmpfs             | ["/tmp:size=64m,mode=1777", /scratch]           | /HostConfig/Tmpfs                | is {"/tmp": "size=64m,mode=1777", "/scratch": ""}
all    | read_only         | true                                            | /HostConfig/ReadonlyRootfs       | is true
all    | working_dir       | /data                                           | /Config/WorkingDir               | is "/data"
all    | hostname          | web-1.internal                                  | /Config/Hostname                 | is "web-1.internal"
all    | extra_hosts       | ["db.internal:10.0.0.5"]                        | /HostConfig/ExtraHosts           | is ["db.internal:10.0.0.5"]
all    | labels            | {team: web, version: 1.10}                      | /Config/Labels/version           | is "1.10"
all    | devices           | ["/dev/full:/dev/plenty:r"]                     | /HostConfig/Devices              | is [{"PathOnHost": "/dev/full", "PathInContainer": "/dev/plenty", "CgroupPermissions": "r"}]
all    | cpus              | 0.5                                             | /HostConfig/NanoCpus             | is 500000000
all    | mem_limit         | 512m                                            | /HostConfig/Memory               | is 536870912
all    | pids_limit        | 100                                             | /HostConfig/PidsLimit            | is 100
all    | shm_size          | 128m                                            | /HostConfig/ShmSize              | is 134217728
all    | ulimits           | {nofile: {soft: 1024, hard: 2048}}              | /HostConfig/Ulimits              | is [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
all    | sysctls           | {net.core.somaxconn: 1024}                      | /HostConfig/Sysctls              | is {"net.core.somaxconn": "1024"}
all    | init              | true                                            | /HostConfig/Init                 | is true
all    | cap_add           | [NET_ADMIN]                                     | /HostConfig/CapAdd               | is ["NET_ADMIN"]
all    | cap_drop          | [ALL]                                           | /HostConfig/CapDrop              | is ["ALL"]
all    | security_opt      | ["no-new-privileges:true"]                      | /HostConfig/SecurityOpt          | is ["no-new-privileges:true"]
all    | group_add         | ["20"]                                          | /HostConfig/GroupAdd             | is ["20"]
all    | stop_signal       | SIGQUIT                                         | /Config/StopSignal               | is "SIGQUIT"
all    | stop_grace_period | 2500ms                                          | /Config/StopTimeout              | is 3
all    | logging           | {driver: json-file, options: {max-size: 1m, max-file: "2"}} | /HostConfig/LogConfig | is {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
all    | restart           | always                                          | /HostConfig/RestartPolicy/Name   | is "no"
# The agent probes, and leaves the image's HEALTHCHECK as slow as it is.
all    | health            | {http: {port: 3000, path: /healthcheck/}, interval: 100ms} | /Config/Healthcheck/Interval | is 30000000000
host   | network_mode      | host                                            | /HostConfig/NetworkMode          | is "host"
host   | restart           | on-failure                                      | /HostConfig/RestartPolicy/Name   | is "no"
# The tag has moved on in the registry: what is here runs.
host   | image             | $MOVED_IMAGE                                    | /Config/Image                    | is "$MOVED_PINNED"
host   | pull_policy       | missing                                         | /Config/Image                    | is "$MOVED_PINNED"
host   | command           | [worker]                                        | /Path                            | is "/webapp"
alone  | network_mode      | none                                            | /HostConfig/NetworkMode          | is "none"
# Without `health` the agent runs the HEALTHCHECK, and leaves it to the engine as slow as it is.
alone  | image             | $IMAGE                                          | /Config/Healthcheck/Interval     | is 30000000000
alone  | init              | false                                           | /HostConfig/Init                 | is false
# The engine keeps no limit as none said.
alone  | pids_limit        | -1                                              | /HostConfig/PidsLimit            | is null
beside | image             | $IMAGE                                          | /Config/Image                    | is "$PINNED"
beside | network_mode      | "service:$ALL"                                  | /HostConfig/NetworkMode          | is "container:$ID_OF_ALL"
beside | environment       | {PORT: 3003}                                    | /Config/Env                      | has "PORT=3003"
job    | extends           | $ALL                                            | /Config/User                     | is "1000:1001"
job    | extends           | $ALL                                            | /HostConfig/PortBindings/3000~1tcp | is null
job    | entrypoint        | [/webapp]                                       | /Config/Entrypoint               | is ["/webapp"]
job    | command           | [task, done]                                    | /Config/Cmd                      | is ["task", "done"]
# One launch each: an engine without GPUs makes the container as asked, and can't start it.
gpu-all | image            | $IMAGE                                          | /Config/Image                    | is "$PINNED"
gpu-all | gpus             | all                                             | /HostConfig/DeviceRequests       | has {"Count": -1, "Capabilities": [["gpu"]]}
gpu-two | image            | $IMAGE                                          | /Config/Image                    | is "$PINNED"
gpu-two | gpus             | 2                                               | /HostConfig/DeviceRequests       | has {"Count": 2, "Capabilities": [["gpu"]]}
"#;

/// The files that the service in `all` is asked to look at.
const FILES: &str = "/run/secrets/text:/run/secrets/bytes:/etc/plain";

/// A line of the table.
pub(super) struct Row {
    pub(super) of: &'static str,
    pub(super) key: &'static str,
    /// The key's value, as YAML.
    pub(super) said: String,
    at: &'static str,
    how: &'static str,
    want: &'static str,
}

/// The table's lines, their values as this test's spec has them.
pub(super) fn rows(scene: &Scene, set: &Set) -> Result<Vec<Row>> {
    let lines = TABLE.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut columns = line.split(" | ").map(str::trim);
        let mut next = || {
            columns
                .next()
                .with_context(|| format!("a column lacks: {line}"))
        };
        let (of, key, said, at) = (next()?, next()?, next()?, next()?);
        let (how, want) = next()?.split_once(' ').context("is or has what?")?;
        let said = set.fill(scene, said);
        Ok(Row {
            of,
            key,
            said,
            at,
            how,
            want,
        })
    };
    lines.map(row).collect()
}

/// Whether a value is this, or an object that has these members.
pub(super) fn holds(got: &Value, wanted: &Value) -> bool {
    match wanted.as_object() {
        Some(members) => members.iter().all(|(name, value)| got[name] == *value),
        None => got == wanted,
    }
}

impl Row {
    /// Holds its container to be made as the table says. `id_of_all` is the id of the container `all`.
    pub(super) fn check(
        &self,
        scene: &Scene,
        set: &Set,
        inspected: &Value,
        id_of_all: &str,
    ) -> Result<()> {
        let want = self.want.replace("$ID_OF_ALL", id_of_all);
        let want: Value = serde_json::from_str(&set.fill(scene, &want))?;
        let got = inspected.pointer(self.at).unwrap_or(&Value::Null);
        let items = got.as_array().map(Vec::as_slice).unwrap_or_default();
        let met = match self.how {
            "is" => *got == want,
            "has" => items.iter().any(|item| holds(item, &want)),
            other => anyhow::bail!("{other}: neither is nor has"),
        };
        let Self {
            of, key, said, at, ..
        } = self;
        ensure!(met, "{of}: `{key}: {said}` made {at} {got}, wanted {want}");
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

    /// Puts what is this test's own in place of the table's `$WORDS`.
    fn fill(&self, scene: &Scene, text: &str) -> String {
        let pinned = |(reference, digest): &(String, String)| {
            let (name, _tag) = reference.rsplit_once(':').unwrap();
            format!("{name}@{digest}")
        };
        [
            ("$FILES", FILES.to_owned()),
            ("$IMAGE", self.image.0.clone()),
            ("$PINNED", pinned(&self.image)),
            ("$MOVED_IMAGE", self.moved.0.clone()),
            ("$MOVED_PINNED", pinned(&self.moved)),
            ("$PORT", self.port.to_string()),
            ("$UDP", (self.port + 1).to_string()),
            ("$DATA", self.folder.path().display().to_string()),
            ("$VOLUME", self.volume.clone()),
            ("$OWN", self.parameters.clone()),
            ("$ALL", scene.names.unique("all")),
        ]
        .iter()
        .fold(text.to_owned(), |text, (word, own)| text.replace(word, own))
    }
}
