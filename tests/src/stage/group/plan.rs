//! How a group is set up: its hooks, its warm pool, and how long it takes over what.
//!
//! To add a time that the group takes: a field of [`Plan`], and its use in `time`.

use std::time::Duration;

use super::terms::{Hook, Opens, Pool};

/// A group's set-up. `Plan::default()` is one named `web` without hooks and warm pool, that loses no time: its hooks
/// open at once, and nothing is drained. It never switches the instance off.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Its hooks.
    pub hooks: Vec<Hook>,
    /// Its warm pool, with `ReuseOnScaleIn`.
    pub pool: Option<Pool>,
    /// When `Pending` becomes `Pending:Wait`.
    pub opens: Opens,
    /// How long a hook that is open refuses every call all the same: the API lags behind its own states.
    pub deaf: Duration,
    /// How long a `:Proceed` lasts.
    pub proceed: Duration,
    /// How long the balancer drains an instance in service before any termination hook opens.
    pub deregister: Duration,
    /// How long an instance is still there after its termination hooks.
    pub shutdown: Duration,
    /// How long an instance has joined before metadata has a target state.
    pub untold: Duration,
    /// The health check's grace period, since the instance came into service.
    pub grace: Duration,
    /// How soon an instance in service that is called unhealthy is terminated; `None`: never.
    pub replaces: Option<Duration>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            name: "web".to_owned(),
            hooks: Vec::new(),
            pool: None,
            opens: Opens::After(Duration::ZERO),
            deaf: Duration::ZERO,
            proceed: Duration::ZERO,
            deregister: Duration::ZERO,
            shutdown: Duration::MAX,
            untold: Duration::ZERO,
            grace: Duration::ZERO,
            replaces: None,
        }
    }
}

impl Plan {
    pub(super) fn pool(&self) -> Pool {
        self.pool.unwrap_or_default()
    }
}
