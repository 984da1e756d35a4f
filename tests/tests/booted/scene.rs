//! What a host is put into, and what must hold of every one that booted.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Catalogue, Entry};
use firstlight_tests::host::{Host, METADATA, Network};
use firstlight_tests::parts::moto::Moto;
use firstlight_tests::parts::registry::Registry;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Hook, HttpTokens, Outcome, Stage};
use firstlight_tests::wait::until;
use serde_json::Value;

/// The launch hook, and the termination hook.
pub(crate) const UP: &str = "up";
pub(crate) const DOWN: &str = "down";

/// What the journal has of the agent. Not by its unit: journald doesn't know that any more of a process that has ended.
pub(crate) const OWN: &str = "SYSLOG_IDENTIFIER=firstlight";
/// Drop-ins of the agent's unit.
pub(crate) const UNIT: &str = "/etc/systemd/system/firstlight.service.d";

/// Where all of AWS is, in the host's network.
const AWS: u16 = 8000;
/// From switching on to a verdict, on a busy machine.
const LAUNCH: Duration = Duration::from_secs(180);
/// Anything else that comes by itself: a unit where it is going, a new agent that has taken over.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// A network with a registry in it.
pub(crate) struct Scene {
    pub(crate) registry: Registry,
    pub(crate) network: Network,
    moto: Option<Moto>,
}

/// A host with what is around it.
pub(crate) struct Play {
    pub(crate) host: Host,
    pub(crate) stage: Stage,
}

impl Scene {
    /// Moves the test there.
    pub(crate) async fn set() -> Result<Self> {
        let network = Network::make().await?;
        network.enter()?;
        let registry = Registry::start(&[]).await?;
        registry.push("web", "1", &webapp::image()?).await?;
        Ok(Self {
            registry,
            network,
            moto: None,
        })
    }

    /// The same with S3 in it, which holds this bucket.
    pub(crate) async fn with_bucket(bucket: &str) -> Result<Self> {
        let mut scene = Self::set().await?;
        let moto = Moto::start("eu-west-1").await?;
        moto.make_bucket(bucket).await?;
        scene.moto = Some(moto);
        Ok(scene)
    }

    /// What a bucket holds.
    pub(crate) async fn objects(&self, bucket: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let moto = self.moto.as_ref().context("a scene without S3")?;
        moto.objects(bucket).await
    }

    /// A document with one service, and a file that is not root's.
    pub(crate) fn document(&self) -> String {
        let image = format!("{}/web:1", self.registry.host());
        format!(
            "firstlight: 1\ntimeout: 150s\nservices:\n  web:\n    image: {image}\n    init: true\n    stop_grace_period: 2s\n    \
             files: {{/run/word: {{content: hello, uid: 1000, mode: \"0400\"}}}}\n    \
             health: {{http: {{port: 3000, path: /healthcheck/}}, interval: 100ms, healthy_threshold: 1}}\n"
        )
    }

    /// A stage around it, with an instance in a group.
    pub(crate) fn stage(&self, user_data: &[u8]) -> Builder {
        let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
        // cloud-init does not take a container for an instance, and then asks without a token.
        let stage = Stage::builder().http_tokens(HttpTokens::Optional);
        let metadata: Ipv4Addr = METADATA.parse().unwrap();
        let stage = match &self.moto {
            Some(moto) => stage.moto(moto.url()),
            None => stage,
        };
        stage
            .metadata_at((metadata, 80).into())
            .aws_at((Ipv4Addr::LOCALHOST, AWS).into())
            .group("web", hooks)
            .user_data(user_data)
    }

    /// A provisioned host in it, off, with these files.
    pub(crate) async fn host(&self, suite: &str, files: &[(&str, &[u8])]) -> Result<Host> {
        let environment = format!("AWS_ENDPOINT_URL=http://127.0.0.1:{AWS}\n");
        let own = [("/etc/firstlight/environment", environment.as_bytes())];
        Host::provisioned(&self.network, suite, &[&own, files].concat()).await
    }

    /// The same with this stage around it, switched on.
    pub(crate) async fn boots(
        &self,
        suite: &str,
        stage: Builder,
        files: &[(&str, &[u8])],
    ) -> Result<Play> {
        let stage = stage.open().await?;
        let host = self.host(suite, files).await?;
        host.switch_on().await?;
        Ok(Play { host, stage })
    }
}

impl Play {
    /// Waits until the group has counted this verdict, as its only one.
    pub(crate) async fn is_told(&self, outcome: Outcome) -> Result<()> {
        let told = until(LAUNCH, "the group is told", async || {
            let counted = self.stage.counted();
            (!counted.is_empty()).then_some(counted)
        });
        let told = self.or_story(told.await).await?;
        ensure!(
            told == [(UP.to_owned(), outcome)],
            "{told:?}\n{}",
            self.story().await
        );
        Ok(())
    }

