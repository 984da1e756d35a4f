//! A small disk of an agent's own for its record, to be full or to take no writes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::mount::{MsFlags, mount};

use super::Agent;

/// The disk. It goes with the agent's root folder.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Puts one below the folder of an agent's record.
    ///
    /// # Errors
    /// If it can't be mounted.
    pub fn below(agent: &Agent) -> anyhow::Result<Self> {
        let folder = agent.root().join("var/lib/firstlight");
        fs::create_dir_all(&folder)?;
        let disk = Self(folder);
        disk.mount(MsFlags::empty())?;
        Ok(disk)
    }

    /// The folder that is on it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Whether it takes writes.
    ///
    /// # Errors
    /// If it can't be mounted again.
    pub fn writable(&self, writable: bool) -> anyhow::Result<()> {
        let flags = if writable {
            MsFlags::empty()
        } else {
            MsFlags::MS_RDONLY
        };
        self.mount(MsFlags::MS_REMOUNT | flags)
    }

    fn mount(&self, flags: MsFlags) -> anyhow::Result<()> {
        let options = Some("size=256k,mode=0700");
        mount(Some("tmpfs"), &self.0, Some("tmpfs"), flags, options)
            .context("mounting a small disk")
    }

    /// Takes all the room there is.
    ///
    /// # Errors
    /// If it isn't the room that runs out.
    pub fn fill(&self) -> anyhow::Result<()> {
        self.fill_with("filler")
    }

    /// The same, and the room that the agent keeps back.
    ///
    /// # Errors
    /// If none is kept back.
    pub fn fill_whole(&self) -> anyhow::Result<()> {
        self.fill()?;
        fs::remove_file(self.0.join("reserve")).context("no reserve was kept")?;
        self.fill_with("filler-more")
    }

    fn fill_with(&self, name: &str) -> anyhow::Result<()> {
        let mut file = File::create(self.0.join(name))?;
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// If it can't be.
    pub fn free(&self) -> anyhow::Result<()> {
        for name in ["filler", "filler-more"] {
            match fs::remove_file(self.0.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}
