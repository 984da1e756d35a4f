//! Where an agent runs: in a mount namespace of its own with things put in place, or on a terminal.
//!
//! A place is a few words before the agent's command line. Each ends in `exec`, so the process that is signalled is the
//! agent itself; only on a terminal is it `script`, which passes on neither signals nor kills.
//!
//! To add something that only the whole machine has: a method on [`Place`] that mounts a substitute.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::Agent;

/// Where the kernel tells which boot it is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where resolvers learn whom to ask.
const RESOLVER: &str = "/etc/resolv.conf";
/// Where journald listens.
const JOURNAL: &str = "/run/systemd/journal";

/// What stands before the agent's command line.
#[derive(Debug, Clone, Default)]
pub struct Place {
    steps: Vec<String>,
    younger: Duration,
    terminal: bool,
}

impl Place {
    /// The machine as it is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In another boot: the kernel's boot id is what this file says.
    #[must_use]
    pub fn boot(mut self, id: &Path) -> Self {
        self.step("mount --make-rprivate /proc");
        self.step(&format!("mount --bind {} {BOOT_ID}", id.display()));
        self
    }

    /// On a machine that is up for so much less time than this one.
    const fn younger(mut self, by: Duration) -> Self {
        self.younger = by;
        self
    }

    /// Under systemd's journal: journald's socket is the one named `socket` in this folder, and standard error is
    /// connected to it.
    #[must_use]
    pub fn journal(mut self, folder: &Path) -> Self {
        // Where systemd runs the folder is there; elsewhere an empty one harms nobody.
        self.step(&format!("mkdir -p {JOURNAL}"));
        self.step("mount --make-rprivate /");
        self.step(&format!("mount --bind {} {JOURNAL}", folder.display()));
        self.step("export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)");
        self
    }

    /// Where names are asked of whom this file names.
    #[must_use]
    pub fn resolver(mut self, file: &Path) -> Self {
        self.step("mount --make-rprivate /");
        self.step(&format!("mount --bind {} {RESOLVER}", file.display()));
        self
    }

    /// Behind a gate: it begins when a line is written to its standard input.
    #[must_use]
    pub fn gated(mut self) -> Self {
        self.step("read -r go");
        self
    }

    /// On a terminal of 40 lines and 120 columns; what is drawn there is the process's standard output.
    #[must_use]
    pub const fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    fn step(&mut self, step: &str) {
        self.steps.push(step.to_owned());
    }

    /// The words that come before the command.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let steps: String = self
            .steps
            .iter()
            .map(|step| format!("{step} && "))
            .collect();
        if !self.steps.is_empty() || !self.younger.is_zero() {
            words.extend(["unshare", "--mount", "--propagation", "unchanged"].map(str::to_owned));
        }
        let mut inner = "exec \"$@\"";
        if !self.younger.is_zero() {
            let by = self.younger.as_secs();
            let clocks = [
                "--time",
                "--monotonic",
                &format!("-{by}"),
                "--boottime",
                &format!("-{by}"),
            ];
            words.extend(clocks.map(str::to_owned));
            // New clocks are the children's; whoever wants them for itself has to enter.
            inner = "exec nsenter --time=/proc/self/ns/time_for_children \"$@\"";
        }
        if !words.is_empty() {
            words.extend(["sh", "-c", &format!("{steps}{inner}"), "sh"].map(str::to_owned));
        }
        if self.terminal {
            // `script` takes the command as one text; it is passed by name, for no word of it holds a space.
            let inner = "stty rows 40 cols 120; exec $COMMAND";
            let outer = format!(
                "COMMAND=\"$*\" exec script --quiet --return --flush --command '{inner}' /dev/null"
            );
            words.extend(["sh".to_owned(), "-c".to_owned(), outer, "sh".to_owned()]);
        }
        words
    }
}

/// A boot that is not the machine's own.
#[derive(Debug)]
pub struct Boot {
    id: String,
    folder: TempDir,
    younger: Duration,
}

impl Boot {
    /// The next one.
    ///
    /// # Errors
    /// If there is no place for its id.
    pub fn new() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("firstlight-boot-")?;
        let id = format!("00000000-0000-4000-8000-{:012x}", fastrand::u64(..1 << 48));
        std::fs::write(folder.path().join("boot_id"), format!("{id}\n"))?;
        Ok(Self {
            id,
            folder,
            younger: Duration::ZERO,
        })
    }

    /// The next one, which begins now: the machine is up for no longer.
    ///
    /// # Errors
    /// If there is no place for its id.
    pub fn now() -> anyhow::Result<Self> {
        let uptime = std::fs::read_to_string("/proc/uptime").context("reading the uptime")?;
        let seconds = uptime.split('.').next().context("no uptime")?.parse()?;
        Ok(Self {
            younger: Duration::from_secs(seconds),
            ..Self::new()?
        })
    }

    /// Where an agent runs in this boot.
    #[must_use]
    pub fn place(&self) -> Place {
        let id = self.folder.path().join("boot_id");
        Place::new().boot(&id).younger(self.younger)
    }

    /// The kernel's id for it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The agent in this boot. What it kept in memory is gone.
    ///
    /// # Errors
    /// If something is in use there.
    pub fn of(&self, agent: &Agent) -> anyhow::Result<Agent> {
        let run = agent.root().join("run/firstlight");
        if run.exists() {
            std::fs::remove_dir_all(&run).with_context(|| format!("emptying {}", run.display()))?;
        }
        Ok(agent.clone().at(self.place()))
    }
}
