//! What the Docker engine did to containers, as it tells itself: how often each was made, started, stopped, removed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::task::JoinSet;

use super::engine::Engine;
use crate::wait::wait_until;

/// How long the engine may take to tell what it did.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The container's name.
    pub container: String,
    /// `create`, `start`, `kill`, `die`, `destroy`, …
    pub action: String,
    /// Its other attributes, such as `exitCode`; its labels are among them.
    pub attributes: HashMap<String, String>,
}

/// A watch on the containers whose name ends the same way.
#[derive(Debug)]
pub struct Events {
    suffix: String,
    heard: Arc<Mutex<Vec<Event>>>,
    _listener: JoinSet<()>,
}

impl Events {
    /// Begins to listen; what happens from now on is heard, however late the engine answers.
    ///
    /// # Errors
    /// If the machine's clock is before 1970.
    pub fn of(engine: &Engine, suffix: &str) -> anyhow::Result<Self> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock")?
            .as_secs();
        let only = HashMap::from([("type", vec!["container", "volume"])]);
        let options = EventsOptionsBuilder::new()
            .since(&since.to_string())
            .filters(&only)
            .build();
        let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
        let (docker, kept) = (engine.client().clone(), Arc::clone(&heard));
        let suffix = suffix.to_owned();
        let ending = suffix.clone();
        let mut listener = JoinSet::new();
        listener.spawn(async move {
            let mut stream = std::pin::pin!(docker.events(Some(options)));
            while let Some(Ok(message)) = stream.next().await {
                let actor = message.actor.unwrap_or_default();
                let attributes = actor.attributes.unwrap_or_default();
                // A volume's name is its id.
                let name = attributes.get("name").cloned();
                let container = name.or(actor.id).unwrap_or_default();
                let action = message.action.unwrap_or_default();
                if container.ends_with(&ending) {
                    let event = Event {
                        container,
                        action,
                        attributes,
                    };
                    kept.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(event);
                }
            }
        });
        Ok(Self {
            suffix,
            heard,
            _listener: listener,
        })
    }

    /// What was heard so far of one container.
    #[must_use]
    pub fn of_container(&self, name: &str) -> Vec<Event> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .iter()
            .filter(|event| event.container == name)
            .cloned()
            .collect()
    }

    /// How often this was done to a container, so far.
    #[must_use]
    pub fn count(&self, name: &str, action: &str) -> usize {
        self.of_container(name)
            .iter()
            .filter(|event| event.action == action)
            .count()
    }

    /// Holds this to have been done to a container so often, and not more often.
    ///
    /// # Errors
    /// With everything that was done to it.
    pub async fn expect(
        &self,
        engine: &Engine,
        name: &str,
        counts: &[(&str, usize)],
    ) -> anyhow::Result<()> {
        self.caught_up(engine).await?;
        for (action, wanted) in counts {
            let found = self.count(name, action);
            let events = self.of_container(name);
            let actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
            ensure!(
                found == *wanted,
                "{name}: {action} {found} times, wanted {wanted}: {actions:?}"
            );
        }
        Ok(())
    }

    /// Waits until everything that was done before is heard: the engine tells in order, and is made to tell one thing more.
    async fn caught_up(&self, engine: &Engine) -> anyhow::Result<()> {
        let last = format!("last-{:016x}-{}", fastrand::u64(..), self.suffix);
        engine.touch_volume(&last).await?;
        let told = || self.count(&last, "create") > 0;
        wait_until(PATIENCE, "the engine has told everything", told).await
    }
}
