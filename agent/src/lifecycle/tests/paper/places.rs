//! The states as people call them.

use super::super::*;
use crate::lifecycle::{heed::heeded, work::is_busy};

/// A state of the machine, without what matters to no edge of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The transition, and how far it is.
    In(Kind, &'static str),
    /// The machine goes down, whatever it was at.
    GoingDown(&'static str),
    /// No agent runs; what it wrote is there for the next start.
    Left,
}

impl Place {
    pub(super) fn of(record: &Record) -> Place {
        if record.facts.leaving && !record.is_drained() {
            return Place::GoingDown(going_down(record));
        }
        let kind = record.transition.kind;
        Place::In(
            kind,
            match &record.state {
                State::Undecided { recipients } => {
                    undecided(kind, recipients.is_some(), record.facts.target.is_some())
                }
                State::Decided {
                    verdict: Verdict::Continue(_),
                    deliveries,
                } => succeeded(record, deliveries.is_some()),
                State::Decided {
                    verdict: Verdict::Abandon(_),
                    deliveries,
                } => failed(record, deliveries.is_some()),
            },
        )
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::In(_, name) | Place::GoingDown(name) => name,
            Place::Left => "left",
        }
    }
}

fn going_down(record: &Record) -> &'static str {
    match &record.state {
        State::Undecided { recipients: None }
        | State::Decided {
            deliveries: None, ..
        } => "going down, nobody known",
        State::Undecided { .. } => "going down, undecided",
        State::Decided { .. } if record.is_told() => "going down",
        State::Decided { .. } => "going down, telling",
    }
}

fn undecided(kind: Kind, known: bool, targeted: bool) -> &'static str {
    match (kind, known) {
        (Kind::Launch, _) if !targeted => "target not told",
        (Kind::Launch, false) => "launching, nobody known",
        (Kind::Launch, true) => "launching",
        (Kind::WarmEnter, false) => "preparing, nobody known",
        (Kind::WarmEnter, true) => "preparing",
        (Kind::WarmReturn, false) => "returning, nobody known",
        (Kind::WarmReturn, true) => "returning",
        (Kind::Terminate, false) => "draining, nobody known",
        (Kind::Terminate, true) => "draining",
    }
}

fn succeeded(record: &Record, known: bool) -> &'static str {
    let told = record.is_told();
    match record.transition.kind {
        Kind::Launch if told && record.is_drained() => "drained in this boot",
        Kind::Launch if told && !record.is_served() => "starting again",
        Kind::Launch if told && heeded(record).is_some() => "draining for a notice",
        Kind::Launch if told => "in service",
        Kind::Launch if !known => "healthy, nobody known",
        Kind::Launch if record.is_drained() => "healthy, then drained",
        Kind::Launch if is_busy(record) && !record.is_served() => "healthy, to be started",
        Kind::Launch if is_busy(record) => "healthy, draining for a notice",
        Kind::Launch if riddle(record) => "healthy, target a riddle",
        Kind::Launch => "healthy",
        Kind::WarmEnter if told => "in the pool",
        Kind::WarmEnter if !known => "prepared, nobody known",
        Kind::WarmEnter if riddle(record) => "prepared, target a riddle",
        Kind::WarmEnter => "prepared",
        Kind::WarmReturn if told => "back in the pool",
        Kind::WarmReturn if !known => "returned, nobody known",
        Kind::WarmReturn => "returned",
        Kind::Terminate if told => "ended",
        Kind::Terminate if !known => "drained, nobody known",
        Kind::Terminate => "drained",
    }
}

fn failed(record: &Record, known: bool) -> &'static str {
    match record.facts {
        Facts {
            collecting: true, ..
        } if known => "failed, collecting evidence",
        Facts {
            collecting: true, ..
        } => "failed, collecting evidence, nobody known",
        Facts { stopped: true, .. } if record.is_told() => "failed",
        Facts { stopped: true, .. } if !known => "failed, stopped, nobody known",
        _ if record.is_told() && !heard(record) => "failed, stopping, nobody heard",
        _ if record.is_told() => "failed, stopping",
        _ if !known => "failed, nobody known",
        _ if riddle(record) => "failed, target a riddle",
        _ => "failed, telling",
    }
}

/// Whether a hook heard it, so that the group ends the instance.
fn heard(record: &Record) -> bool {
    let State::Decided {
        deliveries: Some(deliveries),
        ..
    } = &record.state
    else {
        return false;
    };
    let mut settled = deliveries.iter().map(|delivery| &delivery.settled);
    settled.any(|settled| matches!(settled, Some(Settled::Delivered)))
}

fn riddle(record: &Record) -> bool {
    matches!(record.facts.target, Some(TargetState::Unknown(_)))
}
