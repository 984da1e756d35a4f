//! A machine as it is made of an image, with the workload's image there already: it boots for the first time, again and again.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::host::{Host, METADATA, Network};
use firstlight_tests::parts::registry::Registry;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Hook, HttpTokens, Outcome, Stage};
use firstlight_tests::wait::wait_until;
use nix::time::{ClockId, clock_gettime};

/// Where all of AWS is, in the machine's network.
const AWS: u16 = 8000;
/// From switching on to cloud-init's first question, and from there to a verdict.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an image's last step does, and what a new instance does not have.
const ANEW: &str = "docker rm --force $(docker ps --all --quiet) >/dev/null 2>&1; docker network prune --force >/dev/null; \
                    cloud-init clean --logs; : >/etc/machine-id";

/// One boot. Times begin when its systemd does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boot {
    /// Until systemd had no job left: all that boot wants is started.
    pub(crate) whole: Duration,
    /// With firstlight: the launch beside it.
    pub(crate) launch: Option<Launch>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch {
    /// What systemd waited for: from starting the unit to its READY.
    pub(crate) ready: Duration,
    /// From the engine's READY to the group's answer to the verdict.
    pub(crate) after_engine: Duration,
    /// Until the group had answered.
    pub(crate) told: Duration,
}

pub(crate) struct Machine {
    network: Network,
    registry: Registry,
    host: Host,
    with: bool,
}

impl Machine {
    /// One with firstlight, switched off.
    pub(crate) async fn made(suite: &str) -> Result<Self> {
        Self::of(suite, true).await
    }

    /// The same of which firstlight was removed.
    pub(crate) async fn without(suite: &str) -> Result<Self> {
        Self::of(suite, false).await
    }

    async fn of(suite: &str, with: bool) -> Result<Self> {
        let network = Network::make().await?;
        network.enter()?;
        let registry = Registry::start(&[]).await?;
        registry.push("web", "1", &webapp::image()?).await?;
        let environment = format!("AWS_ENDPOINT_URL=http://127.0.0.1:{AWS}\n");
        let files = [("/etc/firstlight/environment", environment.as_bytes())];
        let host = Host::provisioned(&network, suite, &files).await?;
        let machine = Self {
            network,
            registry,
            host,
            with,
        };
        let stage = machine.stage(b"").await?;
        machine.host.boot().await?;
        machine
            .host
            .shell(&format!("docker pull {}/web:1", machine.registry.host()))
            .await?;
        if !with {
            machine.host.shell("dpkg --purge firstlight").await?;
        }
        drop(stage);
        machine.off().await?;
        Ok(machine)
    }

    /// Boots it as a new instance, and leaves it off.
    pub(crate) async fn boots(&self) -> Result<Boot> {
        self.network.enter()?;
        let user_data = if self.with {
            self.document()
        } else {
            "#cloud-config\n{}\n".to_owned()
        };
        let stage = self.stage(user_data.as_bytes()).await?;
        let opened = monotonic()?.saturating_sub(stage.elapsed());
        self.host.switch_on().await?;
        // What is asked of it before would take its time.
        let asked = || !stage.calls().is_empty();
        wait_until(PATIENCE, "cloud-init asks for metadata", asked).await?;
        let state = ["systemctl", "is-system-running", "--wait"];
        let state = self.host.run(&state).await?;
        ensure!(state.out.trim() == "running", "{}", state.all());
        let began = self.moment("", "UserspaceTimestampMonotonic").await?;
        let whole = self.moment("", "FinishTimestampMonotonic").await?;
        let launch = if self.with {
            Some(self.launch(&stage, opened, began).await?)
        } else {
            None
        };
        // Its listeners go while this waits; the next boot's are at the same addresses.
        drop(stage);
        self.off().await?;
        Ok(Boot {
            whole: whole.saturating_sub(began),
            launch,
        })
    }

    async fn launch(&self, stage: &Stage, opened: Duration, began: Duration) -> Result<Launch> {
        let counted = || !stage.counted().is_empty();
        wait_until(PATIENCE, "the group is told", counted).await?;
        ensure!(
            stage
                .counted()
                .iter()
                .all(|(_, it)| *it == Outcome::Continue),
            "{}",
            stage.transcript()
        );
        let completed = stage.calls_of("autoscaling", "CompleteLifecycleAction");
        let completed = completed.last().and_then(|call| call.ended);
        let told = opened + completed.context("the group's answer")?;
        let (unit, active) = ("firstlight.service", "ActiveEnterTimestampMonotonic");
        let started = self.moment(unit, "InactiveExitTimestampMonotonic").await?;
        let ready = self.moment(unit, active).await?;
        let engine = self.moment("docker.service", active).await?;
        Ok(Launch {
            ready: ready.saturating_sub(started),
            after_engine: told.saturating_sub(engine),
            told: told.saturating_sub(began),
        })
    }

    async fn off(&self) -> Result<()> {
        self.host.shell(ANEW).await?;
        // It may go down before it has answered.
        self.host.run(&["systemctl", "poweroff"]).await?;
        self.host.is_off().await
    }

    async fn stage(&self, user_data: &[u8]) -> Result<Stage> {
        let metadata: Ipv4Addr = METADATA.parse()?;
        let stage = Stage::builder().http_tokens(HttpTokens::Optional);
        stage
            .metadata_at((metadata, 80).into())
            .aws_at((Ipv4Addr::LOCALHOST, AWS).into())
            .group("web", [Hook::launching("up")])
            .user_data(user_data)
            .open()
            .await
    }

    fn document(&self) -> String {
        let image = format!("{}/web:1", self.registry.host());
        format!(
            "firstlight: 1\nservices:\n  web:\n    image: {image}\n    init: true\n    \
             health: {{http: {{port: 3000, path: /healthcheck/}}, interval: 100ms}}\n"
        )
    }

    /// A moment that systemd keeps, of a unit or of its own, by the machine's monotonic clock.
    async fn moment(&self, unit: &str, name: &str) -> Result<Duration> {
        let script = format!("systemctl show --value --property {name} {unit}");
        let told = self.host.shell(&script).await?;
        let micros = told.parse().with_context(|| format!("{name}: {told:?}"))?;
        Ok(Duration::from_micros(micros))
    }
}

fn monotonic() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}
