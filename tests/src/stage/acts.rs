//! What a test has the group do with the instance, and what the group tells of it.
//!
//! To act: [`Stage::group`] with one of the orders of [`Group`], such as `stage.group(Group::terminate)?`.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::group::{Group, Health, Lifecycle, Outcome, Passage, Verdict, terms::Refusal};
use super::instance::Instance;
use super::{Stage, lock};

impl Stage {
    /// Gives the group an order, now.
    ///
    /// # Errors
    /// There is no group, or no way leads where it was ordered.
    pub fn group(
        &self,
        order: impl FnOnce(&mut Group, Instant) -> Result<(), Refusal>,
    ) -> anyhow::Result<()> {
        let mut group = lock(&self.shared.group);
        let group = group.as_mut().context("there is no group on this stage")?;
        order(group, Instant::now()).map_err(|refusal| anyhow::anyhow!("{refusal}"))
    }

    /// The machine has started from its new root volume: metadata tells its image, and the launch hooks are next.
    /// [`Stage::instance`] goes on telling who it was.
    ///
    /// # Errors
    /// The group was not told to replace it, or something still holds that up.
    pub fn root_replaced(&self, image: &str) -> anyhow::Result<()> {
        self.group(Group::root_replaced)?;
        let me = Instance {
            image: image.to_owned(),
            ..self.shared.me.clone()
        };
        lock(&self.shared.metadata).image(&me);
        Ok(())
    }

    /// Where the instance stands in its group; `None`: it never was in one.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.read(|group, now| group.state(now))
    }

    /// Every completion the group got, counted or refused, and every time-out.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.read(|group, now| group.verdicts(now).to_vec())
    }

    /// The completions and time-outs that counted: hook and outcome.
    #[must_use]
    pub fn counted(&self) -> Vec<(String, Outcome)> {
        self.verdicts()
            .into_iter()
            .filter(|v| v.refused.is_none())
            .map(|v| (v.hook, v.outcome))
            .collect()
    }

    /// Every edge the instance went, with the verdicts that counted on it.
    #[must_use]
    pub fn passages(&self) -> Vec<Passage> {
        self.read(Group::passages)
    }

    /// When the group accepted a heartbeat, since the stage opened, and for which hook.
    #[must_use]
    pub fn heartbeats(&self) -> Vec<(Duration, String)> {
        self.read(|group, _| group.heartbeats().to_vec())
    }

    /// What SetInstanceHealth brought, in order.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        self.read(|group, _| group.health().to_vec())
    }

    fn read<T: Default>(&self, of: impl FnOnce(&mut Group, Instant) -> T) -> T {
        lock(&self.shared.group)
            .as_mut()
            .map_or_else(T::default, |group| of(group, Instant::now()))
    }
}
