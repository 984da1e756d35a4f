//! What an account was asked: numbers, not a log, and the two moments between which a fleet was launched.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::call::Call;

/// How often an operation was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Answered, with a result or an error of its own.
    pub answered: usize,
    /// Refused by a limit.
    pub throttled: usize,
}

/// What an account was asked.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By operation: `ssm:GetParameters`.
    pub operations: BTreeMap<String, Count>,
    /// Requests to metadata services.
    pub metadata: usize,
    /// When Parameter Store was first called, since the account opened.
    pub first_parameters: Option<Duration>,
    /// When a completion was last taken, since the account opened.
    pub last_completed: Option<Duration>,
}

impl Tally {
    /// The calls of one service, in all.
    #[must_use]
    pub fn of(&self, service: &str) -> Count {
        let mut sum = Count::default();
        for (operation, count) in &self.operations {
            if operation.split(':').next() == Some(service) {
                sum.answered += count.answered;
                sum.throttled += count.throttled;
            }
        }
        sum
    }

    /// From the first call to Parameter Store to the last completion.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.last_completed
            .unwrap_or_default()
            .saturating_sub(self.first_parameters.unwrap_or_default())
    }

    pub(super) fn metadata(&mut self) {
        self.metadata += 1;
    }

    pub(super) fn add(&mut self, call: &Call, at: Duration, admitted: bool, status: u16) {
        let name = format!("{}:{}", call.service, call.operation);
        let count = self.operations.entry(name).or_default();
        if admitted {
            count.answered += 1;
        } else {
            count.throttled += 1;
        }
        if call.service == "ssm" {
            self.first_parameters.get_or_insert(at);
        }
        if call.operation == "CompleteLifecycleAction" && status == 200 {
            self.last_completed = Some(at);
        }
    }
}
