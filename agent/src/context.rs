//! The composition root: paths, timings, deadline and clients, built once and handed down.

use crate::{
    imds::Imds,
    report::Report,
    retry::Backoff,
    verdict::{Failure, LaunchError, Reason, Stage},
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
    /// When the launch began, in an earlier process perhaps.
    pub began: Instant,
    /// Instance metadata.
    pub imds: Imds,
    /// AWS settings for this instance: credentials, region, endpoints, no retries, attempt time-outs.
    pub aws: aws_config::SdkConfig,
    /// What people see.
    pub report: Report,
}

/// How long after the launch's deadline a stage is cut off: its own waits end at the deadline and know
/// better what they were waiting for. Taken out of the time reserved for delivery.
const GRACE: Duration = Duration::from_secs(1);

impl Context {
    /// Runs one stage: the one place that times it, says it, and names it in its error.
    ///
    /// # Errors
    /// The stage's own, or `deadline` when the launch's time ran out in it.
    pub async fn stage<T, E: Failure>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, LaunchError> {
        staged(&self.report, stage, self.deadline, work).await
    }

    /// The same context for a launch that may take `whole` from its beginning to its verdict.
    #[must_use]
    pub fn within(&self, whole: Duration) -> Context {
        let reserve = self.timings.delivery_reserve.min(whole / 4);
        Context {
            deadline: Deadline(self.began + whole).less(reserve),
            ..self.clone()
        }
    }

    /// Until when metadata may not know yet where the group wants the instance.
    pub fn target_known(&self) -> Deadline {
        Deadline(self.began + self.timings.target_patience)
    }

    /// The same context for something of its own beside the launch: by then at the latest, and none of its
    /// calls to the engine longer than half of it.
    #[must_use]
    pub fn by(&self, deadline: Deadline) -> Context {
        let mut timings = self.timings.clone();
        timings.docker_attempt = timings.docker_attempt.min(deadline.remaining() / 2);
        Context {
            deadline,
            timings,
            ..self.clone()
        }
    }

    /// By when the verdict must be delivered, `whole` being the launch's time: a late verdict beats none.
    pub fn delivery(&self, whole: Duration) -> Deadline {
        Deadline(self.began + whole).max(Deadline::after(self.timings.delivery_least))
    }
}

