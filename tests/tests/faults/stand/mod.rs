//! What one row stands on: the parts that its faults are done with, and the agent between them.

mod source;
pub(crate) mod spec;

use std::os::unix::fs::symlink;

use anyhow::{Context as _, Result, bail};
use firstlight_tests::harness::play::{HOOK, Heard, Play, timings};
use firstlight_tests::harness::{Agent, Disk as RecordDisk, Names, Place};
use firstlight_tests::parts::clock::{self, Clock};
use firstlight_tests::parts::door::Door;
use firstlight_tests::parts::nameserver::{Answer, Nameserver};
use firstlight_tests::parts::proxy::{Of, Proxy};
use firstlight_tests::stage::{Builder, Fault, Hook, Instance, Order, Stage};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shared::Shared;
use crate::table::Row;
use crate::words::{Disk, Engine, Lasts, Ordered, Subject, TAGS, When};
use source::Source;

/// The name of AWS, where a row has a resolver of its own.
const AWS: &str = "aws.test";
/// Where an engine is unless DOCKER_HOST says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// One row's. Fields are dropped in order: who asks, then who is asked.
pub(crate) struct Stand {
    pub(crate) play: Play,
    pub(crate) names: Names,
    /// Where the image is, and the engine that runs it.
    pub(crate) source: Source,
    clock: Option<Clock>,
    nameserver: Option<Nameserver>,
    record: Option<RecordDisk>,
    /// Closed until the row's faults are called off.
    doors: Vec<Door>,
    /// A folder where the engine's socket is not, until then.
    away: Option<TempDir>,
}

impl Stand {
    /// Sets a row's up, with the faults struck that strike before it is run.
    pub(crate) async fn set(row: &Row, shared: &Shared) -> Result<Self> {
        let source = Source::set(row, shared).await?;
        let names = Names::new();
        let names = match source.docker_host() {
            Some(address) => names.on(address),
            None => names,
        };
        let user_data = spec::text(row, shared, &source, &names)?;
        let stage = stage(row, shared).user_data(user_data).open().await?;
        let clock = row.has(|on| matches!(on, Subject::Clock(_)));
        let clock = clock.then(Clock::new).transpose()?;
        let agent = match &clock {
            Some(_) => Agent::of(&clock::binary()?, &stage)?,
            None => Agent::on(&stage)?,
        };
        let agent = agent.timings(&timings(&times(row)));
        let mut stand = Self {
            play: Play { stage, agent },
            names,
            source,
            clock,
            nameserver: None,
            record: None,
            doors: Vec::new(),
            away: None,
        };
        stand.connect(row).await?;
        if row.has(|on| matches!(on, Subject::Engine(Engine::Full))) {
            stand.pulled_before(row, shared).await?;
        }
        for fault in row.faults.iter().filter(|fault| fault.when.is_none()) {
            stand.strike(fault).await?;
        }
        Ok(stand)
    }

    /// Has another launch pull the image.
    async fn pulled_before(&self, row: &Row, shared: &Shared) -> Result<()> {
        let names = Names::new().on(self.source.docker_host().context("no engine")?);
        let user_data = spec::text(row, shared, &self.source, &names)?;
        let stage = stage(row, shared).user_data(user_data).open().await?;
        let play = Play {
            agent: Agent::on(&stage)?.timings(&timings(&times(row))),
            stage,
        };
        let address = self.source.docker_host().unwrap_or_default();
        let play = play.env("DOCKER_HOST", address);
        play.succeeds(Heard::Continue).await?;
        names.tidy(&self.source.docker).await
    }

