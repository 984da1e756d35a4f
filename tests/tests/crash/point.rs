//! Where an agent is killed: right after an effect, or when a request is carried out and its answer is on its way.
//!
//! An undisturbed run tells which there are. Every effect counts. Of requests that are the same, the first two do, and of
//! those that only ask (a poll, a look at a container) the first: what more of them could show, others have shown.

use std::collections::BTreeMap;
use std::fmt;

use firstlight_tests::harness::{Entry, Mailbox};
use firstlight_tests::parts::wire::At;
use firstlight_tests::stage::{self, Fault};
use futures_util::FutureExt as _;

use crate::world::World;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// An effect of the state machine, by its name.
    Effect(String),
    /// A request to metadata: method and path.
    Metadata(String, String),
    /// A request to AWS: service and operation.
    Aws(String, String),
    /// A request to the Docker engine, in the wire's words, with `{own}` for what the names of a world end in.
    Docker(String),
}

impl Deed {
    /// Whether it changes nothing.
    fn asks(&self) -> bool {
        match self {
            Self::Effect(_) => false,
            Self::Metadata(method, _) => method == "GET",
            Self::Aws(_, operation) => ["Describe", "Get", "List"]
                .iter()
                .any(|verb| operation.starts_with(verb)),
            Self::Docker(words) => words.starts_with("GET "),
        }
    }

    /// How many like it count.
    fn times(&self) -> usize {
        match self {
            Self::Effect(_) => usize::MAX,
            Self::Metadata(..) | Self::Aws(..) | Self::Docker(_) => 2 - usize::from(self.asks()),
        }
    }
}

/// After which deed: how many like it came before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) deed: Deed,
    pub(crate) passed: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Effect(name) => write!(out, "effect {name}")?,
            Deed::Metadata(method, path) => write!(out, "metadata {method} {path}")?,
            Deed::Aws(service, operation) => write!(out, "{service}:{operation}")?,
            Deed::Docker(words) => write!(out, "docker {words}")?,
        }
        write!(out, " #{}", self.passed + 1)
    }
}

impl Point {
    /// The effect's name, if it is one.
    pub(crate) fn effect(&self) -> Option<&str> {
        match &self.deed {
            Deed::Effect(name) => Some(name),
            Deed::Metadata(..) | Deed::Aws(..) | Deed::Docker(_) => None,
        }
    }

    /// Whether it leaves something on disk or at AWS, where the next boot finds it. Other effects only begin something.
    pub(crate) fn lasts(&self) -> bool {
        match &self.deed {
            Deed::Effect(name) => name == "persist" || name == "forget",
            Deed::Aws(..) => !self.deed.asks(),
            Deed::Metadata(..) | Deed::Docker(_) => false,
        }
    }

    /// Orders the answer to this request to be withheld; an effect is not waited for in this way.
    pub(crate) fn order(&self, world: &World) {
        // What was withheld before is not meant.
        let _ = world.stage.withheld().now_or_never();
        let passed = u32::try_from(self.passed).unwrap_or(u32::MAX);
        let order = match &self.deed {
            Deed::Effect(_) => return,
            Deed::Docker(words) => {
                let words = words.replace("{own}", world.names.suffix());
                return world.wire.hold_one(At::Answer, &words, self.passed);
            }
            Deed::Metadata(method, path) => Fault::DoThenHang.on("imds", method).naming(path),
            Deed::Aws(service, operation) => Fault::DoThenHang.on(service, operation),
        };
        world.stage.order(order.after(passed).times(1));
    }

    /// Waits until the answer to this request is withheld.
    pub(crate) async fn reached(&self, world: &World) {
        match &self.deed {
            Deed::Effect(_) => std::future::pending().await,
            Deed::Docker(_) => world.wire.answered().await,
            Deed::Metadata(..) | Deed::Aws(..) => world.stage.withheld().await,
        }
    }

    /// Lets requests to come pass.
    pub(crate) fn release(&self, world: &World) {
        world.stage.call_off();
        world.wire.call_off();
    }
}

/// How much was done so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    effects: usize,
    calls: usize,
    requests: usize,
}

impl Mark {
    /// Before an agent begins.
    pub(crate) fn of_requests(world: &World) -> Self {
        Self {
            effects: 0,
            calls: world.stage.calls().len(),
            requests: world.wire.requests().len(),
        }
    }

    /// While one is under way, with this journal.
    pub(crate) fn now(world: &World, mailbox: &Mailbox) -> anyhow::Result<Self> {
        Ok(Self {
            effects: effects(mailbox)?.len(),
            ..Self::of_requests(world)
        })
    }

    /// Every point since then.
    pub(crate) fn points(self, world: &World, mailbox: &Mailbox) -> anyhow::Result<Vec<Point>> {
        let effects = effects(mailbox)?.into_iter().skip(self.effects);
        let calls = world.stage.calls().into_iter().skip(self.calls);
        let requests = world.wire.requests().into_iter().skip(self.requests);
        let own = world.names.suffix();
        let deeds = effects
            .map(Deed::Effect)
            .chain(calls.map(|entry| called(&entry)))
            .chain(requests.map(|words| Deed::Docker(words.replace(own, "{own}"))));
        let mut seen: BTreeMap<Deed, usize> = BTreeMap::new();
        let mut points = Vec::new();
        for deed in deeds {
            let passed = seen.entry(deed.clone()).or_default();
            if *passed < deed.times() {
                points.push(Point {
                    deed,
                    passed: *passed,
                });
            }
            *passed += 1;
        }
        Ok(points)
    }
}

fn called(entry: &stage::Entry) -> Deed {
    let call = &entry.call;
    let operation = call.operation.clone();
    if call.service == "imds" {
        let path = call.parameter("path").unwrap_or_default();
        return Deed::Metadata(operation, path.to_owned());
    }
    Deed::Aws(call.service.clone(), operation)
}

/// The effects that an agent told of, in order.
pub(crate) fn effects(mailbox: &Mailbox) -> anyhow::Result<Vec<String>> {
    let entries = mailbox.entries()?;
    Ok(entries.iter().filter_map(effect).collect())
}

/// The effect that this line of the journal tells of, if it is one.
pub(crate) fn effect(entry: &Entry) -> Option<String> {
    if entry.get("FIRSTLIGHT_EVENT") != Some("effect") {
        return None;
    }
    Some(entry.get("MESSAGE")?.strip_prefix("effect ")?.to_owned())
}
