//! What a run of histories came across: a rule that was never tried is none.

use std::collections::BTreeMap;
use std::fmt;

use firstlight::lifecycle::Effect;
use firstlight_tests::stage::Edge;

/// Counts of what happened.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    effects: BTreeMap<&'static str, u64>,
    /// Crashes right before an effect.
    crashes: BTreeMap<&'static str, u64>,
    edges: BTreeMap<String, u64>,
    /// Verdicts that the group counted, by edge.
    verdicts: BTreeMap<String, u64>,
    /// Heartbeats that were taken.
    pub(crate) beats: u64,
}

impl Cover {
    pub(crate) fn effect(&mut self, effect: &Effect) {
        *self.effects.entry(effect.name()).or_default() += 1;
    }

    pub(crate) fn crash(&mut self, effect: &Effect) {
        *self.crashes.entry(effect.name()).or_default() += 1;
    }

    pub(crate) fn edge(&mut self, edge: Edge) {
        *self.edges.entry(format!("{edge:?}")).or_default() += 1;
    }

    pub(crate) fn counted(&mut self, edge: Edge, go: bool) {
        let outcome = if go { "CONTINUE" } else { "ABANDON" };
        *self
            .verdicts
            .entry(format!("{edge:?} {outcome}"))
            .or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.beats += other.beats;
        for (all, more) in [
            (&mut self.effects, &other.effects),
            (&mut self.crashes, &other.crashes),
        ] {
            for (name, count) in more {
                *all.entry(name).or_default() += count;
            }
        }
        for (all, more) in [
            (&mut self.edges, &other.edges),
            (&mut self.verdicts, &other.verdicts),
        ] {
            for (name, count) in more {
                *all.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// What of all there is never happened.
    pub(crate) fn missing(&self) -> Vec<String> {
        let effects = Effect::NAMES
            .iter()
            .filter(|name| !self.effects.contains_key(**name));
        let crashes = Effect::NAMES
            .iter()
            .filter(|name| !self.crashes.contains_key(**name));
        let edges = [
            "Launch",
            "WarmEnter",
            "WarmLeave",
            "WarmReturn",
            "Terminate",
            "WarmTerminate",
        ];
        let decided = edges.iter().map(|edge| format!("{edge} CONTINUE"));
        let decided = decided.filter(|verdict| !self.verdicts.contains_key(verdict));
        let others = [
            "EnterStandby",
            "LeaveStandby",
            "Attach",
            "Detach",
            "ReplaceRoot",
        ];
        let others = others
            .iter()
            .filter(|edge| !self.edges.contains_key(**edge));
        effects
            .map(|name| format!("effect {name}"))
            .chain(crashes.map(|name| format!("a crash before {name}")))
            .chain(decided)
            .chain(others.map(|edge| (*edge).to_owned()))
            .collect()
    }
}

impl fmt::Display for Cover {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "effects: {:?}", self.effects)?;
        writeln!(out, "crashes before: {:?}", self.crashes)?;
        writeln!(out, "edges: {:?}", self.edges)?;
        writeln!(out, "verdicts counted: {:?}", self.verdicts)?;
        write!(out, "heartbeats taken: {}", self.beats)
    }
}