/// [`Context::stage`], for the stage that runs before there is a context.
///
/// # Errors
/// The stage's own, or `deadline` when the time ran out in it.
pub async fn staged<T, E: Failure>(
    report: &Report,
    stage: Stage,
    deadline: Deadline,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LaunchError> {
    report.stage_started(stage);
    let began = Instant::now();
    let over = |message| {
        Err(LaunchError {
            stage,
            reason: Reason::Deadline,
            message,
        })
    };
    let result = if deadline.passed() {
        // Its own waits would end at once, and each would blame what it waits for.
        over("the launch's time was over before this stage began; give the launch a longer `timeout`".to_owned())
    } else {
        match tokio::time::timeout_at(deadline.instant() + GRACE, work).await {
            Ok(result) => result.map_err(|error| LaunchError::at(stage, &error)),
            Err(_elapsed) => over(format!(
                "the launch's time ran out here, after {:.1} s in this stage; see the last lines before this one for what it waited for, or give the launch a longer `timeout`",
                began.elapsed().as_secs_f64()
            )),
        }
    };
    report.stage_ended(stage, began.elapsed(), result.as_ref().err());
    result
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
    /// No moment that anybody lives to see: for work that ends only with its agent.
    pub fn never() -> Deadline {
        Deadline::after(Duration::from_secs(30 * 365 * 24 * 3600))
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

/// Every duration that is not the user's to set, in one place. `FIRSTLIGHT_TIMINGS` (a JSON object of
/// some of these names, each a number of milliseconds) overrides them; it exists so that tests can use
/// short real deadlines, and is not part of the contract.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timings {
    /// Connecting to instance metadata.
    #[serde(deserialize_with = "milliseconds")]
    pub imds_connect: Duration,
    /// One request to instance metadata.
    #[serde(deserialize_with = "milliseconds")]
    pub imds_attempt: Duration,
    /// All attempts for one answer at boot.
    #[serde(deserialize_with = "milliseconds")]
    pub imds_budget: Duration,
    /// Connecting to an AWS endpoint.
    #[serde(deserialize_with = "milliseconds")]
    pub aws_connect: Duration,
    /// One request to an AWS endpoint.
    #[serde(deserialize_with = "milliseconds")]
    pub aws_attempt: Duration,
    /// First and largest wait between attempts.
    #[serde(deserialize_with = "milliseconds")]
    pub backoff_base: Duration,
    /// Largest wait between attempts.
    #[serde(deserialize_with = "milliseconds")]
    pub backoff_cap: Duration,
    /// Kept back from the launch's time for delivering its verdict.
    #[serde(deserialize_with = "milliseconds")]
    pub delivery_reserve: Duration,
    /// How long delivering may take when the launch's time is used up: a late verdict beats none.
    #[serde(deserialize_with = "milliseconds")]
    pub delivery_least: Duration,
    /// How long a download may stand still.
    #[serde(deserialize_with = "milliseconds")]
    pub pull_stall: Duration,
    /// How long a service without a health check must run.
    #[serde(deserialize_with = "milliseconds")]
    pub settle: Duration,
    /// Longest time between heartbeats.
    #[serde(deserialize_with = "milliseconds")]
    pub heartbeat_most: Duration,
    /// Shortest time between heartbeats.
    #[serde(deserialize_with = "milliseconds")]
    pub heartbeat_least: Duration,
    /// Between two looks at the group while a signal is refused as too early, or a group waits.
    #[serde(deserialize_with = "milliseconds")]
    pub reconcile_poll: Duration,
    /// How long `:Wait` may persist, with our hook taking nothing, before another's hook counts as what
    /// holds the instance.
    #[serde(deserialize_with = "milliseconds")]
    pub reconcile_patience: Duration,
    /// How long Auto Scaling may fail to tell the group before an instance whose metadata has no target
    /// state counts as in none.
    #[serde(deserialize_with = "milliseconds")]
    pub group_patience: Duration,
    /// Between two looks at where the group wants the instance, and at what EC2 announces.
    #[serde(deserialize_with = "milliseconds")]
    pub watch_poll: Duration,
    /// How long nothing is started while metadata does not say where the group wants the instance: it is
    /// silent in an instance's first moments, and in a warm pool nothing may start.
    #[serde(deserialize_with = "milliseconds")]
    pub target_patience: Duration,
    /// Longest time that services are kept serving while the group takes the instance out of service:
    /// longer than a load balancer's deregistration delay, which is an hour at most.
    #[serde(deserialize_with = "milliseconds")]
    pub drain_most: Duration,
    /// Longest wait before a service that exited is started again.
    #[serde(deserialize_with = "milliseconds")]
    pub restart_cap: Duration,
    /// How long a service must run for its earlier exits not to slow down its next start.
    #[serde(deserialize_with = "milliseconds")]
    pub restart_forgiven: Duration,
    /// A service that exits `dying_exits` times within this time keeps dying.
    #[serde(deserialize_with = "milliseconds")]
    pub dying_within: Duration,
    /// How many exits; the one number here that is no time.
    pub dying_exits: u32,
    /// One request to the Docker engine that should answer at once.
    #[serde(deserialize_with = "milliseconds")]
    pub docker_attempt: Duration,
    /// Collecting evidence of a failure and putting it where it outlives the instance.
    #[serde(deserialize_with = "milliseconds")]
    pub evidence: Duration,
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Duration::from_millis)
}

impl Timings {
    /// Back-off between attempts.
    pub fn backoff(&self) -> Backoff {
        Backoff {
            base: self.backoff_base,
            cap: self.backoff_cap,
        }
    }

    /// The same for the engine: it is on this machine, so it is asked often.
    pub fn engine_backoff(&self) -> Backoff {
        Backoff {
            base: self.backoff_base,
            cap: self.backoff_base.saturating_mul(4),
        }
    }

    /// Before what exited is started again.
    pub fn restart_backoff(&self) -> Backoff {
        Backoff {
            base: self.backoff_base,
            cap: self.restart_cap,
        }
    }

    /// The defaults, with what `FIRSTLIGHT_TIMINGS` overrides.
    ///
    /// # Errors
    /// The variable is set and cannot be read: a fragment that says why.
    pub fn from_env() -> Result<Timings, String> {
        match std::env::var("FIRSTLIGHT_TIMINGS") {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                format!("FIRSTLIGHT_TIMINGS must be a JSON object of milliseconds by name: {error}")
            }),
            Err(std::env::VarError::NotPresent) => Ok(Timings::default()),
            Err(error) => Err(format!("FIRSTLIGHT_TIMINGS: {error}")),
        }
    }
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
            group_patience: s(60),
            watch_poll: s(5),
            target_patience: s(10),
            drain_most: s(3_900),
            restart_cap: s(60),
            restart_forgiven: s(600),
            dying_within: s(600),
            dying_exits: 5,
            docker_attempt: s(30),
            evidence: s(20),
        }
    }
}