    /// Waits for what comes by itself.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        condition: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T> {
        self.or_story(until(SOON, what, condition).await).await
    }

    /// A failure, with all that helps to understand it.
    async fn or_story<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(error.context(self.story().await)),
        }
    }

    /// What must hold of every host that booted, once it has.
    pub(crate) async fn is_sound(&self) -> Result<()> {
        self.host.settled().await?;
        // It ends when cloud-init has, and exits with 2 where there was a warning, since 23.4.
        let said = self
            .host
            .run(&["cloud-init", "status", "--wait", "--long"])
            .await?;
        ensure!(
            said.code == Some(0) && said.all().contains("done"),
            "{}",
            said.all()
        );
        let log = self.host.shell("cat /var/log/cloud-init.log").await?;
        let warned: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("WARNING") || line.contains("Traceback"))
            .collect();
        ensure!(warned.is_empty(), "{warned:#?}");
        let failed = self
            .host
            .shell("systemctl --failed --plain --no-legend")
            .await?;
        ensure!(failed.is_empty(), "{failed}");
        let boot = self.host.journal(&["--boot", "_PID=1"]).await?;
        let cycles: Vec<&str> = boot
            .lines()
            .filter(|line| line.contains("ordering cycle"))
            .collect();
        ensure!(cycles.is_empty(), "{cycles:#?}");
        let state = self.host.shell("systemctl is-system-running").await?;
        ensure!(state == "running", "{state}");
        // It prints what it finds, and exits 0.
        let units = "firstlight.service firstlight-backstop.service multi-user.target";
        let verify = format!("systemd-analyze verify --man=no {units} 2>&1");
        let said = self.host.shell(&verify).await?;
        ensure!(said.is_empty(), "{said}");
        self.entries().await?;
        Ok(())
    }

    /// All that the agent wrote into the journal, in the words of its catalogue, and from when it is known of this instance.
    /// It wrote nothing else: what goes to its standard error has no fields.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>> {
        let entries = self.host.entries(&[OWN]).await?;
        let catalogue = Catalogue::read()?;
        entries
            .iter()
            .try_for_each(|entry| catalogue.holds(entry))?;
        let identified = entries.iter().position(|entry| entry.is("identified"));
        let identified = identified.context("no entry says who the instance is")?;
        // Every process says so anew, and nothing before it.
        let instance = self.stage.instance().id.as_str();
        let foreign = entries[identified..]
            .iter()
            .filter_map(|entry| entry.get("FIRSTLIGHT_INSTANCE"))
            .find(|id| *id != instance);
        ensure!(foreign.is_none(), "{foreign:?}");
        Ok(entries)
    }

    /// What the agent says of itself, for programs.
    pub(crate) async fn status(&self) -> Result<Value> {
        let told = self.host.shell("firstlight status --json").await?;
        serde_json::from_str(&told).with_context(|| told)
    }

    /// The one container: its id, since when it runs, its state.
    pub(crate) async fn container(&self) -> Result<String> {
        let format = "{{.Id}} {{.State.StartedAt}} {{.State.Status}}";
        self.host
            .shell(&format!("docker inspect --format '{format}' web"))
            .await
    }

    /// All that helps to understand a failure.
    pub(crate) async fn story(&self) -> String {
        let calls = self.stage.transcript();
        format!("{calls}\n{}", state(&self.host).await)
    }
}

/// Until a property of the agent's unit is this.
pub(crate) async fn until_is(host: &Host, name: &str, value: &str) -> Result<()> {
    let what = format!("the unit's {name} is {value}");
    let is = until(SOON, &what, async || {
        (property(host, name).await.ok()? == value).then_some(())
    });
    match is.await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(state(host).await)),
    }
}

/// What systemd and the journal tell of a host.
async fn state(host: &Host) -> String {
    let of = async |words: &[&str]| match host.run(words).await {
        Ok(said) => said.all(),
        Err(error) => format!("{error:#}"),
    };
    let journal = of(&["journalctl", "--no-pager", "--lines", "60"]).await;
    let status = of(&["systemctl", "status", "--no-pager", "firstlight", "docker"]).await;
    let jobs = of(&["systemctl", "list-jobs", "--no-pager"]).await;
    format!("{status}\n{jobs}\n{journal}")
}

/// A property of the agent's unit.
pub(crate) async fn property(host: &Host, name: &str) -> Result<String> {
    let said = host
        .run(&[
            "systemctl",
            "show",
            "--value",
            "--property",
            name,
            "firstlight",
        ])
        .await?;
    said.good().with_context(|| format!("the unit's {name}"))
}
