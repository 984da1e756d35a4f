//! What is known and decided about one transition: the record.

use super::{
    clock::{Began, Now},
    notice::{Conduct, Notices},
    proof::Proof,
};
use crate::{
    image::Images,
    imds::{Identity, TargetState},
    state::SCHEMA,
    verdict::{Exit, LaunchError},
    workload::Launch,
};
use serde::{Deserialize, Serialize};

/// Everything that has to survive a crash. What it says of the past is never rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The schema's version.
    pub schema: u32,
    /// Which transition this is about.
    pub transition: Transition,
    /// What was learned on the way.
    pub facts: Facts,
    /// What is decided.
    pub state: State,
}

/// The key of a record: a verdict holds for one transition, and for no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The instance. An image baked from a launched instance carries another's record.
    pub instance_id: String,
    /// The image. Replacing the root volume keeps the instance's id and brings another image.
    pub image_id: String,
    /// Counts the transitions of this instance, from 1.
    pub epoch: u64,
    /// What kind of transition.
    pub kind: Kind,
}

/// The transitions in which a group waits for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Into service: the launch hook.
    Launch,
    /// Into a warm pool: the launch hook, for the first of two times.
    WarmEnter,
    /// Back into a warm pool: the terminate hook.
    WarmReturn,
    /// Out of the group: the terminate hook.
    Terminate,
}

impl Kind {
    /// Whether it brings the instance in, and failing it means ABANDON; the others are ways out, which
    /// cannot be refused.
    pub fn is_entry(self) -> bool {
        match self {
            Kind::Launch | Kind::WarmEnter => true,
            Kind::WarmReturn | Kind::Terminate => false,
        }
    }
}

/// What was learned on the way. Facts are never the key of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the agent first started on this transition.
    pub began: Began,
    /// The boot that this agent runs in.
    pub boot: String,
    /// The group's target state for this instance, as metadata last told it.
    pub target: Option<TargetState>,
    /// The launch's whole time, in milliseconds, once the spec told it.
    pub timeout_ms: Option<u64>,
    /// The merged spec, references unreplaced.
    pub document: Option<String>,
    /// The images by container, with their digests.
    #[serde(default)]
    pub images: Images,
    /// What the spec says of whom to tell, once its references are resolved.
    #[serde(default)]
    pub signal: Option<Wish>,
    /// What the spec says of the time after the verdict; the contract's defaults until it is read.
    #[serde(default)]
    pub conduct: Conduct,
    /// The launch that last proved the workload, and its boot: a new boot starts the workload again.
    #[serde(default)]
    pub served: Option<Launch>,
    /// The boot in which the services were drained for good: nothing is started in it any more.
    #[serde(default)]
    pub drained_in: Option<String>,
    /// What EC2 announces, in this boot.
    #[serde(default)]
    pub notices: Notices,
    /// Evidence of a failure was collected, or a crash cut that off: it is tried once.
    #[serde(default)]
    pub evidence: bool,
    /// Evidence is being collected, by this process.
    #[serde(skip)]
    pub collecting: bool,
    /// The machine is being shut down: nothing is started any more.
    #[serde(skip)]
    pub leaving: bool,
    /// How the way in before this way out ended: `launch` beside an agent that stays came for that.
    #[serde(default)]
    pub entered: Option<Exit>,
    /// A failed workload was stopped.
    #[serde(default)]
    pub stopped: bool,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Work is under way, or will be at the next start.
    Undecided {
        /// Whom to tell, once known.
        recipients: Option<Vec<Recipient>>,
    },
    /// The verdict stands, and is delivered as far as `deliveries` says.
    Decided {
        /// What was decided.
        verdict: Verdict,
        /// Whom it is for, and how far each has it; `None` until it is known whom to tell.
        deliveries: Option<Vec<Delivery>>,
    },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// CONTINUE, or SUCCESS.
    Continue(Proof),
    /// ABANDON, or FAILURE.
    Abandon(LaunchError),
}

