//! What EC2 announces, and what the spec wants done about it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What EC2 announces in instance metadata, and when it happens in milliseconds since 1970, where that
/// is told.
pub type Notices = BTreeMap<Notice, Option<u64>>;

/// Something that EC2 can announce; the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The instance has an elevated risk of interruption: `events/recommendations/rebalance`.
    Rebalance,
    /// EC2 scheduled an event for the instance: `events/maintenance/scheduled`.
    Maintenance,
    /// EC2 takes a Spot Instance back in two minutes: `spot/instance-action`.
    Spot,
}

impl Notice {
    /// Every kind.
    pub const ALL: [Notice; 3] = [Notice::Rebalance, Notice::Maintenance, Notice::Spot];

    /// The stable name, as in `drain.on`.
    pub fn as_str(self) -> &'static str {
        match self {
            Notice::Rebalance => "rebalance",
            Notice::Maintenance => "maintenance",
            Notice::Spot => "spot",
        }
    }
}

/// What the spec says of the time after the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// `drain.on` names `terminate`.
    pub drain_on_terminate: bool,
    /// The notices that `drain.on` names.
    pub drain_on: Vec<Notice>,
    /// `when_service_dies: unhealthy`.
    pub unhealthy_when_dead: bool,
}

impl Default for Conduct {
    /// The contract's defaults.
    fn default() -> Conduct {
        Conduct {
            drain_on_terminate: true,
            drain_on: vec![Notice::Spot],
            unhealthy_when_dead: false,
        }
    }
}
