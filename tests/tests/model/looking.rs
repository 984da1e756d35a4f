//! Asking the group where it has the instance: what `signal::look` does.

use firstlight::lifecycle::{Event, Recipient};

use crate::telling::{PATIENCE, PAUSE, me};
use crate::world::{SECOND, World};

/// A look that is under way.
#[derive(Debug)]
pub(crate) struct Looking {
    pub(crate) due: u64,
    until: u64,
}

impl Looking {
    pub(crate) const fn at(now: u64) -> Self {
        Self {
            due: now + SECOND,
            until: now + PATIENCE,
        }
    }

    pub(crate) fn slept(&mut self, long: u64) {
        self.due += long;
        self.until += long;
    }
}

impl World<'_> {
    /// Where the group has the instance; while it waits, a heartbeat tells whether it waits for a hook of ours.
    pub(crate) fn look_on(&mut self) {
        let (now, instant) = (self.now, self.instant());
        let passage = self.group.passage(instant).map(|(number, _)| number);
        let state = self.described();
        let Some(Some(name)) = &state else {
            if state.is_none() {
                self.rules.lost = passage;
            }
            return self.found(None);
        };
        let waits = name.ends_with("Pending:Wait");
        if !waits && !name.ends_with("Pending") || waits && self.waits_for_us() {
            return self.found(state.flatten());
        }
        let looking = self.agent.as_mut().and_then(|a| a.running.look.as_mut());
        let Some(looking) = looking else { return };
        if looking.until > now + PAUSE {
            looking.due = now + PAUSE;
            return;
        }
        if self.setup.mute {
            self.rules.lost = passage;
        }
        self.found(None);
    }

    fn found(&mut self, state: Option<String>) {
        if let Some(agent) = &mut self.agent {
            agent.running.look = None;
            self.feed_all(vec![Event::Found(state)]);
        }
    }

    /// Whether a hook that has the verdict takes a heartbeat; any will do where the record knows none.
    fn waits_for_us(&mut self) -> bool {
        let now = self.instant();
        let Some(agent) = &self.agent else {
            return false;
        };
        let hooks: Vec<String> = agent
            .record
            .recipients()
            .into_iter()
            .filter_map(|recipient| match recipient {
                Recipient::Hook { hook, .. } => Some(hook),
                Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
            })
            .collect();
        let arrives = !self.setup.mute && self.tape.draw(8) != 1;
        let taken = |hook: &String| self.group.heartbeat("web", hook, &me(), now).is_ok();
        hooks.is_empty() || arrives && hooks.iter().any(taken)
    }

    /// What Describe tells: where the instance stands, `None` outside; or nothing.
    pub(crate) fn described(&mut self) -> Option<Option<String>> {
        let answers = self.net.aws && !self.net.throttled && self.net.describe;
        let state = self.state().filter(|state| state.is_listed());
        answers.then(|| state.map(|state| state.name().to_owned()))
    }
}
