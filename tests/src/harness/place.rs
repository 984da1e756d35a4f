//! Where an agent runs: in a mount namespace of its own with things put in place, or on a terminal.
//!
//! A place is a few words before the agent's command line. Each ends in `exec`, so the process that is signalled is the
//! agent itself; only on a terminal is it `script`, which passes on neither signals nor kills.
//!
//! To add something that only the whole machine has: a method on [`Place`] that mounts a substitute.

use std::path::Path;

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
        if !self.steps.is_empty() {
            let steps = self.steps.join(" && ");
            words.extend(
                [
                    "unshare",
                    "--mount",
                    "--propagation",
                    "unchanged",
                    "sh",
                    "-c",
                ]
                .map(str::to_owned),
            );
            words.extend([format!("{steps} && exec \"$@\""), "sh".to_owned()]);
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
        Ok(Self { id, folder })
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
        let place = Place::new().boot(&self.folder.path().join("boot_id"));
        Ok(agent.clone().at(place))
    }
}