    /// Points the agent at the parts that are this row's own.
    async fn connect(&mut self, row: &Row) -> Result<()> {
        let mut variables: Vec<(&str, String)> = Vec::new();
        if let Some(address) = self.source.docker_host() {
            variables.push(("DOCKER_HOST", address.to_owned()));
        }
        if let Some(clock) = &self.clock {
            variables.extend(clock.environment());
        }
        let aws = self.play.stage.aws_url();
        for fault in &row.faults {
            match &fault.on {
                Subject::NoMetadata => {
                    let door = Door::before(&self.play.stage.metadata_url())?;
                    variables.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", door.url()));
                    self.doors.push(door);
                }
                Subject::NoEndpoint(variable) => {
                    let door = Door::before(&aws)?;
                    variables.push((variable, door.url()));
                    self.doors.push(door);
                }
                Subject::Names(variable, _) => {
                    let named = aws.replace("127.0.0.1", AWS);
                    variables.push((variable, named));
                    self.nameserver = Some(Nameserver::start(Answer::Here).await?);
                }
                Subject::Record(_) => self.record = Some(RecordDisk::below(&self.play.agent)?),
                Subject::Engine(Engine::Absent) => {
                    let away = TempDir::with_prefix("firstlight-away-")?;
                    let socket = away.path().join("docker.sock");
                    variables.push(("DOCKER_HOST", format!("unix://{}", socket.display())));
                    self.away = Some(away);
                }
                Subject::Metadata(..)
                | Subject::Calls(..)
                | Subject::Registry(..)
                | Subject::NoRegistry
                | Subject::Engine(_)
                | Subject::Clock(_)
                | Subject::Container(..)
                | Subject::Killed(_) => {}
            }
        }
        let mut agent = self.play.agent.clone();
        for (name, value) in variables {
            agent = agent.env(name, &value);
        }
        if let Some(nameserver) = &self.nameserver {
            agent = agent.at(Place::new().resolver(&nameserver.settings()));
        }
        self.play.agent = agent;
        Ok(())
    }

    /// Makes a fault happen, from now on.
    pub(crate) async fn strike(&mut self, fault: &Ordered) -> Result<()> {
        if let Subject::Killed(stem) = fault.on {
            return self.source.docker.kill(&self.names.unique(stem)).await;
        }
        let orders = fault.on.orders();
        if orders.is_empty() {
            return self.strike_beside(&fault.on, fault.lasts);
        }
        for order in orders {
            self.play.stage.order(lasting(order, fault.lasts));
        }
        Ok(())
    }

    /// The same for what is not the stage's to do.
    fn strike_beside(&mut self, on: &Subject, lasts: Lasts) -> Result<()> {
        match (on, lasts) {
            (Subject::Registry(of, trouble), Lasts::Always | Lasts::UntilTold) => {
                self.proxy()?.order(*trouble, *of, None);
            }
            (Subject::Registry(of, trouble), Lasts::Times(times)) => {
                self.proxy()?.order(*trouble, *of, Some(times));
            }
            (_, Lasts::Times(_) | Lasts::For(_)) => bail!("{on:?} cannot last {lasts:?}"),
            (Subject::Engine(Engine::Restarts), _) => self.source.restart(Signal::SIGTERM)?,
            (Subject::Engine(Engine::Crashes), _) => self.source.restart(Signal::SIGKILL)?,
            (Subject::Engine(Engine::Dies), _) => self.source.crash()?,
            (Subject::Engine(Engine::Full), _) => self.source.fill()?,
            (Subject::Record(disk), _) => {
                let record = self.record.as_ref().context("no disk")?;
                match disk {
                    Disk::Full => record.fill()?,
                    Disk::ReadOnly => record.writable(false)?,
                }
            }
            (Subject::Clock(off), _) => self.clock.as_ref().context("no clock")?.step(off)?,
            (Subject::Names(_, answer), _) => {
                let nameserver = self.nameserver.as_ref();
                nameserver.context("no resolver")?.answers(*answer);
            }
            // These are so from the start: it is how they are set up.
            _ => {}
        }
        Ok(())
    }

    /// Holds every fault to have happened that can be seen to happen: the others are in what is read.
    pub(crate) fn fired(&self) -> Result<()> {
        self.play.stage.assert_faults_fired()?;
        if let Some(proxy) = self.source.proxy() {
            proxy.assert_faults_fired()?;
        }
        if let Some(nameserver) = &self.nameserver
            && nameserver.asked() == 0
        {
            bail!("no name was asked for");
        }
        let off = |ahead: i64| ahead.unsigned_abs() > 60;
        let calls = self.play.stage.calls();
        if self.clock.is_some() && !calls.iter().any(|entry| off(entry.call.ahead)) {
            bail!("no call was signed by a wrong clock");
        }
        Ok(())
    }

