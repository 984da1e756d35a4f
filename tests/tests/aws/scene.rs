//! What a test stands on: names of its own at moto and in Docker, and launches in a group.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
pub(crate) use firstlight_tests::harness::play::{Failure, Heard, PATIENCE, Play, table};
use firstlight_tests::harness::{Ground, Names};
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Builder, Hook, Instance, Stage};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

/// One test's names, on the parts that all share.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) names: Names,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let ground = Ground::shared().await?;
        let names = Names::new();
        names.images_of(&format!("{}/{}", ground.registry.host(), names.suffix()));
        Ok(Self { ground, names })
    }

    /// The name of one of this test's parameters, secrets or objects.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.names.suffix())
    }

    pub(crate) async fn parameter(&self, name: &str, value: &str, kind: &str) -> Result<()> {
        let name = format!("/{}", self.own(name));
        self.ground.moto.put_parameter(&name, value, kind).await
    }

    pub(crate) async fn secret(&self, name: &str, value: &str) -> Result<()> {
        self.ground.moto.put_secret(&self.own(name), value).await
    }

    /// The sample service's image, in the registry.
    pub(crate) async fn image(&self) -> Result<String> {
        let repository = format!("{}/web", self.names.suffix());
        let registry = &self.ground.registry;
        registry.push(&repository, "1", &webapp::image()?).await?;
        Ok(format!("{}/{repository}:1", registry.host()))
    }

    /// A spec that comes up: one service of a name of its own, from `image`. `keys` are more of the service's, a flow
    /// map's inside; `top` are lines of the top level.
    pub(crate) fn healthy(&self, image: &str, stem: &str, keys: &str, top: &str) -> String {
        let (name, host) = (self.names.unique(stem), self.ground.registry.host());
        let login =
            json!({"username": self.ground.login.user, "password": self.ground.login.password});
        format!(
            "firstlight: 1\ntimeout: 50s\nregistries: {{\"{host}\": {login}}}\n{top}services:\n  {name}: {{image: \"{image}\", \
             command: [worker], network_mode: none, pull_policy: missing, {keys}}}\n"
        )
    }

    /// An instance of its own in group `web`, whose launch hook is `up`, with this user data.
    pub(crate) fn stage(&self, user_data: impl Into<Vec<u8>>) -> Builder {
        Stage::builder()
            .instance(Instance::unique())
            .group("web", [Hook::launching("up")])
            .moto(self.ground.moto.url())
            .user_data(user_data)
    }
}

/// An instance of which metadata shows the tag that names group `web`.
pub(crate) fn tagged() -> Instance {
    let tag = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    Instance {
        tags: Some([tag].into()),
        ..Instance::unique()
    }
}

/// A spec that fails at the latest where its image is pulled. `keys` are lines of its service.
pub(crate) fn stillborn(timeout: &str, keys: &str) -> String {
    let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "firstlight: 1\ntimeout: {timeout}\nservices:\n  web:\n    image: 127.0.0.1:9/web:1\n    pull_policy: never\n{keys}"
    )
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
