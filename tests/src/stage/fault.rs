//! Faults to order: what goes wrong, with which call, and how often.
//!
//! Every order counts how often it fired, so that a test whose fault never happened fails.
//!
//! To add a fault: a variant of [`Fault`], and what it does in `serve.rs`.

use std::fmt;
use std::time::{Duration, Instant};

use super::answer::{Answer, AwsError};
use super::call::Call;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The answer takes this much longer.
    Delay(Duration),
    /// The connection is closed without an answer, nothing performed.
    Drop,
    /// No answer ever comes.
    Hang,
    /// Rate exceeded, as the service words it.
    Throttle,
    /// Denied by IAM, as the service words it.
    Deny,
    /// The KMS key is denied, as the service words it.
    DenyKms,
    /// This HTTP status, with an empty body.
    Status(u16),
    /// An answer of status 200 that is neither XML nor JSON.
    Garble,
    /// Performed, but the answer breaks off half-way.
    Cut,
    /// Performed, but the answer is lost.
    DoThenLose,
    /// Performed, but the answer never comes. [`Stage::withheld`](super::Stage::withheld) waits for it.
    DoThenHang,
    /// The caller's clock is wrong, as the service words it.
    Skew,
    /// Any other AWS error.
    Error(AwsError),
    /// Any other answer, with nothing performed: a redirect, a page that moto would not give.
    Instead(Answer),
}

/// An order for a [`Fault`]: begin with [`Fault::on`] or [`Fault::on_metadata`].
#[derive(Debug, Clone)]
pub struct Order {
    fault: Fault,
    service: String,
    operation: String,
    naming: Option<String>,
    after: u32,
    times: Option<u32>,
    lasting: Option<Duration>,
    until: Option<Instant>,
    seen: u32,
    fired: u32,
}

impl Fault {
    /// Does this to calls of `service` and `operation`; the operation `*` is any.
    #[must_use]
    pub fn on(self, service: &str, operation: &str) -> Order {
        Order {
            fault: self,
            service: service.to_owned(),
            operation: operation.to_owned(),
            naming: None,
            after: 0,
            times: None,
            lasting: None,
            until: None,
            seen: 0,
            fired: 0,
        }
    }

    /// Does this to metadata requests for `path`, such as `meta-data/instance-id`, `user-data` or `api/token`.
    #[must_use]
    pub fn on_metadata(self, path: &str) -> Order {
        self.on("imds", "*").naming(path)
    }
}

impl Order {
    /// Only to calls that name this parameter, path, secret, object key or hook.
    #[must_use]
    pub fn naming(mut self, what: &str) -> Self {
        self.naming = Some(what.to_owned());
        self
    }

    /// Only after this many matching calls went well.
    #[must_use]
    pub const fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// Only this often; without it, always.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only for so long, from when it first strikes.
    #[must_use]
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.lasting = Some(time);
        self
    }

    /// How often it fired.
    #[must_use]
    pub const fn fired(&self) -> u32 {
        self.fired
    }

    /// Whether it fired as often as was ordered, or at all where no number was.
    #[must_use]
    pub fn satisfied(&self) -> bool {
        self.fired >= self.times.unwrap_or(1)
    }

    fn matches(&self, call: &Call) -> bool {
        self.service == call.service
            && (self.operation == "*" || self.operation == call.operation)
            && self.naming.as_ref().is_none_or(|what| call.names(what))
    }

    fn take(&mut self, call: &Call) -> bool {
        if !self.matches(call) {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        let now = Instant::now();
        let fires = self.seen > self.after
            && self.times.is_none_or(|times| self.fired < times)
            && self.until.is_none_or(|until| now < until);
        if fires {
            self.until = self.until.or_else(|| self.lasting.map(|time| now + time));
            self.fired = self.fired.saturating_add(1);
        }
        fires
    }
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} on {} {}",
            self.fault, self.service, self.operation
        )?;
        if let Some(what) = &self.naming {
            write!(out, " naming {what}")?;
        }
        match self.times {
            Some(times) => write!(out, ": ordered {times}, fired {}", self.fired),
            None => write!(out, ": fired {}", self.fired),
        }
    }
}

/// A fault that struck, with the name it was ordered for.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) fault: Fault,
    pub(super) naming: Option<String>,
}

/// Takes the first order that strikes this call. Later orders do not see a call that was struck.
pub(super) fn strike(orders: &mut [Order], call: &Call) -> Option<Strike> {
    orders.iter_mut().find_map(|order| {
        order.take(call).then(|| Strike {
            fault: order.fault.clone(),
            naming: order.naming.clone(),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::http::Method;

    fn call(path: &str) -> Call {
        Call::metadata(&Method::GET, &format!("/latest/{path}").parse().unwrap())
    }

    #[test]
    fn strikes_the_calls_it_was_ordered_for() {
        let mut orders = [Fault::Drop.on_metadata("user-data").after(1).times(2)];
        let struck: Vec<bool> = [
            "user-data",
            "meta-data/mac",
            "user-data",
            "user-data",
            "user-data",
        ]
        .iter()
        .map(|path| strike(&mut orders, &call(path)).is_some())
        .collect();
        assert_eq!(struck, [false, false, true, true, false]);
        assert_eq!(orders.first().map(Order::fired), Some(2));
    }

    #[test]
    fn counts_what_did_not_happen() {
        let mut order = Fault::Throttle.on("imds", "GET").times(2);
        assert!(!order.satisfied());
        assert!(order.take(&call("user-data")));
        assert!(!order.satisfied(), "once of twice: {order}");
        assert!(order.take(&call("user-data")));
        assert!(order.satisfied());
    }

    #[test]
    fn is_over_when_its_time_is() {
        let over = Fault::Drop.on("imds", "GET").lasting(Duration::ZERO);
        let lasts = Fault::Drop
            .on("imds", "GET")
            .lasting(Duration::from_secs(60));
        for (mut order, want) in [(over, [true, false]), (lasts, [true, true])] {
            let struck = [(); 2].map(|()| order.take(&call("x")));
            assert_eq!(struck, want, "{order}");
        }
    }

    #[test]
    fn the_first_order_takes_the_call() {
        let mut orders = [
            Fault::Hang.on("imds", "*").times(1),
            Fault::Drop.on("imds", "*"),
        ];
        let faults: Vec<Fault> = (0..3)
            .filter_map(|_| strike(&mut orders, &call("x")))
            .map(|s| s.fault)
            .collect();
        assert_eq!(faults, [Fault::Hang, Fault::Drop, Fault::Drop]);
    }
}
