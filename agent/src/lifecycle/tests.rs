//! The machine at its table: every edge of a launch, and every place where it may be killed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod resuming;
mod telling;
mod verdict;

use super::*;
use crate::{
    imds::{Identity, TargetState},
    verdict::{Exit, LaunchError, Reason, Stage},
};

fn me() -> Identity {
    Identity {
        instance_id: "i-0123456789abcdef0".into(),
        image_id: "ami-0123456789abcdef0".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        availability_zone: "eu-west-1a".into(),
        instance_type: "t3.small".into(),
        architecture: "x86_64".into(),
    }
}

fn now() -> Now {
    Now {
        wall_ms: 1_000_000,
        uptime_ms: 10_000,
        boot: "boot-a".into(),
    }
}

fn fresh() -> Record {
    open(None, &me(), Some(TargetState::InService), &now())
}

fn hook(name: &str) -> Recipient {
    Recipient::Hook {
        group: "web".into(),
        hook: name.into(),
    }
}

fn failed(reason: Reason, stage: Stage) -> LaunchError {
    LaunchError {
        stage,
        reason,
        message: "because".into(),
    }
}

fn unjoined(error: LaunchError, waiting: &[&str]) -> Result<Joined, Unjoined> {
    let waiting = waiting.iter().map(|name| hook(name)).collect();
    Err(Unjoined {
        error,
        waiting: Some(waiting),
    })
}

fn joined(recipients: Vec<Recipient>) -> Result<Joined, Unjoined> {
    Ok(Joined {
        recipients,
        member: true,
    })
}

fn delivered() -> Settled {
    Settled::Delivered
}

/// Feeds events in turn; gives the last record and the effects of the last event.
fn run(record: &Record, events: &[Event]) -> (Record, Vec<Effect>) {
    events
        .iter()
        .fold((record.clone(), vec![]), |(record, _), event| {
            step(&record, event.clone(), &now())
        })
}

fn waiting(names: &[&str]) -> Effect {
    Effect::Heartbeat(names.iter().map(|name| hook(name)).collect())
}

fn signal(name: &str, go: bool, again: bool) -> Effect {
    Effect::Signal {
        to: hook(name),
        go,
        again,
    }
}
