//! A whole fleet launched at once against an account's limits: the account in this process, the launches in another, so
//! that what each costs is told apart.
//!
//! The other is `fleet-launches`, of tests/fleet. To add a way to launch: a variant of [`Who`], and of its own there.

use crate::stage::Lifecycle;
use crate::stage::account::{Account, Limit, Parameters, Tally, Terms};
use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};
use std::{fmt, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Where an account's parameters lie.
const PATH: &str = "/fleet";

/// Who launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// firstlight.
    Agent,
    /// The AWS CLI with `standard` retries, the default of its version 2: three attempts a call.
    CliStandard,
    /// The AWS CLI with `legacy` retries, the default of its version 1: five attempts a call.
    CliLegacy,
}

impl Who {
    /// The word for it in `fleet-launches`.
    fn argument(self) -> &'static str {
        match self {
            Who::Agent => "agent",
            Who::CliStandard => "cli-standard",
            Who::CliLegacy => "cli-legacy",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Who::Agent => "firstlight",
            Who::CliStandard => "CLI, 3 attempts",
            Who::CliLegacy => "CLI, 5 attempts",
        })
    }
}

/// What each instance needs of Parameter Store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// So many by name, ten to a call.
    Named(usize),
    /// So many under one path, ten to a page.
    ByPath(usize),
}

impl Need {
    /// The calls that it takes where none is refused.
    #[must_use]
    pub fn calls(self) -> usize {
        let (Need::Named(count) | Need::ByPath(count)) = self;
        count.div_ceil(10)
    }

    /// A service that needs it, and what a script would ask for.
    fn of(self, parameters: &Parameters) -> (Value, Value) {
        let image = "registry.example/web:1";
        match self {
            Need::Named(_) => {
                let names = parameters.names();
                let environment: serde_json::Map<_, _> = names
                    .iter()
                    .enumerate()
                    .map(|(number, name)| {
                        (format!("P{number}"), json!(format!("{{{{ssm:{name}}}}}")))
                    })
                    .collect();
                (
                    json!({"image": image, "environment": environment}),
                    json!({"names": names}),
                )
            }
            Need::ByPath(_) => (
                json!({"image": image, "environment_from": [format!("ssm:{PATH}/")]}),
                json!({"path": PATH}),
            ),
        }
    }
}

/// A fleet to launch.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// By whom.
    pub who: Who,
    /// How many at once.
    pub instances: usize,
    /// What each needs.
    pub need: Need,
    /// On Parameter Store.
    pub parameters: Option<Limit>,
    /// On Auto Scaling.
    pub autoscaling: Option<Limit>,
}

/// What came of a fleet.
#[derive(Debug, Clone)]
pub struct Launched {
    /// What was to be launched.
    pub fleet: Fleet,
    /// What the account was asked.
    pub tally: Tally,
    /// Instances put into service.
    pub in_service: usize,
    /// Instances whose hook waits for a verdict that never comes.
    pub silent: usize,
    /// Why launches failed, one text each.
    pub failures: Vec<String>,
    /// The processor time of all launches, in user and in kernel mode, with their process's start.
    pub cpu: Duration,
}

impl Launched {
    /// Instances given up by their own ABANDON.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.fleet.instances - self.in_service - self.silent
    }

    /// What falls to one launch of so many in all.
    #[must_use]
    pub fn each(&self, all: f64) -> f64 {
        all / self.fleet.instances as f64
    }

    /// The least time that Parameter Store's limit allows for all.
    #[must_use]
    pub fn least(&self) -> Option<Duration> {
        let Fleet {
            instances, need, ..
        } = self.fleet;
        let limit = self.fleet.parameters?;
        Some(limit.least(instances * need.calls()))
    }

    /// The time it took, by the least time.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let least = self.least()?;
        Some(self.tally.took().as_secs_f64() / least.as_secs_f64())
    }
}

impl Fleet {
    /// Launches it; `program` is bench-fleet itself.
    ///
    /// # Errors
    /// If a part breaks; launches that fail are an outcome.
    pub async fn launch(self, program: &Path) -> Result<Launched> {
        let (Need::Named(count) | Need::ByPath(count)) = self.need;
        let parameters = Parameters::under(PATH, count);
        let (web, wanted) = self.need.of(&parameters);
        let account = Account::open(Terms {
            instances: self.instances,
            user_data: json!({"firstlight": 1, "services": {"web": web}}).to_string(),
            parameters,
            parameter_limit: self.parameters,
            autoscaling_limit: self.autoscaling,
        })
        .await?;
        let order = json!({"metadata": account.metadata_urls(), "wanted": wanted});
        let before = cpu()?;
        let failures = self.elsewhere(program, &account, &order).await?;
        Ok(Launched {
            fleet: self,
            tally: account.tally(),
            in_service: account.standing(Lifecycle::InService),
            silent: account.standing(Lifecycle::PendingWait),
            failures,
            cpu: cpu()?.saturating_sub(before),
        })
    }

    /// The launches, in a process of their own whose environment names the account and nothing else.
    async fn elsewhere(
        self,
        program: &Path,
        account: &Account,
        order: &Value,
    ) -> Result<Vec<String>> {
        let mut child = Command::new(program)
            .arg(self.who.argument())
            .env_clear()
            .envs(account.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut input = child.stdin.take().context("the launches' input")?;
        input.write_all(order.to_string().as_bytes()).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "the launches' process failed: {}",
            output.status
        );
        serde_json::from_slice(&output.stdout).context("reading what came of the launches")
    }
}

/// Lets this process and those that it starts have as many files open as the machine allows: a launch holds some
/// connections.
///
/// # Errors
/// The kernel's refusal.
pub fn open_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("raising the number of open files")
}

/// Of every process that this one started and that has ended.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let spent = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(spent.num_microseconds().try_into()?))
}
