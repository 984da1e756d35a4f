//! An agent that runs, and what it was when it ended.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::wait::wait_until;

/// How long the pipes may stay open after the process ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running agent; it is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pid: Pid,
    command_line: String,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: JoinSet<()>,
}

/// What is left of an agent that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Its command line, as everybody on the machine could see it.
    pub command_line: String,
}

impl Running {
    /// Starts a command whose output is piped.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        let pid = child.id().context("the agent ended before it began")?;
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let mut readers = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            readers.spawn(collect(pipe, Arc::clone(&stdout)));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.spawn(collect(pipe, Arc::clone(&stderr)));
        }
        let command_line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Ok(Self {
            child,
            pid: Pid::from_raw(i32::try_from(pid)?),
            command_line: String::from_utf8_lossy(&command_line).replace('\0', " "),
            stdout,
            stderr,
            readers,
        })
    }

    /// Its process.
    #[must_use]
    pub const fn id(&self) -> Pid {
        self.pid
    }

    /// What it has written so far, both streams.
    #[must_use]
    pub fn output(&self) -> String {
        format!("{}{}", text(&self.stdout), text(&self.stderr))
    }

    /// Its process id.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(self.pid, signal).with_context(|| format!("sending {signal}"))
    }

    /// Waits until `condition` holds, then kills it as a power cut would.
    ///
    /// # Errors
    /// If the condition isn't met in time, or the agent ended before.
    pub async fn kill_when(
        self,
        patience: Duration,
        what: &str,
        condition: impl FnMut() -> bool,
    ) -> anyhow::Result<Finished> {
        self.signal_when(Signal::SIGKILL, patience, what, condition)
            .await
    }

    /// Waits until `condition` holds, sends a signal, and waits for the end.
    ///
    /// # Errors
    /// If the condition isn't met in time, the agent ended before, or doesn't end within `patience`.
    pub async fn signal_when(
        mut self,
        signal: Signal,
        patience: Duration,
        what: &str,
        condition: impl FnMut() -> bool,
    ) -> anyhow::Result<Finished> {
        self.until(patience, what, condition).await?;
        self.signal(signal)?;
        self.finish(patience).await
    }

    /// Waits until `condition` holds, while the agent runs.
    ///
    /// # Errors
    /// If the condition isn't met in time, or the agent ended before; with what it wrote.
    pub async fn until(
        &mut self,
        patience: Duration,
        what: &str,
        mut condition: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let child = &mut self.child;
        let mut ended = None;
        let met = wait_until(patience, what, || {
            // The condition first: it may have been met by the agent's last act.
            let met = condition();
            ended = child.try_wait().ok().flatten();
            met || ended.is_some()
        })
        .await;
        if let Some(status) = ended {
            bail!(
                "the agent ended ({status}) before {what}:\n{}",
                self.output()
            );
        }
        met.with_context(|| self.output())
    }

    /// Waits until it has written this so often, while it runs.
    ///
    /// # Errors
    /// As [`Running::until`]'s.
    pub async fn says(
        &mut self,
        patience: Duration,
        said: &str,
        times: usize,
    ) -> anyhow::Result<()> {
        let streams = [Arc::clone(&self.stdout), Arc::clone(&self.stderr)];
        let count = || -> usize {
            let counts = streams
                .iter()
                .map(|stream| text(stream).matches(said).count());
            counts.sum()
        };
        let what = format!("it says {said:?} {times} times");
        self.until(patience, &what, || count() >= times).await
    }

    /// Its share of memory (PSS), in bytes: what it has to itself, and its part of what it shares.
    ///
    /// # Errors
    /// If it has ended.
    pub fn pss(&self) -> anyhow::Result<u64> {
        let file = format!("/proc/{}/smaps_rollup", self.pid);
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes
            .with_context(|| format!("no Pss in {text}"))?
            .parse()?;
        Ok(kilobytes * 1024)
    }

    /// Kills it as a power cut would, the moment that `reached` is over. It may end by itself before.
    ///
    /// # Errors
    /// If neither is in time.
    pub async fn kill_at(
        mut self,
        patience: Duration,
        what: &str,
        reached: impl Future<Output = ()>,
    ) -> anyhow::Result<Finished> {
        tokio::select! {
            biased;
            () = reached => {}
            _ = self.child.wait() => return self.finish(patience).await,
            () = tokio::time::sleep(patience) => {
                bail!("waited {patience:?} in vain for {what}:\n{}", self.output())
            }
        }
        self.signal(Signal::SIGKILL)?;
        self.finish(patience).await
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it doesn't end in time: it is killed, and what it wrote is in the error.
    pub async fn finish(mut self, patience: Duration) -> anyhow::Result<Finished> {
        let Ok(status) = tokio::time::timeout(patience, self.child.wait()).await else {
            let _ = self.child.start_kill();
            bail!(
                "the agent did not end within {patience:?}; it wrote:\n{}",
                self.output()
            );
        };
        let status: ExitStatus = status.context("waiting for the agent")?;
        let drain = async { while self.readers.join_next().await.is_some() {} };
        // A child of its own may hold the pipe open: what was read until then is what there is.
        let _ = tokio::time::timeout(LAST_WORDS, drain).await;
        Ok(Finished {
            code: status.code(),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            command_line: self.command_line.clone(),
        })
    }
}

impl Finished {
    /// Holds the exit code to be this one.
    ///
    /// # Errors
    /// With everything the agent wrote.
    pub fn expect_code(&self, code: i32) -> anyhow::Result<()> {
        if self.code == Some(code) {
            return Ok(());
        }
        bail!(
            "expected exit code {code}, got {:?}\n-- stdout\n{}-- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        )
    }

    /// Holds its output, on either stream, to say this.
    ///
    /// # Errors
    /// With everything the agent wrote.
    pub fn expect_said(&self, text: &str) -> anyhow::Result<()> {
        if self.stdout.contains(text) || self.stderr.contains(text) {
            return Ok(());
        }
        bail!(
            "expected it to say {text:?}\n-- stdout\n{}-- stderr\n{}",
            self.stdout,
            self.stderr
        )
    }
}

/// Whether a process catches SIGTERM yet: the mask of caught signals in its status.
#[must_use]
pub fn listens(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (Signal::SIGTERM as u64 - 1) & 1 == 1)
}

async fn collect(mut pipe: impl AsyncRead + Unpin, into: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        into.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(piece);
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
