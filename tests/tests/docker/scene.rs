//! What a test stands on: names of its own, images, an instance in a group.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::play::{HOOK, Play};
use firstlight_tests::harness::{Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::PrivateEngine;
use firstlight_tests::stage::{Hook, Instance, Stage};
use serde_json::{Value, json};

/// How an engine of a test's own knows the registry of all.
pub(crate) const REGISTRY: &str = "registry.test";

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) names: Names,
    /// How the engine knows the registry.
    host: String,
    /// Where the engine is, if it isn't the machine's.
    docker_host: Option<String>,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        let host = ground.registry.host();
        names.images_of(&format!("{host}/{}", names.suffix()));
        Ok(Self {
            ground,
            engine,
            names,
            host,
            docker_host: None,
        })
    }

    /// The same on an engine of its own, where the registry goes by another name.
    pub(crate) async fn apart(engine: &PrivateEngine, host: &str) -> Result<Self> {
        let address = engine.address();
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::at(&address))?;
        Ok(Self {
            ground,
            engine,
            names: Names::new().on(&address),
            host: host.to_owned(),
            docker_host: Some(address),
        })
    }

    /// Pushes an image and gives its reference.
    pub(crate) async fn push(&self, name: &str, image: &Image) -> Result<String> {
        self.push_tag(name, "1", image).await?;
        Ok(self.reference(name, "1"))
    }

    /// Pushes an image and gives its digest.
    pub(crate) async fn push_tag(&self, name: &str, tag: &str, image: &Image) -> Result<String> {
        let repository = format!("{}/{name}", self.names.suffix());
        self.ground.registry.push(&repository, tag, image).await
    }

    pub(crate) fn reference(&self, name: &str, tag: &str) -> String {
        self.reference_at(&self.host, name, tag)
    }

    /// The same image, from a proxy.
    pub(crate) fn reference_at(&self, host: &str, name: &str, tag: &str) -> String {
        format!("{host}/{}/{name}:{tag}", self.names.suffix())
    }

    /// The head of a spec: version, time, and the user of the registry at each host.
    pub(crate) fn head(&self, timeout: &str, hosts: &[&str]) -> String {
        let mut head = format!("firstlight: 1\ntimeout: {timeout}\nregistries:\n");
        for host in hosts.iter().copied().chain([self.host.as_str()]) {
            writeln!(head, "  \"{host}\": {}", self.login()).unwrap();
        }
        head
    }

    /// What lets into the registry.
    pub(crate) fn login(&self) -> Value {
        let (user, password) = (&self.ground.login.user, &self.ground.login.password);
        json!({"username": user, "password": password})
    }

    /// A spec of these services, by stem, each with the registry's credentials.
    pub(crate) fn spec(&self, timeout: &str, services: &[(&str, Value)]) -> String {
        self.spec_with_tasks(timeout, services, &[])
    }

    /// The same with tasks.
    pub(crate) fn spec_with_tasks(
        &self,
        timeout: &str,
        services: &[(&str, Value)],
        tasks: &[(&str, Value)],
    ) -> String {
        let named = |containers: &[(&str, Value)]| {
            let each = containers.iter().map(|(stem, container)| {
                let mut container = container.clone();
                // The sample service has no handler for SIGTERM.
                container["stop_grace_period"] = json!("1s");
                (self.names.unique(stem), container)
            });
            Value::Object(each.collect())
        };
        let mut spec = self.head(timeout, &[]);
        writeln!(spec, "services: {}", named(services)).unwrap();
        if !tasks.is_empty() {
            writeln!(spec, "tasks: {}", named(tasks)).unwrap();
        }
        spec
    }

    /// An instance of its own in group `web`, whose launch hook is `up`, with this user data.
    pub(crate) async fn play(&self, spec: &str) -> Result<Play> {
        let stage = Stage::builder()
            .instance(Instance::unique())
            .group("web", [Hook::launching(HOOK)])
            .moto(self.ground.moto.url())
            .user_data(spec);
        let play = Play::open(stage, []).await?;
        Ok(match &self.docker_host {
            Some(address) => play.env("DOCKER_HOST", address),
            None => play,
        })
    }

    pub(crate) async fn inspect(&self, stem: &str) -> Result<Value> {
        let name = self.names.unique(stem);
        let found = self.engine.inspect(&name).await?;
        found.with_context(|| format!("there is no container {name}"))
    }

    /// Holds these containers to be there and to be stopped.
    pub(crate) async fn expect_stopped(&self, stems: &[&str]) -> Result<()> {
        for stem in stems {
            let running = self.inspect(stem).await?["State"]["Running"].clone();
            ensure!(running == json!(false), "{stem}: running is {running}");
        }
        Ok(())
    }

    /// Holds these containers never to have been made.
    pub(crate) async fn expect_absent(&self, stems: &[&str]) -> Result<()> {
        for stem in stems {
            let found = self.engine.inspect(&self.names.unique(stem)).await?;
            ensure!(found.is_none(), "{stem} was made");
        }
        Ok(())
    }
}
