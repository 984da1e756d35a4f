//! The three ways to launch, each as a process of its own.

use std::{
    fs, os::unix::process::ExitStatusExt as _, path::PathBuf, process::Stdio, time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::{harness, parts, stage::Stage};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

/// Who launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// `firstlight launch`.
    Agent,
    /// `userdata.sh`.
    Script,
    /// `floor`.
    Floor,
}

impl Contender {
    pub(crate) const ALL: [Contender; 3] = [Contender::Agent, Contender::Script, Contender::Floor];

    /// From starting the process to the group's having its CONTINUE, by the stage's log.
    pub(crate) async fn run(self, setting: &Setting, stage: &Stage) -> Result<Duration> {
        let root = TempDir::new()?;
        let mut command = self.command(setting, &root)?;
        command
            .env_clear()
            .envs(stage.environment())
            .env("PATH", std::env::var("PATH")?)
            .env("HOME", root.path());
        if self == Contender::Script {
            command.envs(setting.script());
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let began = stage.elapsed();
        let output = command.spawn()?.wait_with_output().await?;
        ensure!(
            output.status.success() && output.status.signal().is_none(),
            "{self:?} failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let completions = stage.calls_of("autoscaling", "CompleteLifecycleAction");
        let signalled = completions.iter().find(|call| call.succeeded());
        let signalled = signalled.with_context(|| format!("{self:?} told nobody"))?;
        Ok(signalled.at - began)
    }

    fn command(self, setting: &Setting, root: &TempDir) -> Result<Command> {
        Ok(match self {
            Contender::Agent => {
                let mut command = Command::new(harness::binary()?);
                command.arg("--root").arg(root.path()).arg("launch");
                command
            }
            Contender::Script => Command::new(parts::repository().join("tests/bench/userdata.sh")),
            Contender::Floor => {
                let plan = root.path().join("plan.json");
                fs::write(&plan, setting.floor().to_string())?;
                let mut command = Command::new(floor()?);
                command.arg(plan);
                command
            }
        })
    }
}

/// The floor: `FIRSTLIGHT_FLOOR`, or the one built like the agent.
fn floor() -> Result<PathBuf> {
    let built = parts::repository().join("target/x86_64-unknown-linux-musl/release/floor");
    parts::program("FIRSTLIGHT_FLOOR", &[built], "floor", "`make bench`")
}

/// What all three are told, each in its own words.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The container.
    pub(crate) name: String,
    /// The image, with its tag.
    pub(crate) image: String,
    pull: bool,
    parameters: usize,
    password: String,
}

/// More than these are read by path.
const NAMED: usize = 20;

impl Setting {
    pub(crate) fn new(
        host: &str,
        image: &str,
        pull: bool,
        parameters: usize,
        password: &str,
    ) -> Setting {
        Setting {
            name: "bench-web".into(),
            image: format!("{host}/{image}:1"),
            pull,
            parameters,
            password: password.into(),
        }
    }

    fn named(&self) -> impl Iterator<Item = (String, String)> {
        let count = if self.parameters > NAMED {
            0
        } else {
            self.parameters
        };
        (0..count).map(|number| (format!("P{number}"), format!("/bench/named/{number}")))
    }

    fn by_path(&self) -> Option<&'static str> {
        (self.parameters > NAMED).then_some("/bench/path/")
    }

    /// For the agent.
    pub(crate) fn user_data(&self) -> Vec<u8> {
        let (host, _) = self.image.split_once('/').unwrap_or_default();
        let environment: serde_json::Map<_, _> = self
            .named()
            .map(|(variable, name)| (variable, json!(format!("{{{{ssm:{name}}}}}"))))
            .collect();
        let mut service = json!({
            "image": self.image,
            "pull_policy": if self.pull { "always" } else { "missing" },
            "environment": environment,
            "health": {"http": {"port": 3000, "path": "/healthcheck/"}, "interval": "100ms", "healthy_threshold": 2},
        });
        if let Some(path) = self.by_path() {
            service["environment_from"] = json!([format!("ssm:{path}")]);
        }
        json!({
            "firstlight": 1,
            "registries": {host: {"username": "bench", "password": self.password}},
            "services": {&self.name: service},
        })
        .to_string()
        .into_bytes()
    }

    /// For the floor.
    fn floor(&self) -> serde_json::Value {
        json!({
            "image": self.image,
            "pull": self.pull.then(|| json!({"username": "bench", "password": self.password})),
            "parameters": self.named().collect::<std::collections::BTreeMap<_, _>>(),
            "path": self.by_path(),
            "name": self.name,
            "port": 3000,
            "probe": "/healthcheck/",
        })
    }

    /// For the script.
    fn script(&self) -> Vec<(&'static str, String)> {
        let parameters: Vec<String> = self
            .named()
            .map(|(variable, name)| format!("{variable}={name}"))
            .collect();
        let mut variables = vec![
            ("GROUP", crate::GROUP.to_owned()),
            ("HOOK", crate::HOOK.to_owned()),
            ("IMAGE", self.image.clone()),
            ("PORT", "3000".to_owned()),
            ("HEALTH_PATH", "/healthcheck/".to_owned()),
            ("NAME", self.name.clone()),
            ("PARAMETERS", parameters.join(" ")),
            (
                "PARAMETER_PATH",
                self.by_path().unwrap_or_default().to_owned(),
            ),
        ];
        if self.pull {
            variables.push(("REGISTRY_USER", "bench".to_owned()));
            variables.push(("REGISTRY_PASSWORD", self.password.clone()));
        } else {
            variables.push(("PULL", "missing".to_owned()));
        }
        variables
    }

    /// Pulls the image beforehand, for the rounds that find it there.
    pub(crate) async fn pull(&self) -> Result<()> {
        let (host, _) = self
            .image
            .split_once('/')
            .context("an image without a host")?;
        let folder = TempDir::new()?;
        let run = async |arguments: &[&str]| -> Result<()> {
            let mut command = Command::new("docker");
            command
                .env("DOCKER_CONFIG", folder.path())
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            ensure!(
                command.status().await?.success(),
                "docker {arguments:?} failed"
            );
            Ok(())
        };
        if run(&["image", "inspect", &self.image]).await.is_ok() {
            return Ok(());
        }
        run(&[
            "login",
            "--username",
            "bench",
            "--password",
            &self.password,
            host,
        ])
        .await?;
        run(&["pull", &self.image]).await
    }
}

/// The most memory that the agent holds at any moment of a launch, in kilobytes: its proportional set size, looked at
/// all the time.
pub(crate) async fn peak_pss(setting: &Setting, stage: &Stage) -> Result<u64> {
    let root = TempDir::new()?;
    let mut command = Contender::Agent.command(setting, &root)?;
    command
        .env_clear()
        .envs(stage.environment())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let smaps = format!(
        "/proc/{}/smaps_rollup",
        child.id().context("it has ended at once")?
    );
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let pss = fs::read_to_string(&smaps)
            .unwrap_or_default()
            .lines()
            .find_map(|line| {
                line.strip_prefix("Pss:")?
                    .trim()
                    .strip_suffix("kB")?
                    .trim()
                    .parse::<u64>()
                    .ok()
            });
        peak = peak.max(pss.unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ensure!(peak > 0, "its memory was never seen");
    Ok(peak)
}
