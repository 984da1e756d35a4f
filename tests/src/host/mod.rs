//! A host that boots: a container whose PID 1 is systemd, with journald, cloud-init and a Docker engine of its own, made by the
//! provisioning that makes the AMIs (`make image-local`). What an instance has around it is put into its network.
//!
//! ```text
//! Network     where hosts are: nothing but loopback, and the metadata address. enter() moves this thread there, so that the
//!             stage, a registry and moto are the host's neighbours when they are opened after
//! Still       a provisioned machine that nothing has booted
//! Host        switched on, in a network: run(), shell(), journal(), console(), reboot()
//! verify()    what `ami/verify` says of either
//! ```
//!
//! Everything goes with the values. To add a kind of host: a suite in `ami/local/base`.

mod capabilities;
mod docker;
mod network;
mod still;
mod verify;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::harness::Entry;
use crate::wait::until;
use capabilities::CAPABILITIES;
pub use docker::Said;
use docker::{Container, docker};
pub use network::Network;
pub use still::Still;
pub use verify::verify;

/// Where instance metadata is.
pub const METADATA: &str = "169.254.169.254";
/// Debian 12 and 13.
pub const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// How long a boot may take on a busy machine.
const BOOT: Duration = Duration::from_secs(180);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(90);
/// The hosts' images, and what names them otherwise, as it does for `ami/local/build`.
const IMAGES: &str = "firstlight-host";
const IMAGES_OTHERWISE: &str = "FIRSTLIGHT_HOST";

/// What to do without them.
const MISSING: &str = "the hosts' images are missing: `make image-local`";

fn images() -> String {
    std::env::var(IMAGES_OTHERWISE).unwrap_or_else(|_| IMAGES.to_owned())
}

/// A suite's image before anything of ours was on it.
fn base(suite: &str) -> String {
    format!("{}-base:{suite}", images())
}

/// And after.
fn provisioned(suite: &str) -> String {
    format!("{}:{suite}", images())
}

/// A host that is on, unless it was switched off.
#[derive(Debug)]
pub struct Host {
    container: Container,
}

impl Host {
    /// A provisioned host, off, with these files (path, mode, bytes) put there.
    ///
    /// # Errors
    /// If its image is missing.
    pub async fn provisioned(
        network: &Network,
        suite: &str,
        files: &[(&str, &[u8])],
    ) -> Result<Self> {
        Self::of(network, &provisioned(suite), files).await
    }

    /// The same before the provisioning.
    ///
    /// # Errors
    /// If its image is missing.
    pub async fn bare(network: &Network, suite: &str, files: &[(&str, &[u8])]) -> Result<Self> {
        Self::of(network, &base(suite), files).await
    }

    async fn of(network: &Network, image: &str, files: &[(&str, &[u8])]) -> Result<Self> {
        let host = Self {
            container: Container::named("host"),
        };
        let name = &host.container.0;
        let network = format!("container:{}", network.container.0);
        docker(&["create", "--tty", "--name", name, "--network", &network])
            .args(["--cgroupns", "private", "--env", "container=docker"])
            .args([
                "--security-opt",
                "seccomp=unconfined",
                "--security-opt",
                "apparmor=unconfined",
            ])
            .args(["--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"])
            .args(["--volume", "/var/lib/docker", "--stop-signal", "SIGRTMIN+3"])
            .args(CAPABILITIES.iter().flat_map(|name| ["--cap-add", name]))
            .args([image])
            .said(COMMAND)
            .await?
            .good()
            .context(MISSING)?;
        for (path, bytes) in files {
            host.put(path, bytes).await?;
        }
        Ok(host)
    }

