//! Verdicts that the group counted: each on its own passage, with its proof, and none twice.

use firstlight::lifecycle::Kind;
use firstlight_tests::stage::Edge;

use crate::rules::{Key, Rules, key, proven};
use crate::world::World;

/// A verdict that the group counted.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) of: Key,
    /// On which of the group's passages.
    pub(crate) passage: usize,
    pub(crate) go: bool,
}

impl Rules {
    /// What of what was counted before does not go with this.
    fn contradicted(&self, new: &Counted) -> Option<&'static str> {
        let (epoch, kind, _) = &new.of;
        // Nobody may know of a transition in between: metadata was silent, or the disk full.
        let unwritten = self.unwritten.iter().any(|(lost, ..)| lost >= epoch);
        let blind = unwritten || self.blind.contains(&new.of);
        // A proof that was made on the later one is that one's own; and what is stopped stays so.
        let proven = !kind.is_entry() || self.proofs.contains(&(*kind, new.passage));
        let proven = proven && new.go;
        let stale = |old: &Counted| old.of == new.of && old.passage != new.passage && !proven;
        self.counted.iter().find_map(|old| {
            if stale(old) && !blind {
                Some("one verdict was counted on two transitions")
            } else if old.passage == new.passage && old.go != new.go {
                Some("CONTINUE and ABANDON were counted on one transition")
            } else {
                None
            }
        })
    }
}

impl World<'_> {
    /// The group counted a verdict of ours.
    pub(crate) fn check_counted(&mut self, hook: &str, go: bool, passage: usize, edge: Edge) {
        let Some(agent) = &self.agent else { return };
        let (record, kind) = (&agent.record, agent.record.transition.kind);
        let key = key(record);
        let wanted = match edge {
            Edge::Launch | Edge::WarmLeave => Kind::Launch,
            Edge::WarmEnter => Kind::WarmEnter,
            Edge::WarmReturn => Kind::WarmReturn,
            Edge::Terminate | Edge::WarmTerminate => Kind::Terminate,
            Edge::EnterStandby
            | Edge::LeaveStandby
            | Edge::Attach
            | Edge::Detach
            | Edge::ReplaceRoot => {
                return self
                    .rules
                    .breaks(format!("{hook} was told of {kind:?} on {edge:?}"));
            }
        };
        // Where metadata does not tell what the group wants, an agent can but go on.
        let blind =
            record.facts.target.is_none() && (wanted, kind) == (Kind::WarmEnter, Kind::Launch);
        if kind != wanted && !blind && self.net.metadata {
            self.rules
                .breaks(format!("{hook} was told of {kind:?} on {edge:?}"));
        }
        // An announcement that could not be written down is forgotten with the process, and its drain with it.
        let forgot =
            wanted == Kind::Launch && self.machine.was_proven && !self.rules.unwritten.is_empty();
        if go && !blind && !forgot && !proven(wanted, &self.machine) {
            self.rules.breaks(format!(
                "CONTINUE of {kind:?} was counted on {edge:?} without proof"
            ));
        }
        let rules = &mut self.rules;
        if blind || !self.net.metadata {
            rules.blind.push(key.clone());
        }
        let counted = Counted {
            of: key,
            passage,
            go,
        };
        if let Some(broken) = rules.contradicted(&counted) {
            rules.breaks(broken);
        }
        rules.counted.push(counted);
    }
}
