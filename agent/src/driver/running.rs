//! What is under way in a transition; it is dropped with it.
//!
//! To add something that takes time: a [`Slot`] here, and a line in the driver's `select!`.

use super::{slot::Slot, watch::Sight};
use crate::{
    context::Context,
    lifecycle::{Event, Fact, Joined, Proof, Recipient, Unjoined, Work},
    signal::{self, Membership},
    verdict::LaunchError,
    workload::Workload,
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch as value,
};

/// What a work came to.
pub(super) struct Done {
    /// `None`: no source says anything to firstlight.
    pub(super) proof: Option<Proof>,
    pub(super) workload: Option<Workload>,
}

impl Done {
    pub(super) const NOT_FOR_US: Done = Done {
        proof: None,
        workload: None,
    };
}

impl<P: Into<Proof>> From<P> for Done {
    fn from(proof: P) -> Done {
        Done {
            proof: Some(proof.into()),
            workload: None,
        }
    }
}

/// What takes time, and is under way at most once each.
pub(super) struct Running<'a> {
    pub(super) work: Slot<'a, Result<Done, LaunchError>>,
    pub(super) working: Option<Work>,
    pub(super) permit: value::Sender<bool>,
    pub(super) join: Slot<'a, Result<(Membership, Vec<Recipient>), Unjoined>>,
    pub(super) membership: Option<Membership>,
    pub(super) heartbeat: Slot<'a, ()>,
    pub(super) kept_waiting: Vec<Recipient>,
    pub(super) signal: Slot<'a, (Recipient, signal::Ended)>,
    pub(super) telling: Option<Recipient>,
    pub(super) evidence: Slot<'a, ()>,
    pub(super) stop: Slot<'a, ()>,
    pub(super) look: Slot<'a, Option<String>>,
    pub(super) unhealthy: Slot<'a, ()>,
    pub(super) watch: Slot<'a, Sight>,
    pub(super) facts: UnboundedReceiver<Fact>,
    pub(super) tell: UnboundedSender<Fact>,
}

impl Running<'_> {
    pub(super) fn nothing() -> Self {
        let (tell, facts) = unbounded_channel();
        Running {
            work: Slot::idle(),
            working: None,
            permit: value::Sender::new(false),
            join: Slot::idle(),
            membership: None,
            heartbeat: Slot::idle(),
            kept_waiting: vec![],
            signal: Slot::idle(),
            telling: None,
            evidence: Slot::idle(),
            stop: Slot::idle(),
            look: Slot::idle(),
            unhealthy: Slot::idle(),
            watch: Slot::idle(),
            facts,
            tell,
        }
    }

    pub(super) fn joined(
        &mut self,
        cx: &Context,
        joined: Result<(Membership, Vec<Recipient>), Unjoined>,
    ) -> Event {
        if let Err(unjoined) = &joined {
            cx.report
                .warn("recipients_unknown", &unjoined.error.message);
        }
        Event::Joined(joined.map(|(found, recipients)| {
            let member = found.is_member();
            self.membership = Some(found);
            Joined { recipients, member }
        }))
    }
}
