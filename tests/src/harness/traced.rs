//! An agent that stands still after each of its system calls, so that it can be killed right after one: nothing comes
//! between what it did and its end.
//!
//! What it did is seen in its journal: a datagram is in the mailbox before the call that sent it is over.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Agent, Finished, Mailbox, Place};

/// A running agent under trace; it is killed when dropped.
#[derive(Debug)]
pub struct Traced {
    pid: Pid,
    ended: Option<JoinHandle<anyhow::Result<Finished>>>,
}

impl Traced {
    /// Starts a command of this agent at `place`, with an unattended mailbox for its journal, and kills it as a power cut
    /// would, right after the system call that sent a datagram for which `reached` holds.
    ///
    /// # Errors
    /// If it can't be started, or not be traced.
    pub async fn start(
        agent: &Agent,
        place: Place,
        arguments: &[&str],
        mailbox: Arc<Mailbox>,
        reached: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let place = place.journal(mailbox.folder()).gated();
        let command = agent.clone().at(place).command(arguments).into_std();
        let (tell, told) = oneshot::channel();
        // One thread from beginning to end: the kernel takes a tracer's orders from no other.
        let ended = tokio::task::spawn_blocking(move || trace(command, &mailbox, reached, tell));
        match told.await {
            Ok(pid) => Ok(Self {
                pid,
                ended: Some(ended),
            }),
            Err(_) => match ended.await? {
                Ok(finished) => bail!("it ended before it began: {finished:?}"),
                Err(error) => Err(error),
            },
        }
    }

    /// Its process id.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it was killed where it was to be, or ended by itself before.
    ///
    /// # Errors
    /// If neither is in time; what it wrote is in the error.
    pub async fn killed(mut self, patience: Duration, what: &str) -> anyhow::Result<Finished> {
        let mut ended = self.ended.take().context("waited for twice")?;
        let Ok(finished) = tokio::time::timeout(patience, &mut ended).await else {
            kill(self.pid, Signal::SIGKILL)?;
            bail!("waited {patience:?} in vain for {what}: {:?}", ended.await?);
        };
        finished?
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Until its end was waited for, the process id is nobody else's.
        if self
            .ended
            .as_ref()
            .is_some_and(|ended| !ended.is_finished())
        {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

fn trace(
    mut command: Command,
    mailbox: &Mailbox,
    reached: impl FnMut(&[u8]) -> bool,
    tell: oneshot::Sender<Pid>,
) -> anyhow::Result<Finished> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::piped())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let mut child = command.spawn().context("starting the agent")?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let followed = follow(&mut child, pid, mailbox, reached, tell);
    if followed.is_err() {
        drop(child.kill());
        drop(child.wait());
    }
    Ok(Finished {
        code: followed?,
        stdout: text(&mut stdout)?,
        stderr: text(&mut stderr)?,
        command_line: String::new(),
    })
}

/// Its exit code; `None` if a signal ended it.
fn follow(
    child: &mut Child,
    pid: Pid,
    mailbox: &Mailbox,
    mut reached: impl FnMut(&[u8]) -> bool,
    tell: oneshot::Sender<Pid>,
) -> anyhow::Result<Option<i32>> {
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).context("tracing the agent")?;
    ptrace::interrupt(pid)?;
    let mut gate = child.stdin.take().context("no way to open the gate")?;
    writeln!(gate)?;
    // Whoever wants to know gave it up: it is killed when that is seen.
    let _ = tell.send(pid);
    loop {
        let signal = match waitpid(pid, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Exited(_, code) => return Ok(Some(code)),
            WaitStatus::Signaled(..) => return Ok(None),
            WaitStatus::PtraceSyscall(_) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::PtraceEvent(..) | WaitStatus::Continued(_) | WaitStatus::StillAlive => None,
        };
        if mailbox.empty().iter().any(|letter| reached(letter)) {
            kill(pid, Signal::SIGKILL)?;
        }
        match ptrace::syscall(pid, signal) {
            // It was killed, by us or by who waits for it no longer.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).context("letting the agent go on"),
        }
    }
}

fn text(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
