//! Why a CONTINUE may be sent.

use super::record::Kind;
use crate::{drain::Drained, health::Healthy, image::Prepared};
use serde::{Deserialize, Serialize};

/// Why a CONTINUE may be sent. Made from what only the work itself can make, or read from the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Proof(Proven);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Proven {
    /// Every service is healthy.
    Healthy,
    /// Images are pulled and nothing was started: ready for a warm pool.
    Prepared,
    /// Services were drained and stopped.
    Drained,
}

impl From<Healthy> for Proof {
    fn from(_: Healthy) -> Proof {
        Proof(Proven::Healthy)
    }
}

impl From<Prepared> for Proof {
    fn from(_: Prepared) -> Proof {
        Proof(Proven::Prepared)
    }
}

impl From<Drained> for Proof {
    fn from(_: Drained) -> Proof {
        Proof(Proven::Drained)
    }
}

impl Proof {
    /// Whether it is what a transition of this kind has to prove.
    pub(super) fn proves(&self, kind: Kind) -> bool {
        match (kind, &self.0) {
            (Kind::Launch, Proven::Healthy)
            | (Kind::WarmEnter, Proven::Prepared)
            | (Kind::WarmReturn | Kind::Terminate, Proven::Drained) => true,
            (Kind::Launch, Proven::Prepared | Proven::Drained)
            | (Kind::WarmEnter, Proven::Healthy | Proven::Drained)
            | (Kind::WarmReturn | Kind::Terminate, Proven::Healthy | Proven::Prepared) => false,
        }
    }

    /// Services were drained, whatever for.
    pub(super) fn is_drained(&self) -> bool {
        self.0 == Proven::Drained
    }
}

#[cfg(test)]
impl Proof {
    pub(super) const HEALTHY: Proof = Proof(Proven::Healthy);
    pub(super) const PREPARED: Proof = Proof(Proven::Prepared);
    pub(super) const DRAINED: Proof = Proof(Proven::Drained);
}
