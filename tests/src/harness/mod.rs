//! One agent between the stage and the engine: the real binary, its own root folder, and everything it leaves behind.
//!
//! ```text
//! Names       unique service names; their containers and images go when it is dropped
//! Agent       a root folder, an environment: start(), run(), status(), files()
//! Running     kill(), signal(), output so far; finish() -> Finished
//! Resident    an agent that stays: until it is at rest, until it has said something
//! Traced      an agent that is held after each of its steps, and killed right after one
//! Place       a journal, a terminal for the agent to run in; Boot, another boot
//! Disk        a small one for its record, to be full
//! Mailbox     a socket that keeps what systemd and journald would get
//! journal     an Entry of the journal, and the Catalogue that each is held to
//! play        one launch and what must come of it, and tables of them
//! Ground      moto and a registry, shared by the scenarios of a test binary
//! canary      secrets that must not be found, and the control that they would be
//! ```

pub mod canary;
mod disk;
mod ground;
pub mod journal;
mod mailbox;
mod names;
mod place;
pub mod play;
mod resident;
mod running;
mod traced;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::parts::{program, repository};
use crate::stage::Stage;

pub use disk::Disk;
pub use ground::Ground;
pub use journal::{Catalogue, Entry};
pub use mailbox::Mailbox;
pub use names::Names;
pub use place::{Boot, Place};
pub use resident::Resident;
pub use running::{Finished, Running, listens};
pub use traced::Traced;

/// What a launch goes through before its verdict.
pub const STAGES: [&str; 6] = [
    "identify",
    "configure",
    "resolve",
    "pull",
    "start",
    "health",
];

/// How long a command that only looks may take.
const LOOK: Duration = Duration::from_secs(20);

/// The agent's binary: `FIRSTLIGHT_BIN`, or the release build.
///
/// # Errors
/// If it has not been built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let built = repository().join("target/x86_64-unknown-linux-musl/release/firstlight");
    program(
        "FIRSTLIGHT_BIN",
        &[built],
        "firstlight",
        "`make build`, or set FIRSTLIGHT_BIN",
    )
}

/// An agent with a root folder of its own, pointed at a stage and at nothing else.
#[derive(Debug, Clone)]
pub struct Agent {
    program: PathBuf,
    place: Place,
    root: Arc<Root>,
    environment: Vec<(String, String)>,
}

/// A root folder; what is mounted below it goes with it.
#[derive(Debug)]
struct Root(TempDir);

impl Root {
    /// With `run/` on tmpfs, as on an instance.
    fn make() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("firstlight-root-").context("making a root folder")?;
        let run = folder.path().join("run");
        std::fs::create_dir(&run)?;
        let root = Self(folder);
        let (flags, options) = (nix::mount::MsFlags::MS_NOSUID, Some("mode=0755"));
        nix::mount::mount(Some("tmpfs"), &run, Some("tmpfs"), flags, options)
            .with_context(|| format!("mounting tmpfs at {}: are you root?", run.display()))?;
        Ok(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let below = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|at| Path::new(at).starts_with(self.0.path()));
        for at in below.collect::<Vec<_>>().into_iter().rev() {
            // A mount that stays makes removing the folder fail, and the folder then shows it.
            let _ = nix::mount::umount2(at, nix::mount::MntFlags::MNT_DETACH);
        }
    }
}

impl Agent {
    /// An agent that knows this stage.
    ///
    /// # Errors
    /// If the binary has not been built.
    pub fn on(stage: &Stage) -> anyhow::Result<Self> {
        Self::of(&binary()?, stage)
    }

    /// The same with another binary.
    ///
    /// # Errors
    /// If no folder can be made, or no tmpfs mounted in it.
    pub fn of(program: &Path, stage: &Stage) -> anyhow::Result<Self> {
        let root = Root::make()?;
        let mut environment = stage.environment();
        environment.extend(
            ["PATH", "DOCKER_HOST", "HOME"]
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))),
        );
        Ok(Self {
            program: program.to_path_buf(),
            place: Place::new(),
            root: Arc::new(root),
            environment,
        })
    }

    /// With one more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(given, _)| given != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, root folder and all, in another place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The same, root folder and all, on another stage.
    #[must_use]
    pub fn moved_to(self, stage: &Stage) -> Self {
        let environment = stage.environment();
        environment
            .iter()
            .fold(self, |agent, (name, value)| agent.env(name, value))
    }

    /// With other timings, by the agent's documented override: names and durations, such as `"settle": "250ms"`.
    #[must_use]
    pub fn timings(self, timings: &Value) -> Self {
        self.env("FIRSTLIGHT_TIMINGS", &timings.to_string())
    }

    /// Its `--root`.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.0.path()
    }

    /// Bakes a drop-in, such as `10-base.yaml`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn drop_in(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let folder = self.root().join("etc/firstlight/launch.d");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
        Ok(())
    }

    /// Starts a command, such as `["launch"]`, with its output captured.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::start(command)
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If it can't be started, or hasn't ended in time; what it wrote is in the error.
    pub async fn run(&self, arguments: &[&str], patience: Duration) -> anyhow::Result<Finished> {
        self.start(arguments)?.finish(patience).await
    }

    /// The command itself, for a caller that wants to attach it to a terminal.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let before = self.place.words();
        let mut words = before
            .iter()
            .map(OsStr::new)
            .chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        // The caller's environment may point at a real account: none of it is passed on.
        command.env_clear().envs(self.environment.iter().cloned());
        command
            .arg("--root")
            .arg(self.root())
            .args(arguments)
            .kill_on_drop(true);
        command
    }

    /// `status --json`.
    ///
    /// # Errors
    /// If it isn't JSON.
    pub async fn status(&self) -> anyhow::Result<Value> {
        let finished = self.run(&["status", "--json"], LOOK).await?;
        serde_json::from_str(&finished.stdout)
            .with_context(|| format!("reading the status: {finished:?}"))
    }

    /// The status as the agent last wrote it, if it has; cheaper than asking for it again and again.
    #[must_use]
    pub fn last_status(&self) -> Option<Value> {
        let text = std::fs::read(self.root().join("var/lib/firstlight/status.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Every file below the root but those in `run/`, where secrets may be, with its content.
    ///
    /// # Errors
    /// If a folder can't be read.
    pub fn files(&self) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut files = Vec::new();
        let mut folders = vec![self.root().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)
                .with_context(|| format!("reading {}", folder.display()))?
            {
                let path = entry?.path();
                if path == self.root().join("run") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    let content = std::fs::read(&path)
                        .with_context(|| format!("reading {}", path.display()))?;
                    files.push((path, content));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// What a person or a log collector could see of this agent after a run, for the canary search: its output, the
    /// files it left, its command line, and its status.
    ///
    /// # Errors
    /// If any of it can't be read.
    pub async fn traces(&self, finished: &Finished) -> anyhow::Result<canary::Traces> {
        let mut traces = canary::Traces::default();
        traces.add("stdout", finished.stdout.as_bytes());
        traces.add("stderr", finished.stderr.as_bytes());
        traces.add("command line", finished.command_line.as_bytes());
        for (path, content) in self.files()? {
            traces.add(&path.display().to_string(), &content);
        }
        for arguments in [&["status"][..], &["status", "--json"]] {
            let status = self.run(arguments, LOOK).await?;
            traces.add(
                &arguments.join(" "),
                format!("{}{}", status.stdout, status.stderr).as_bytes(),
            );
        }
        Ok(traces)
    }
}
