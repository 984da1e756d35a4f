//! What the rows of a group share: an image, what their specs refer to, and for ECR an engine that takes one registry of
//! the test's for it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use firstlight_tests::harness::{Ground, Names};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::image::Image;
use firstlight_tests::parts::private_engine::{AMPLE, PrivateEngine};
use firstlight_tests::parts::proxy::Proxy;
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use serde_json::json;

use crate::table::Row;

/// The instance's own account, whose token lets into every registry.
const ACCOUNT: &str = "123456789012";

/// What a group's rows share.
pub(crate) struct Shared {
    pub(crate) ground: Arc<Ground>,
    /// The machine's.
    pub(crate) engine: Engine,
    /// A repository of the group's own; every row's image is in one below it.
    pub(crate) suffix: String,
    /// The sample service's image.
    pub(crate) image: String,
    pub(crate) bucket: String,
    pub(crate) ecr: Option<Ecr>,
    /// Has the images removed.
    _names: Names,
}

/// ECR, for one engine: a name of its own for each row. Fields are dropped in order: who asks, then who is asked.
pub(crate) struct Ecr {
    pub(crate) engine: Engine,
    pub(crate) address: String,
    free: Mutex<Vec<(String, Proxy)>>,
    _registry: Registry,
    _private: PrivateEngine,
}

impl Shared {
    /// For these rows.
    pub(crate) async fn set(rows: &[Row]) -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let names = Names::new();
        let suffix = names.suffix().to_owned();
        names.images_of(&format!("{}/{suffix}", ground.registry.host()));
        let mut shared = Self {
            image: String::new(),
            bucket: names.unique("launch"),
            ecr: match rows.iter().filter(|row| row.is_of_ecr()).count() {
                0 => None,
                rows => Some(Ecr::set(rows).await?),
            },
            ground,
            engine,
            suffix,
            _names: names,
        };
        let path = shared.push("web", &webapp::image()?).await?;
        shared.image = format!("{}/{path}", shared.ground.registry.host());
        shared.fill().await?;
        Ok(shared)
    }

    /// Puts where it is looked for what the specs refer to.
    async fn fill(&self) -> Result<()> {
        let (moto, own) = (&self.ground.moto, &self.suffix);
        for (name, value) in [("a", "1"), ("env/B", "2")] {
            let name = format!("/{own}/{name}");
            moto.put_parameter(&name, value, "String").await?;
        }
        moto.put_secret(&format!("{own}/c"), "3").await?;
        let top = "firstlight: 1\nwhen_service_dies: report\n";
        let stillborn =
            "firstlight: 1\nservices: {web: {image: \"127.0.0.1:9/web:1\", pull_policy: never}}\n";
        for (key, text) in [("top.yaml", top), ("stillborn.yaml", stillborn)] {
            moto.put_object(&self.bucket, key, text.as_bytes()).await?;
        }
        Ok(())
    }

    /// Pushes an image, and gives its reference behind the registry's host.
    pub(crate) async fn push(&self, name: &str, image: &Image) -> Result<String> {
        let repository = format!("{}/{name}", self.suffix);
        self.ground.registry.push(&repository, "1", image).await?;
        Ok(format!("{repository}:1"))
    }

    /// `registries` of a spec: what lets in at each host.
    pub(crate) fn registries(&self, hosts: &[&str]) -> String {
        let (user, password) = (&self.ground.login.user, &self.ground.login.password);
        let own = self.ground.registry.host();
        let hosts = hosts.iter().copied().chain([own.as_str()]);
        let logins = hosts.map(|host| {
            let login = json!({"username": user, "password": password});
            (host.to_owned(), login)
        });
        serde_json::Value::Object(logins.collect()).to_string()
    }
}

impl Ecr {
    async fn set(rows: usize) -> Result<Self> {
        let host = |row: usize| format!("{row:012}.dkr.ecr.eu-west-1.amazonaws.com");
        let hosts: Vec<String> = (1..=rows).map(host).collect();
        let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let private = PrivateEngine::start(AMPLE, &names).await?;
        let registry = Registry::start(&[Login::ecr(ACCOUNT)]).await?;
        registry.push("web", "1", &webapp::image()?).await?;
        let each = hosts.into_iter().map(|host| {
            let proxy = Proxy::on(private.listen(&host)?, &registry.host())?;
            Ok((host, proxy))
        });
        let address = private.address();
        Ok(Self {
            engine: Engine::at(&address).await?,
            address,
            free: Mutex::new(each.collect::<Result<_>>()?),
            _registry: registry,
            _private: private,
        })
    }

    /// A registry of nobody else's.
    pub(crate) fn registry(&self) -> Result<(String, Proxy)> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().context("more rows than registries")
    }
}
