//! The `docker` command, to a deadline, and what it said; containers that end with their values.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

/// A call that is about to happen.
#[derive(Debug)]
pub(super) struct Call {
    command: Command,
    shown: String,
}

/// A call of `docker` with these words.
pub(super) fn docker(words: &[&str]) -> Call {
    let mut command = Command::new("docker");
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    Call {
        command,
        shown: words.join(" "),
    }
}

impl Call {
    /// With these words after.
    pub(super) fn args<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        for word in words {
            self.command.arg(word);
            self.shown = format!("{} {word}", self.shown);
        }
        self
    }

    /// Makes it.
    pub(super) async fn said(mut self, patience: Duration) -> Result<Said> {
        let ended = timeout(patience, self.command.output()).await;
        let shown = self.shown;
        let output = ended.with_context(|| format!("`docker {shown}` still runs"))?;
        let output = output.context("docker is missing: `apt-get install docker.io docker-cli`")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\r', "");
        Ok(Said {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            shown,
        })
    }
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it printed about it.
    pub err: String,
    shown: String,
}

impl Said {
    /// What it printed, trimmed, if it exited 0.
    ///
    /// # Errors
    /// With all it printed, if it did not.
    pub fn good(self) -> Result<String> {
        let (shown, code, all) = (&self.shown, self.code, self.all());
        ensure!(
            code == Some(0),
            "`docker {shown}` exited with {code:?}:\n{all}"
        );
        Ok(self.out.trim().to_owned())
    }

    /// All it printed.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A container that is removed with this value.
#[derive(Debug)]
pub(super) struct Container(pub(super) String);

impl Container {
    pub(super) fn named(what: &str) -> Self {
        Self(format!("firstlight-{what}-{:08x}", fastrand::u32(..)))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let mut remove = std::process::Command::new("docker");
        remove.args(["rm", "--force", "--volumes", &self.0]);
        // One that stays has a name that tells whose it is.
        let _ = remove.output();
    }
}
