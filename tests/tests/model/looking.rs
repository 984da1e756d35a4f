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
        let state = self.described();
        let waits = matches!(&state, Some(Some(state)) if state.ends_with("Pending:Wait"));
        let ours = waits.then(|| self.is_ours_open()).flatten();
        let now = self.now;
        let Some(agent) = &mut self.agent else { return };
        let Some(looking) = &mut agent.running.look else {
            return;
        };
        let last = looking.until <= now + PAUSE;
        if ours == Some(false) && !last {
            looking.due = now + PAUSE;
            return;
        }
        agent.running.look = None;
        self.rules.lost |= state.is_none();
        let state = state.flatten().filter(|_| ours != Some(false));
        self.feed_all(vec![Event::Found(state)]);
    }

    /// Whether a hook that has the verdict takes a heartbeat; nothing where the record knows none.
    fn is_ours_open(&mut self) -> Option<bool> {
        let now = self.instant();
        let told = self.agent.as_ref()?.record.recipients();
        let hooks: Vec<String> = told
            .into_iter()
            .filter_map(|recipient| match recipient {
                Recipient::Hook { hook, .. } => Some(hook),
                Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
            })
            .collect();
        let mut taken = hooks
            .iter()
            .map(|hook| self.group.heartbeat("web", hook, &me(), now).is_ok());
        (!hooks.is_empty()).then(|| taken.any(|taken| taken))
    }

    /// What Describe tells: where the instance stands, `None` outside; or nothing.
    pub(crate) fn described(&mut self) -> Option<Option<String>> {
        let answers = self.net.aws && !self.net.throttled && self.net.describe;
        let state = self.state().filter(|state| state.is_listed());
        answers.then(|| state.map(|state| state.name().to_owned()))
    }
}
