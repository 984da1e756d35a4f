//! What a host is put into, and what must hold of every one that booted.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::host::{Host, METADATA, Network};
use firstlight_tests::parts::registry::Registry;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Hook, HttpTokens, Outcome, Stage};
use firstlight_tests::wait::until;

/// The launch hook, and the termination hook.
pub(crate) const UP: &str = "up";
pub(crate) const DOWN: &str = "down";

/// Where all of AWS is, in the host's network.
const AWS: u16 = 8000;
/// From switching on to a verdict, on a busy machine.
const LAUNCH: Duration = Duration::from_secs(180);

/// A network with a registry in it.
pub(crate) struct Scene {
    pub(crate) registry: Registry,
    pub(crate) network: Network,
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
        Ok(Self { registry, network })
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
        let told = match told.await {
            Ok(told) => told,
            Err(error) => return Err(error.context(self.story().await)),
        };
        ensure!(
            told == [(UP.to_owned(), outcome)],
            "{told:?}\n{}",
            self.story().await
        );
        Ok(())
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
        Ok(())
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
        let of = async |words: &[&str]| match self.host.run(words).await {
            Ok(said) => said.all(),
            Err(error) => format!("{error:#}"),
        };
        let journal = of(&["journalctl", "--no-pager", "--lines", "60"]).await;
        let status = of(&["systemctl", "status", "--no-pager", "firstlight", "docker"]).await;
        let jobs = of(&["systemctl", "list-jobs", "--no-pager"]).await;
        format!("{}\n{status}\n{jobs}\n{journal}", self.stage.transcript())
    }
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
