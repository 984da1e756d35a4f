//! How far all has come.

use firstlight_tests::stage::Lifecycle;

use super::{Done, Step};
use crate::world::World;

/// What nothing goes before.
pub(super) const fn begins(done: Done) -> Step {
    Step {
        act: |_| Ok(()),
        dies: false,
        done,
    }
}

pub(super) fn serves(world: &World, effects: &[String]) -> bool {
    has(effects, "begin_keep") && ends(effects) && world.is(Lifecycle::InService)
}

pub(super) fn rests_in_pool(world: &World, effects: &[String]) -> bool {
    ends(effects) && world.is(Lifecycle::WarmedHibernated)
}

pub(super) fn gone(world: &World, effects: &[String]) -> bool {
    ends(effects) && world.is(Lifecycle::TerminatingProceed)
}

pub(super) fn has(effects: &[String], name: &str) -> bool {
    effects.iter().any(|effect| effect == name)
}

/// There is nothing more to do for now: nothing was begun since that was said, but that the group is asked once.
pub(super) fn ends(effects: &[String]) -> bool {
    let quiet = ["persist", "heartbeat", "begin_keep", "look"];
    let mut last = effects.iter().rev();
    let last = last.find(|effect| !quiet.contains(&effect.as_str()));
    last.is_some_and(|effect| effect == "rest" || effect == "exit")
}
