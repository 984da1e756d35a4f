//! The log of every call: when, what, about what, and what came of it. Names and ids only, never values.

use std::fmt;
use std::time::Duration;

use super::call::Call;

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered (yet).
    Open,
    /// Answered with this HTTP status.
    Status(u16),
    /// Performed or not, the caller got no whole answer.
    Severed,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Since the stage opened.
    pub at: Duration,
    /// What was asked.
    pub call: Call,
    /// The fault that struck it.
    pub fault: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// When that was, since the stage opened; `None` while it is open.
    pub ended: Option<Duration>,
}

impl Entry {
    /// Whether this is a call of `service` and `operation`.
    #[must_use]
    pub fn is(&self, service: &str, operation: &str) -> bool {
        self.call.service == service && self.call.operation == operation
    }

    /// Whether the caller got a success.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Status(200..=299))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:>9.3} {:<14} {}",
            self.at.as_secs_f64(),
            self.call.service,
            self.call.operation
        )?;
        for (name, value) in &self.call.parameters {
            write!(out, " {name}={value}")?;
        }
        match &self.outcome {
            Outcome::Open => out.write_str(" -> no answer")?,
            Outcome::Status(status) => write!(out, " -> {status}")?,
            Outcome::Severed => out.write_str(" -> severed")?,
        }
        self.fault
            .as_ref()
            .map_or(Ok(()), |fault| write!(out, " [{fault}]"))
    }
}