    /// Ends every fault, as far as there is an end to it.
    pub(crate) fn call_off(&self) -> Result<()> {
        self.play.stage.call_off();
        if let Some(proxy) = self.source.proxy() {
            proxy.call_off();
        }
        for door in self.doors.iter().chain(&self.source.door) {
            door.open()?;
        }
        if let Some(nameserver) = &self.nameserver {
            nameserver.answers(Answer::Here);
        }
        if let Some(clock) = &self.clock {
            clock.step("+0")?;
        }
        if let Some(record) = &self.record {
            record.writable(true)?;
            record.free()?;
        }
        if let Some(away) = &self.away {
            let host = std::env::var("DOCKER_HOST").unwrap_or_default();
            let socket = host.strip_prefix("unix://").unwrap_or(SOCKET);
            symlink(socket, away.path().join("docker.sock"))?;
        }
        Ok(())
    }

    /// The proxy that layers come through.
    pub(crate) fn proxy(&self) -> Result<&Proxy> {
        self.source
            .proxy()
            .context("nothing is before the registry")
    }
}

/// An instance of its own in group `web`, whose launch hook is [`HOOK`]; where the agent stays it has another for its end. Its
/// tags are in metadata where they are to fail.
fn stage(row: &Row, shared: &Shared) -> Builder {
    let tags = |on: &Subject| on.paths().contains(&TAGS);
    let tag = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    let instance = Instance {
        tags: row.has(tags).then(|| [tag].into()),
        ..Instance::unique()
    };
    let mut hooks = vec![Hook::launching(HOOK)];
    if row.stays() {
        hooks.push(Hook::terminating("down"));
    }
    Stage::builder()
        .instance(instance)
        .group("web", hooks)
        .stack("web", "CREATE_IN_PROGRESS")
        .moto(shared.ground.moto.url())
}

/// A hundredth of what they are on an instance, where there is a minute to wait for. Only what hangs is given up soon, and
/// only a download that is to stand still may not: on a busy machine all else takes its time.
fn times(row: &Row) -> Value {
    let hangs = row.has(|on| {
        matches!(
            on,
            Subject::Metadata(_, Fault::Hang) | Subject::Calls(_, Fault::Hang)
        )
    });
    let (imds, aws) = match (hangs, row.stays()) {
        (true, false) => (300, 1000),
        (true, true) => (1000, 1000),
        // What is asked again and again is not asked for long.
        (false, true) => (1000, 2000),
        (false, false) => (10_000, 10_000),
    };
    let stalls = row.failure.iter().any(|(_, why)| why == "image_stalled")
        || row.faults.iter().any(|fault| {
            fault.when == Some(When::Pulling)
                || matches!(fault.on, Subject::Registry(Of::Blobs | Of::Layers, _))
                    && fault.lasts == Lasts::UntilTold
        });
    let stall = if stalls { 1000 } else { 60_000 };
    // Whoever leaves with its verdict has no use for a look at what the group wants next.
    let watch = if row.stays() { 200 } else { 60_000 };
    json!({
        "imds_budget": 3000, "imds_attempt": imds, "aws_attempt": aws, "pull_stall": stall, "delivery_least": 2000, "drain_most": 12_000,
        "group_patience": 10_000, "reconcile_poll": 500, "reconcile_patience": 3000, "watch_poll": watch, "evidence": 2500,
        "heartbeat_least": 300, "heartbeat_most": 300, "restart_cap": 200, "dying_exits": 2,
    })
}

fn lasting(order: Order, lasts: Lasts) -> Order {
    match lasts {
        Lasts::Always | Lasts::UntilTold => order,
        Lasts::Times(times) => order.times(times),
        Lasts::For(time) => order.lasting(time),
    }
}
