//! What the group is told to do with the instance, by scaling, by a person, or by a test.
//!
//! To add an order: a method here that begins an [`Edge`].

use std::time::Instant;

use super::Group;
use super::edge::Edge;
use super::lifecycle::Lifecycle as L;
use super::terms::{Hook, Refusal};

/// An order is refused where no way leads from the state that the instance is in.
type Ordered = Result<(), Refusal>;

impl Group {
    /// Launches the instance into service.
    ///
    /// # Errors
    /// It was in the group before.
    pub fn launch(&mut self, now: Instant) -> Ordered {
        self.join(Edge::Launch, now)
    }

    /// Launches the instance into the warm pool.
    ///
    /// # Errors
    /// It was in the group before.
    pub fn warm(&mut self, now: Instant) -> Ordered {
        self.join(Edge::WarmEnter, now)
    }

    /// Takes an instance of no group in.
    ///
    /// # Errors
    /// It is in the group.
    pub fn attach(&mut self, now: Instant) -> Ordered {
        self.join(Edge::Attach, now)
    }

    /// Takes the instance out of the warm pool into service, as a scale-out does.
    ///
    /// # Errors
    /// It does not rest in the warm pool.
    pub fn leave_pool(&mut self, now: Instant) -> Ordered {
        let warm = [L::WarmedStopped, L::WarmedRunning, L::WarmedHibernated];
        self.order(Edge::WarmLeave, &warm, now)
    }

    /// Returns the instance to the warm pool, as a scale-in with `ReuseOnScaleIn` does.
    ///
    /// # Errors
    /// It is not in service, or the group has no warm pool.
    pub fn return_to_pool(&mut self, now: Instant) -> Ordered {
        if self.plan.pool.is_none() {
            return Err(Refusal::NoWay(self.state(now)));
        }
        self.order(Edge::WarmReturn, &[L::InService], now)
    }

    /// Starts the instance's termination, as a scale-in does.
    ///
    /// # Errors
    /// It is being terminated, or is not in the group.
    pub fn terminate(&mut self, now: Instant) -> Ordered {
        match self.state(now) {
            Some(state) if state.is_listed() && !state.is_ending() => {
                let edge = if state.is_warm() {
                    Edge::WarmTerminate
                } else {
                    Edge::Terminate
                };
                self.begin(edge, now);
                self.advance(now);
                Ok(())
            }
            state => Err(Refusal::NoWay(state)),
        }
    }

    /// Has the instance stand by.
    ///
    /// # Errors
    /// It is not in service.
    pub fn enter_standby(&mut self, now: Instant) -> Ordered {
        self.order(Edge::EnterStandby, &[L::InService], now)
    }

    /// Puts it back into service, without hooks.
    ///
    /// # Errors
    /// It does not stand by.
    pub fn leave_standby(&mut self, now: Instant) -> Ordered {
        self.order(Edge::LeaveStandby, &[L::Standby], now)
    }

    /// Lets the instance go; it runs on.
    ///
    /// # Errors
    /// It neither is in service nor stands by.
    pub fn detach(&mut self, now: Instant) -> Ordered {
        self.order(Edge::Detach, &[L::InService, L::Standby], now)
    }

    /// Begins to replace the instance's root volume, as an instance refresh does.
    ///
    /// # Errors
    /// It is not in service.
    pub fn replace_root(&mut self, now: Instant) -> Ordered {
        self.order(Edge::ReplaceRoot, &[L::InService], now)
    }

    /// The machine has started from its new root volume: the launch hooks are next.
    ///
    /// # Errors
    /// The root volume is not replaced.
    pub fn root_replaced(&mut self, now: Instant) -> Ordered {
        self.order(Edge::Launch, &[L::RootVolumeReplaced], now)
    }

    /// Puts the instance into any state, where it rests until another order, with any target state in metadata.
    pub fn put(&mut self, state: L, target: Option<&'static str>, now: Instant) {
        self.advance(now);
        self.rest(state, target, now);
    }

    /// Makes a hook. It holds up what begins to wait from now on.
    pub fn add_hook(&mut self, hook: Hook, now: Instant) {
        self.advance(now);
        self.plan.hooks.push(hook);
    }

    fn join(&mut self, edge: Edge, now: Instant) -> Ordered {
        match self.state(now) {
            Some(state) if state.is_listed() => return Err(Refusal::NoWay(Some(state))),
            _ => self.joined = now,
        }
        self.begin(edge, now);
        self.advance(now);
        Ok(())
    }

    fn order(&mut self, edge: Edge, from: &[L], now: Instant) -> Ordered {
        let state = self.state(now);
        if !state.is_some_and(|state| from.contains(&state)) {
            return Err(Refusal::NoWay(state));
        }
        self.begin(edge, now);
        self.advance(now);
        Ok(())
    }
}
