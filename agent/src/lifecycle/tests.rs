//! The machine at its table: every edge of every transition, and every place where it may be killed.
//!
//! A [`Life`] is an agent's, one event after the other; what the machine asks for is compared as words
//! ([`words`]). To add an edge: a row in the table of its theme.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod leaving;
mod notices;
mod paper;
mod persisting;
mod resuming;
mod targets;
mod telling;
mod verdict;
mod words;

use super::*;
use crate::{
    imds::{Identity, TargetState},
    verdict::{LaunchError, Reason, Stage},
};
use words::said;

/// An instance, and the record of its agent.
#[derive(Debug, Clone)]
struct Life {
    record: Record,
    now: Now,
}

impl Life {
    /// First started, with metadata saying this of the target; nothing: `""`.
    fn begun(at: &str) -> Life {
        let now = Now {
            wall_ms: 1_000_000,
            uptime_ms: 10_000,
            boot: "boot-1".into(),
        };
        let mut life = Life {
            record: open(None, &me(), target(at), &now),
            now,
        };
        life.on(Event::Started);
        life
    }

    /// A launch for hook `a` that succeeded, and was told.
    fn serving() -> Life {
        Life::begun("InService").after([joined("a"), healthy(), told("a")])
    }

    /// What the machine asks for, in words.
    fn on(&mut self, event: Event) -> String {
        said(&self.asks(event))
    }

    fn asks(&mut self, event: Event) -> Vec<Effect> {
        let (record, effects) = step(&self.record, event, &self.now);
        self.record = record;
        effects
    }

    fn after(mut self, events: impl IntoIterator<Item = Event>) -> Life {
        for event in events {
            self.on(event);
        }
        self
    }

    /// Killed, and started again from what was written.
    fn killed(&mut self, at: &str) -> String {
        self.again(false, at);
        self.on(Event::Started)
    }

    /// Killed by a reboot.
    fn rebooted(&mut self, at: &str) -> String {
        self.again(true, at);
        self.on(Event::Started)
    }

    /// Opens what was written.
    fn again(&mut self, rebooted: bool, at: &str) {
        if rebooted {
            self.now.boot.push('+');
        }
        let left = serde_json::to_string(&self.record).unwrap();
        let left = serde_json::from_str(&left).unwrap();
        self.record = open(Some(left), &me(), target(at), &self.now);
    }

    fn epoch(&self) -> u64 {
        self.record.transition.epoch
    }

    fn kind(&self) -> Kind {
        self.record.transition.kind
    }

    /// The verdict: `CONTINUE`, or an ABANDON's reason; `""` before there is one.
    fn verdict(&self) -> &'static str {
        match self.record.verdict() {
            None => "",
            Some(Verdict::Continue(_)) => "CONTINUE",
            Some(Verdict::Abandon(error)) => error.reason.as_str(),
        }
    }
}

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

fn target(text: &str) -> Option<TargetState> {
    (!text.is_empty()).then(|| text.to_owned().into())
}

fn headed(text: &str) -> Event {
    Event::Target(target(text).unwrap())
}

fn hook(name: &str) -> Recipient {
    Recipient::Hook {
        group: "web".into(),
        hook: name.into(),
    }
}

/// These hooks wait: `a b`.
fn hooks(names: &str) -> Vec<Recipient> {
    names.split_whitespace().map(hook).collect()
}

fn joined(names: &str) -> Event {
    Event::Joined(Ok(Joined {
        recipients: hooks(names),
        member: true,
    }))
}

/// The instance is in no group.
fn alone() -> Event {
    Event::Joined(Ok(Joined {
        recipients: vec![],
        member: false,
    }))
}

/// Whom the spec names is not there; these wait, if that is known.
fn unjoined(reason: Reason, names: Option<&str>) -> Event {
    Event::Joined(Err(Unjoined {
        error: because(reason, Stage::Signal),
        waiting: names.map(hooks),
    }))
}

fn because(reason: Reason, stage: Stage) -> LaunchError {
    LaunchError {
        stage,
        reason,
        message: "because".into(),
    }
}

fn healthy() -> Event {
    Event::Worked(Ok(Proof::HEALTHY))
}

fn prepared() -> Event {
    Event::Worked(Ok(Proof::PREPARED))
}

fn drained() -> Event {
    Event::Worked(Ok(Proof::DRAINED))
}

/// The image is not there.
fn failed() -> Event {
    Event::Worked(Err(because(Reason::ImageUnknown, Stage::Pull)))
}

fn told(name: &str) -> Event {
    Event::Signalled(hook(name), Settled::Delivered)
}

fn needless(name: &str) -> Event {
    Event::Signalled(hook(name), Settled::Needless("gone on".into()))
}

fn refused(name: &str, reason: Reason) -> Event {
    let error = because(reason, Stage::Signal);
    Event::Signalled(hook(name), Settled::Failed(error))
}

fn resolved() -> Event {
    Event::Learned(Fact::Resolved(Wish::default()))
}

/// The spec is read: it wants a drain for these, and a service that dies reported or not.
fn configured(drain_on_terminate: bool, drain_on: &[Notice], unhealthy_when_dead: bool) -> Event {
    Event::Learned(Fact::Configured {
        document: "services: …".into(),
        timeout_ms: 60_000,
        conduct: Conduct {
            drain_on_terminate,
            drain_on: drain_on.into(),
            unhealthy_when_dead,
        },
    })
}

/// EC2 announces these, and when: `spot`, `spot@5 rebalance`.
fn noticed(text: &str) -> Event {
    let notice = |text: &str| {
        let (name, at_ms) = match text.split_once('@') {
            Some((name, at_ms)) => (name, Some(at_ms.parse().unwrap())),
            None => (text, None),
        };
        let mut all = Notice::ALL.into_iter();
        (all.find(|known| known.as_str() == name).unwrap(), at_ms)
    };
    Event::Noticed(text.split_whitespace().map(notice).collect())
}

fn not_persisted(decided: bool) -> Event {
    Event::NotPersisted {
        error: because(Reason::StateUnusable, Stage::Signal),
        decided,
    }
}
