//! The composition root: paths, timings, deadline and clients, built once and handed down.

use crate::{
    imds::{Identity, Imds},
    report::Report,
    verdict::{Failure, LaunchError, Stage},
};
use std::{path::PathBuf, time::Duration};
use tokio::time::Instant;

/// Everything a stage may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where things lie.
    pub paths: Paths,
    /// How long things may take.
    pub timings: Timings,
    /// When the launch must be decided.
    pub deadline: Deadline,
    /// Instance metadata.
    pub imds: Imds,
    /// AWS settings for this instance: credentials, region, endpoints, no retries, attempt time-outs.
    pub aws: aws_config::SdkConfig,
    /// What people see.
    pub report: Report,
}

impl Context {
    /// Runs one stage: the one place that times it, says it, and names it in its error.
    ///
    /// # Errors
    /// The stage's own, or `deadline` when the launch's time ran out in it.
    pub async fn stage<T, E: Failure>(
        &self,
        _stage: Stage,
        _work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, LaunchError> {
        todo!()
    }

    /// The context of an instance that knows who it is.
    pub async fn new(
        _paths: Paths,
        _timings: Timings,
        _deadline: Deadline,
        _imds: Imds,
        _me: &Identity,
        _report: Report,
    ) -> Context {
        todo!()
    }
}

/// The three folders, below `--root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `/etc/firstlight`: drop-ins.
    pub etc: PathBuf,
    /// `/var/lib/firstlight`: the record.
    pub var: PathBuf,
    /// `/run/firstlight`: secrets, sockets; tmpfs.
    pub run: PathBuf,
}

impl Paths {
    /// The folders below `root` (`/` on an instance).
    pub fn below(root: &std::path::Path) -> Paths {
        Paths {
            etc: root.join("etc/firstlight"),
            var: root.join("var/lib/firstlight"),
            run: root.join("run/firstlight"),
        }
    }
}

/// A moment by which something must be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// That long from now.
    pub fn after(duration: Duration) -> Deadline {
        Deadline(Instant::now() + duration)
    }
    /// The moment.
    pub fn instant(self) -> Instant {
        self.0
    }
    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.remaining().is_zero()
    }
    /// The earlier of this and that long from now.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Deadline {
        self.min(Deadline::after(duration))
    }
    /// That much earlier: time reserved for what comes after.
    #[must_use]
    pub fn less(self, reserve: Duration) -> Deadline {
        Deadline(self.0.checked_sub(reserve).unwrap_or(self.0))
    }
}

/// Every duration that is not the user's to set, in one place. `FIRSTLIGHT_TIMINGS` (a JSON object
/// of some of these names, each a duration such as `"250ms"`) overrides them; it exists so that tests
/// can use short real deadlines, and is not part of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// Connecting to instance metadata.
    pub imds_connect: Duration,
    /// One request to instance metadata.
    pub imds_attempt: Duration,
    /// All attempts for one answer at boot.
    pub imds_budget: Duration,
    /// Connecting to an AWS endpoint.
    pub aws_connect: Duration,
    /// One request to an AWS endpoint.
    pub aws_attempt: Duration,
    /// First and largest wait between attempts.
    pub backoff_base: Duration,
    /// Largest wait between attempts.
    pub backoff_cap: Duration,
    /// Kept back from the launch's time for delivering its verdict.
    pub delivery_reserve: Duration,
    /// How long delivering may take when the launch's time is used up: a late verdict beats none.
    pub delivery_least: Duration,
    /// How long a download may stand still.
    pub pull_stall: Duration,
    /// How long a service without a health check must run.
    pub settle: Duration,
    /// Longest time between heartbeats.
    pub heartbeat_most: Duration,
    /// Shortest time between heartbeats.
    pub heartbeat_least: Duration,
    /// Between two looks at the group while a signal is refused as too early.
    pub reconcile_poll: Duration,
    /// How long `:Wait` may persist after a signal that is on record, before it counts as delivered
    /// (another hook may be what holds it).
    pub reconcile_patience: Duration,
    /// One request to the Docker engine that should answer at once.
    pub docker_attempt: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        let s = Duration::from_secs;
        Timings {
            imds_connect: s(1),
            imds_attempt: s(2),
            imds_budget: s(300),
            aws_connect: s(3),
            aws_attempt: s(10),
            backoff_base: Duration::from_millis(250),
            backoff_cap: s(20),
            delivery_reserve: s(30),
            delivery_least: s(60),
            pull_stall: s(60),
            settle: s(10),
            heartbeat_most: s(300),
            heartbeat_least: s(10),
            reconcile_poll: s(5),
            reconcile_patience: s(120),
            docker_attempt: s(30),
        }
    }
}