/// Somebody who waits for the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A lifecycle hook of an Auto Scaling group.
    Hook {
        /// The group's name.
        group: String,
        /// The hook's name.
        hook: String,
    },
    /// A resource of a CloudFormation stack.
    CloudFormation {
        /// Stack name or id.
        stack: String,
        /// Logical id of the resource.
        resource: String,
    },
    /// Somebody does wait, and who cannot be found out.
    Unknown {
        /// Why not, and what to do about it.
        why: String,
    },
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Recipient::Hook { group, hook } => write!(f, "{group}/{hook}"),
            Recipient::CloudFormation { stack, resource } => write!(f, "stack {stack}/{resource}"),
            Recipient::Unknown { .. } => f.write_str("the group"),
        }
    }
}

/// What a spec's `signal:` says, with values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The group's name, where it is not the instance's own.
    pub group: Option<String>,
    /// The launch hooks; none named: the group's only one.
    pub launching: Vec<String>,
    /// The termination hooks; none named: the group's only one.
    #[serde(default)]
    pub terminating: Vec<String>,
    /// Stack and logical resource id.
    pub cloudformation: Option<(String, String)>,
}

/// One recipient, and how far it has the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whom.
    pub to: Recipient,
    /// `None`: sent at most, with no answer on record.
    pub settled: Option<Settled>,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It has the verdict.
    Delivered,
    /// It waits for none any more; in words, how that is known.
    Needless(String),
    /// It does not, and trying again in this process will not help.
    Failed(LaunchError),
}

impl Record {
    /// The record of an instance's first transition, which begins now.
    pub(super) fn first(
        me: &Identity,
        kind: Kind,
        target: Option<TargetState>,
        now: &Now,
    ) -> Record {
        let transition = Transition {
            instance_id: me.instance_id.clone(),
            image_id: me.image_id.clone(),
            epoch: 1,
            kind,
        };
        Record::begun(transition, kind, target, now)
    }

    /// The record of a transition that begins now.
    pub(super) fn begun(
        transition: Transition,
        kind: Kind,
        target: Option<TargetState>,
        now: &Now,
    ) -> Record {
        Record {
            schema: SCHEMA,
            transition: Transition { kind, ..transition },
            facts: Facts {
                began: Began::at(now),
                boot: now.boot.clone(),
                target,
                timeout_ms: None,
                document: None,
                images: Images::new(),
                signal: None,
                conduct: Conduct::default(),
                served: None,
                drained_in: None,
                notices: Notices::new(),
                evidence: false,
                collecting: false,
                leaving: false,
                entered: None,
                stopped: false,
            },
            state: State::Undecided { recipients: None },
        }
    }

    /// Whether this is about the instance and image that run now.
    pub fn is_of(&self, me: &Identity) -> bool {
        self.transition.instance_id == me.instance_id && self.transition.image_id == me.image_id
    }

    /// Whether the workload was proven in this boot.
    pub(super) fn is_served(&self) -> bool {
        let served = self.facts.served.as_ref();
        served.is_some_and(|served| served.boot_id == self.facts.boot)
    }

    /// Whether services were drained in this boot.
    pub fn is_drained(&self) -> bool {
        self.facts.drained_in.as_ref() == Some(&self.facts.boot)
    }

    /// Whether everybody who waited for the verdict has been dealt with.
    pub fn is_told(&self) -> bool {
        match &self.state {
            State::Decided {
                deliveries: Some(deliveries),
                ..
            } => deliveries.iter().all(|delivery| delivery.settled.is_some()),
            State::Decided {
                deliveries: None, ..
            }
            | State::Undecided { .. } => false,
        }
    }

    /// Whether nobody is left to tell: all have the verdict, or need it no more. Whom it did not reach may
    /// be told by the next start.
    pub fn is_delivered(&self) -> bool {
        let reached = |delivery: &Delivery| {
            matches!(
                delivery.settled,
                Some(Settled::Delivered | Settled::Needless(_))
            )
        };
        match &self.state {
            State::Decided {
                deliveries: Some(deliveries),
                ..
            } => deliveries.iter().all(reached),
            State::Decided {
                deliveries: None, ..
            }
            | State::Undecided { .. } => false,
        }
    }

    /// Everybody whom the verdict is for, once there is one.
    pub fn recipients(&self) -> Vec<Recipient> {
        match &self.state {
            State::Undecided { .. } => vec![],
            State::Decided { deliveries, .. } => {
                let each = deliveries.iter().flatten();
                each.map(|delivery| delivery.to.clone()).collect()
            }
        }
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.state {
            State::Undecided { .. } => None,
            State::Decided { verdict, .. } => Some(verdict),
        }
    }
}