    /// Its container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.container.0
    }

    /// Puts a file there, root's, with mode 0644, in folders that are made where missing.
    ///
    /// # Errors
    /// If docker is missing.
    pub async fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().context("a path of a file")?)?;
        std::fs::write(&file, bytes)?;
        // With the path to it: `docker cp` makes no folders by itself. The first is / itself, with its mode.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open)?;
        let from = format!("{}/.", folder.path().display());
        let to = format!("{}:/", self.container.0);
        docker(&["cp", &from, &to]).said(COMMAND).await?.good()?;
        Ok(())
    }

    /// Switches it on, and waits until systemd has done all it has to, be it with failures.
    ///
    /// # Errors
    /// If it doesn't come up, with its console.
    pub async fn boot(&self) -> Result<()> {
        self.switch_on().await?;
        self.settled().await
    }

    /// Switches it on.
    ///
    /// # Errors
    /// If it can't be.
    pub async fn switch_on(&self) -> Result<()> {
        docker(&["start", &self.container.0])
            .said(COMMAND)
            .await?
            .good()?;
        Ok(())
    }

    /// Waits until systemd has done all it has to, be it with failures.
    ///
    /// # Errors
    /// If it doesn't, with its console.
    pub async fn settled(&self) -> Result<()> {
        let settled = until(BOOT, "the host has booted", async || {
            let state = self.run(&["systemctl", "is-system-running"]).await.ok()?;
            matches!(state.out.trim(), "running" | "degraded").then_some(())
        });
        match settled.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.console().await?)),
        }
    }

    /// Runs a command in it.
    ///
    /// # Errors
    /// If it does not end in time, or docker is missing.
    pub async fn run(&self, words: &[&str]) -> Result<Said> {
        docker(&["exec", &self.container.0])
            .args(words.iter().copied())
            .said(COMMAND)
            .await
    }

    /// What a script prints that must succeed.
    ///
    /// # Errors
    /// If it fails, with all it printed.
    pub async fn shell(&self, script: &str) -> Result<String> {
        self.run(&["sh", "-c", script]).await?.good()
    }

    /// What the journal holds by these conditions, a line an entry.
    ///
    /// # Errors
    /// If there is none.
    pub async fn journal(&self, conditions: &[&str]) -> Result<String> {
        let words = ["journalctl", "--no-pager", "--output", "short-unix"];
        self.run(&[&words, conditions].concat()).await?.good()
    }

    /// The same as entries, with all their fields.
    ///
    /// # Errors
    /// If one can't be read.
    pub async fn entries(&self, conditions: &[&str]) -> Result<Vec<Entry>> {
        let words = [
            "journalctl",
            "--no-pager",
            "--quiet",
            "--all",
            "--output",
            "json",
        ];
        let told = self.run(&[&words, conditions].concat()).await?.good()?;
        told.lines().map(Entry::told).collect()
    }

    /// Has its systemd start it anew: down in order, and on again with nothing in memory, as another boot.
    ///
    /// # Errors
    /// If it doesn't go down, with its console.
    pub async fn reboot(&self) -> Result<()> {
        // It may go down before it has answered.
        self.run(&["systemctl", "reboot"]).await?;
        self.is_off().await?;
        self.switch_on().await
    }

    /// Waits until it is off.
    ///
    /// # Errors
    /// If it isn't, with its console.
    pub async fn is_off(&self) -> Result<()> {
        let off = until(BOOT, "the host is off", async || {
            let words = [
                "inspect",
                "--format",
                "{{.State.Running}}",
                &self.container.0,
            ];
            let running = docker(&words).said(COMMAND).await.ok()?;
            (running.out.trim() == "false").then_some(())
        });
        match off.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.console().await?)),
        }
    }

    /// A file of its disk, be it on or off.
    ///
    /// # Errors
    /// If there is none.
    pub async fn file(&self, path: &str) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (
            format!("{}:{path}", self.container.0),
            folder.path().join("file"),
        );
        docker(&["cp", &from, &to.display().to_string()])
            .said(COMMAND)
            .await?
            .good()?;
        Ok(std::fs::read(to)?)
    }

    /// What stands on its console.
    ///
    /// # Errors
    /// If docker is missing.
    pub async fn console(&self) -> Result<String> {
        Ok(docker(&["logs", &self.container.0])
            .said(COMMAND)
            .await?
            .all())
    }
}
