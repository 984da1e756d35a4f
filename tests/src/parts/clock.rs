//! A wall clock of an agent's own, ahead of the machine's or behind it, that can be stepped while the agent runs. The
//! machine's clock is nobody's to set.
//!
//! By libfaketime, which is preloaded: a static binary takes no preloading, so what is tested with it is the build for glibc
//! that Cargo makes beside the tests. The clocks that no one steps (since boot, monotonic) are left alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// Where Debian's package puts it.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// A clock, right at first.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
}

impl Clock {
    /// A new one.
    ///
    /// # Errors
    /// If libfaketime is missing.
    pub fn new() -> anyhow::Result<Self> {
        if !Path::new(LIBRARY).exists() {
            bail!("{LIBRARY} is missing: `apt-get install libfaketime`");
        }
        let folder = TempDir::with_prefix("firstlight-clock-")?;
        let clock = Self { folder };
        clock.step("+0")?;
        Ok(clock)
    }

    /// Steps it to be off by that much, such as `+2h` or `-40m`.
    ///
    /// # Errors
    /// If it can't be told.
    pub fn step(&self, off: &str) -> anyhow::Result<()> {
        let (file, new) = (self.file(), self.folder.path().join("new"));
        std::fs::write(&new, off)?;
        std::fs::rename(&new, &file).with_context(|| format!("writing {}", file.display()))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// What puts a program under this clock.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 6] {
        let on = || "1".to_owned();
        [
            ("LD_PRELOAD", LIBRARY.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", on()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", on()),
            ("FAKETIME_DISABLE_SHM", on()),
            ("NO_FAKE_STAT", on()),
        ]
    }
}

/// The agent for glibc.
///
/// # Errors
/// If Cargo has not built it.
pub fn binary() -> anyhow::Result<PathBuf> {
    // Cargo puts a test at deps/NAME, and the workspace's programs in the folder above.
    let test = std::env::current_exe().context("looking for this test's own program")?;
    let built = test
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("firstlight"));
    built
        .filter(|built| built.is_file())
        .context("the agent for glibc has not been built: `cargo build --workspace --bins`")
}
