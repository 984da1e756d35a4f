//! Where hosts are.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, setns};

use super::docker::{Container, docker};
use super::{COMMAND, METADATA, MISSING, SUITES, base};

/// A network with nothing in it but loopback, which has the metadata address, too.
#[derive(Debug)]
pub struct Network {
    pub(super) container: Container,
    process: String,
}

impl Network {
    /// Makes one.
    ///
    /// # Errors
    /// If the hosts' images are missing, or this isn't root.
    pub async fn make() -> Result<Self> {
        let container = Container::named("network");
        let image = base(SUITES[0]);
        docker(&[
            "run",
            "--detach",
            "--network",
            "none",
            "--name",
            &container.0,
        ])
        .args([&*image, "busybox", "sleep", "86400"])
        .said(COMMAND)
        .await?
        .good()
        .context(MISSING)?;
        let process = docker(&["inspect", "--format", "{{.State.Pid}}", &container.0]);
        let process = process.said(COMMAND).await?.good()?;
        let network = Self { container, process };
        network.furnish()?;
        Ok(network)
    }

    fn furnish(&self) -> Result<()> {
        for words in [
            &["address", "add", METADATA, "dev", "lo"][..],
            // An interface that is not loopback, or cloud-init warns that there is none.
            &[
                "link",
                "add",
                "eth0",
                "type",
                "veth",
                "peer",
                "name",
                "elsewhere",
            ],
        ] {
            let mut ip = std::process::Command::new("nsenter");
            ip.args(["--net", "--target", &self.process, "ip"]);
            let done = ip.args(words).status().context("nsenter is missing")?;
            ensure!(done.success(), "ip {words:?}");
        }
        Ok(())
    }

    /// The files of a machine before the provisioning, which nothing has booted.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        format!("/proc/{}/root", self.process).into()
    }

    /// Moves this thread there, for good: what it opens and starts from now on is the hosts' neighbour. Processes that end with
    /// it, such as a registry, are there too.
    ///
    /// # Errors
    /// If this isn't root.
    pub fn enter(&self) -> Result<()> {
        let namespace = std::fs::File::open(format!("/proc/{}/ns/net", self.process))?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context("entering the host's network")
    }
}
