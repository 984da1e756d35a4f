//! What an image is before anything has booted.

use anyhow::{Context as _, Result};

use super::docker::{Container, docker};
use super::{COMMAND, MISSING, provisioned};

/// A provisioned machine that nothing has booted: its image, to look at and to spoil.
#[derive(Debug)]
pub struct Still {
    container: Container,
}

impl Still {
    /// Makes one.
    ///
    /// # Errors
    /// If its image is missing.
    pub async fn provisioned(suite: &str) -> Result<Self> {
        let container = Container::named("still");
        let image = provisioned(suite);
        let name = &container.0;
        docker(&["run", "--detach", "--network", "none", "--name", name])
            .args(["--tmpfs", "/run", &image, "busybox", "sleep", "86400"])
            .said(COMMAND)
            .await?
            .good()
            .context(MISSING)?;
        Ok(Self { container })
    }

    /// Its container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.container.0
    }

    /// What a script prints that must succeed.
    ///
    /// # Errors
    /// If it fails, with all it printed.
    pub async fn shell(&self, script: &str) -> Result<String> {
        let exec = docker(&["exec", &self.container.0, "sh", "-c", script]);
        exec.said(COMMAND).await?.good()
    }
}
