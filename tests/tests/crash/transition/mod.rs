//! What is played: how an instance comes to a transition, what begins it, when it is over, and what has come of it then.
//!
//! - [`into`] on the way into service or the pool; [`out`] out of either
//! - [`reached`] how far all has come
//!
//! To add one: a constant in either, its place in [`ALL`], and a test in `main.rs`.

mod into;
mod out;
mod reached;

use anyhow::Result;
use firstlight_tests::stage::{Builder, Edge, Hook, Outcome, Pool, Stage};

pub(crate) use into::{
    ABANDON, LAUNCH, LAUNCH_AND_LEAVE, NOT_FOR_US, REBOOT, WARM_ENTER, WARM_LEAVE,
};
pub(crate) use out::{DYING, SHUTDOWN, SPOT, TERMINATE, TERMINATE_IN_POOL, UNTOLD, WARM_RETURN};

use crate::world::World;

/// Whether all has come to where it should: after these effects of the agent that runs now.
pub(crate) type Done = fn(&World, &[String]) -> bool;

/// Something that is done to the instance, and when it has come to what it should.
pub(crate) struct Step {
    pub(crate) act: fn(&World) -> Result<()>,
    /// The service dies as often as it is kept, until all has come to that.
    pub(crate) dies: bool,
    pub(crate) done: Done,
}

/// A way through the group, and what counted on it, through which hook.
pub(crate) type Passage = (Edge, &'static [(&'static str, Outcome)]);

/// A transition, or what else an agent goes through.
pub(crate) struct Transition {
    pub(crate) name: &'static str,
    /// The agent's command.
    pub(crate) command: &'static str,
    /// Every effect that it has, no other.
    pub(crate) effects: &'static [&'static str],
    /// How the instance comes to its group.
    pub(crate) joins: fn(Builder) -> Builder,
    /// What is arranged before an agent is started.
    pub(crate) arrange: fn(&World),
    /// What the user data says.
    pub(crate) says: Says,
    /// The machine was launched, and reboots.
    pub(crate) reboots: bool,
    /// The agent is asked to leave because the machine is being shut down.
    pub(crate) shuts_down: bool,
    /// What the agent comes to before the transition begins, where it is under way by then.
    pub(crate) prelude: Option<Done>,
    /// What it consists of.
    pub(crate) steps: &'static [Step],
    /// What brings all to its end after that. Another transition is played for it: nobody is killed in it.
    pub(crate) sequel: Option<&'static Step>,
    /// The agent's exit code.
    pub(crate) code: i32,
    pub(crate) passages: &'static [Passage],
    /// Which containers there are, and whether they run.
    pub(crate) containers: &'static [(&'static str, bool)],
}

/// What a launch template says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// A task, and a service beside it.
    Works,
    /// A task that fails when the service runs.
    Fails,
    /// Nothing to firstlight.
    Nothing,
}

impl Transition {
    /// Whether the agent leaves by itself when it is over.
    pub(crate) fn leaves(&self) -> bool {
        self.command == "launch" || self.says == Says::Nothing
    }
}

pub(crate) const ALL: &[&Transition] = &[
    &LAUNCH,
    &LAUNCH_AND_LEAVE,
    &ABANDON,
    &NOT_FOR_US,
    &REBOOT,
    &WARM_ENTER,
    &WARM_LEAVE,
    &WARM_RETURN,
    &TERMINATE,
    &TERMINATE_IN_POOL,
    &SPOT,
    &UNTOLD,
    &SHUTDOWN,
    &DYING,
];

/// The hook on the way in.
const UP: &str = "up";
/// The hook on the way out.
const DOWN: &str = "down";

const INTO_SERVICE: Passage = (Edge::Launch, &[(UP, Outcome::Continue)]);
const OUT: Passage = (Edge::Terminate, &[(DOWN, Outcome::Continue)]);

const INTO_POOL: Passage = (Edge::WarmEnter, &[(UP, Outcome::Continue)]);

/// The hook that the group asks on this way.
pub(crate) const fn hook(way: Edge) -> Option<&'static str> {
    match way {
        Edge::Launch | Edge::WarmEnter | Edge::WarmLeave => Some(UP),
        Edge::WarmReturn | Edge::Terminate | Edge::WarmTerminate => Some(DOWN),
        Edge::EnterStandby
        | Edge::LeaveStandby
        | Edge::Attach
        | Edge::Detach
        | Edge::ReplaceRoot => None,
    }
}

/// The stage that every transition is on: a group with a hook each way.
pub(crate) fn stage(transition: &Transition) -> Builder {
    let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
    (transition.joins)(Stage::builder().group("web", hooks))
}

/// The instance is launched into a warm pool.
fn warmed(stage: Builder) -> Builder {
    stage.warm(Pool::Hibernated)
}
