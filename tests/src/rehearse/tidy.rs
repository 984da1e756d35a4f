//! What a rehearsal takes away again: the containers it made, their network, and the sample's image. Images that the
//! user's spec asked for stay: pulling them again would cost.

use crate::parts::engine::Engine;
use crate::stage::Instance;

use super::play::Play;

/// What was there before.
#[derive(Debug)]
pub struct Tidy {
    /// Names the launch may use that nobody had before.
    ours: Vec<String>,
    network: bool,
    registry: Option<String>,
}

impl Tidy {
    /// Looks at what is there.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn before(engine: &Engine, play: &Play) -> anyhow::Result<Self> {
        // A rehearsal that was killed left its containers, and this one takes them over.
        let left = engine.of_instance(&Instance::default().id).await?;
        let there = engine
            .containers(|name, _| !left.iter().any(|ours| ours == name))
            .await?;
        Ok(Self {
            ours: play
                .containers
                .iter()
                .filter(|name| !there.contains(name))
                .cloned()
                .collect(),
            network: engine.has_network().await,
            registry: play
                .registry
                .as_ref()
                .map(crate::parts::registry::Registry::host),
        })
    }

    /// Removes what was not.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn after(self, engine: &Engine) -> anyhow::Result<()> {
        for name in &self.ours {
            engine.remove(name).await?;
        }
        if !self.network {
            engine.remove_network().await?;
        }
        if let Some(host) = &self.registry {
            engine.remove_images_of(host).await?;
        }
        Ok(())
    }
}
