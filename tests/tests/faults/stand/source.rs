//! Where a row's image is, and the engine that runs it: the group's own, unless a fault is on the way between them.

use anyhow::{Context as _, Result};
use firstlight_tests::parts::door::Door;
use firstlight_tests::parts::engine::Engine as Docker;
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::webapp;
use nix::sys::signal::Signal;

use crate::shared::Shared;
use crate::table::Row;
use crate::words::{Engine, Subject};

/// How an engine of a row's own knows the registry of all.
const REGISTRY: &str = "registry.test";
/// A disk with room for the sample service, and for little else.
const SMALL: u64 = 24 << 20;
const TOO_MUCH: usize = 32 << 20;
/// A layer that can be met on its way.
const BALLAST: u64 = 600_000;

/// Where the image is. Fields are dropped in order: who asks, then who is asked.
pub(crate) struct Source {
    /// Its reference.
    pub(crate) image: String,
    /// The registry's host in it, where it is this row's own.
    pub(crate) host: Option<String>,
    /// The engine that containers are on.
    pub(crate) docker: Docker,
    /// Before the registry, closed at first.
    pub(crate) door: Option<Door>,
    proxy: Option<Proxy>,
    private: Option<PrivateEngine>,
    gone: bool,
    docker_host: Option<String>,
}

impl Source {
    pub(crate) async fn set(row: &Row, shared: &Shared) -> Result<Self> {
        let usual = Self {
            image: shared.image.clone(),
            host: None,
            docker: shared.engine.clone(),
            door: None,
            proxy: None,
            private: None,
            gone: false,
            docker_host: None,
        };
        if let Some(ecr) = shared.ecr.as_ref().filter(|_| row.is_of_ecr()) {
            let (host, proxy) = ecr.registry()?;
            return Ok(Self {
                image: format!("{host}/web:1"),
                docker: ecr.engine.clone(),
                docker_host: Some(ecr.address.clone()),
                proxy: Some(proxy),
                ..usual
            });
        }
        let registry = shared.ground.registry.host();
        if row.has(|on| matches!(on, Subject::Engine(engine) if *engine != Engine::Absent)) {
            return usual.apart(row, shared).await;
        }
        if row.has(|on| matches!(on, Subject::NoRegistry)) {
            let door = Door::before(&format!("http://{registry}"))?;
            let host = door.url().trim_start_matches("http://").to_owned();
            let source = usual.at(host, row, shared).await?;
            return Ok(Self {
                door: Some(door),
                ..source
            });
        }
        if row.has(|on| matches!(on, Subject::Registry(..))) {
            let proxy = Proxy::before(&registry).await?;
            let source = usual.at(proxy.host(), row, shared).await?;
            return Ok(Self {
                proxy: Some(proxy),
                ..source
            });
        }
        Ok(usual)
    }

    /// On an engine of its own.
    async fn apart(self, row: &Row, shared: &Shared) -> Result<Self> {
        let small = |engine: &Engine| match engine {
            Engine::SmallForLayer | Engine::SmallForFiles | Engine::Full => true,
            Engine::Absent | Engine::Restarts | Engine::Crashes | Engine::Dies => false,
        };
        let small = row.has(|on| matches!(on, Subject::Engine(engine) if small(engine)));
        let private = PrivateEngine::start(if small { SMALL } else { AMPLE }, &[REGISTRY]).await?;
        let proxy = Proxy::on(private.listen(REGISTRY)?, &shared.ground.registry.host())?;
        let address = private.address();
        let source = self.at(REGISTRY.to_owned(), row, shared).await?;
        Ok(Self {
            docker: Docker::at(&address).await?,
            docker_host: Some(address),
            proxy: Some(proxy),
            private: Some(private),
            ..source
        })
    }

    /// With an image of its own, from the registry as it is known by this name.
    async fn at(self, host: String, row: &Row, shared: &Shared) -> Result<Self> {
        let name = format!("web-{:016x}", fastrand::u64(..));
        let path = shared.push(&name, &image(row)?).await?;
        Ok(Self {
            image: format!("{host}/{path}"),
            host: Some(host),
            ..self
        })
    }

    /// Where the engine is, if it isn't the machine's.
    pub(crate) fn docker_host(&self) -> Option<&str> {
        self.docker_host.as_deref()
    }

    /// What layers come through, where that is of this row's own.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    fn private(&self) -> Result<&PrivateEngine> {
        self.private.as_ref().context("the engine is the machine's")
    }

    pub(crate) fn restart(&self, signal: Signal) -> Result<()> {
        self.private()?.restart(signal)
    }

    pub(crate) fn crash(&mut self) -> Result<()> {
        self.private.take().context("no engine")?.crash();
        self.gone = true;
        Ok(())
    }

    /// Whether the engine has ended for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(crate) fn fill(&self) -> Result<()> {
        self.private()?.fill()
    }
}

/// The sample service's image, and what else is in it for this row's sake.
fn image(row: &Row) -> Result<Image> {
    let image = webapp::image()?;
    let is = |engine: Engine| row.has(|on| matches!(on, Subject::Engine(is) if *is == engine));
    if is(Engine::SmallForFiles) {
        return Ok(image.file("zeros", vec![0; TOO_MUCH], 0o444));
    }
    if is(Engine::Full) {
        return Ok(image);
    }
    Ok(image.ballast(match is(Engine::SmallForLayer) {
        true => TOO_MUCH as u64,
        false => BALLAST,
    }))
}
