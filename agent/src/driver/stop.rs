//! Being asked to stop, and why.

use std::{
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep},
};

/// How long systemd may take to tell what it is at.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether it has told.
const LOOK: Duration = Duration::from_millis(10);

/// Who is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The agent alone: it is stopped, or upgraded.
    Agent,
    /// The machine is being shut down.
    Machine,
}

/// SIGTERM, and SIGINT for a person at a terminal.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// SIGTERM came, and it is not known yet why.
    terminated: bool,
}

impl Stop {
    pub(super) fn listen() -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminated: false,
        })
    }

    /// Waits for a signal. Cancelled before there is one, it loses nothing.
    pub(super) async fn asked(&mut self) -> Asked {
        if !self.terminated {
            tokio::select! {
                _ = self.terminate.recv() => self.terminated = true,
                _ = self.interrupt.recv() => return Asked::Agent,
            }
        }
        let machine = shutting_down().await;
        self.terminated = false;
        match machine {
            true => Asked::Machine,
            false => Asked::Agent,
        }
    }
}

/// Whether systemd is shutting the machine down. Where there is no systemd, and where it does not tell,
/// it is not: services that are left running lose less than services that are stopped.
async fn shutting_down() -> bool {
    let asked = Command::new("systemctl")
        .arg("is-system-running")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = asked else { return false };
    let until = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= until {
            // It has nothing to lose, and is reaped with us.
            drop(child.kill());
            return false;
        }
        sleep(LOOK).await;
    }
    let said = child.wait_with_output();
    said.is_ok_and(|said| said.stdout.trim_ascii() == b"stopping")
}
