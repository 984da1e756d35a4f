//! The stage: a stand-in for what an EC2 instance sees of AWS while it launches.
//!
//! Nothing that exists plays the launch side of Auto Scaling, so the stage does: the metadata service, the group's
//! lifecycle state machine, and SignalResource. Every other call it passes on to a moto server, by the service its
//! signature names. Faults can be ordered for any call, and every call is logged.
//!
//! The rooms:
//! - [`instance`]: who the instance is; [`imds`]: its metadata service
//! - [`group`]: the lifecycle state machine, pure; `autoscaling` and [`cloudformation`]: the APIs in front of it
//! - `acts`: what a test has the group do, and what the group tells; `notices`: what EC2 announces
//! - [`fault`]: what may be ordered to go wrong; `words`: how AWS says no; [`log`]: what happened
//! - `serve`, `line`, `pass`: the HTTP front, connections that can be severed, the way to moto
//!
//! [`account`] is another stage: many instances, and limits on what they may call.
//!
//! To play another operation: an arm in its service's `answer`.

pub mod account;
mod acts;
pub mod answer;
mod autoscaling;
mod builder;
pub mod call;
pub mod cloudformation;
pub mod fault;
pub mod group;
pub mod imds;
pub mod instance;
mod line;
pub mod log;
mod notices;
mod pass;
mod serve;
pub mod words;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use answer::{Answer, AwsError};
pub use builder::Builder;
pub use cloudformation::Signal;
pub use fault::{Fault, Order};
pub use group::{
    Author, Edge, Group, Health, Hook, Lifecycle, Opens, Outcome, Passage, Plan, Pool, Verdict,
};
pub use imds::HttpTokens;
pub use instance::Instance;
pub use log::Entry;
pub use notices::SpotAction;

use imds::Metadata;

const TARGET_STATE: &str = "meta-data/autoscaling/target-lifecycle-state";

/// What the handlers and the [`Stage`] share.
#[derive(Debug)]
struct Shared {
    opened: Instant,
    me: Instance,
    metadata: Mutex<Metadata>,
    group: Mutex<Option<Group>>,
    stack: Mutex<Option<cloudformation::Stack>>,
    /// Whether a test set the target lifecycle state by hand.
    pinned_target: Mutex<bool>,
    orders: Mutex<Vec<Order>>,
    log: Mutex<Vec<Entry>>,
    /// Told when an answer is withheld.
    withheld: Notify,
    moto: Option<String>,
    client: reqwest::Client,
}

/// Locks, also after a panic elsewhere: a test that failed must not hide why.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open stage.
#[derive(Debug)]
pub struct Stage {
    shared: Arc<Shared>,
    metadata_at: SocketAddr,
    metadata_six: Option<SocketAddr>,
    aws_at: SocketAddr,
    _servers: JoinSet<std::io::Result<()>>,
}

impl Stage {
    /// A stage with an ordinary instance in no group, with nothing behind it.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Who the instance is.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.shared.me
    }

    /// The metadata service's URL.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("http://{}", self.metadata_at)
    }

    /// The metadata service's URL on ::1, where the machine has IPv6.
    #[must_use]
    pub fn metadata_url_six(&self) -> Option<String> {
        self.metadata_six.map(|address| format!("http://{address}"))
    }

    /// The control plane's URL.
    #[must_use]
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws_at)
    }

    /// The environment that points a program at this stage, and at nothing else: region and credentials come from
    /// metadata alone.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.aws_url()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.metadata_url()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Orders a fault.
    pub fn order(&self, order: Order) {
        lock(&self.shared.orders).push(order);
    }

    /// Calls every fault off; what fired stays in the log.
    pub fn call_off(&self) {
        lock(&self.shared.orders).clear();
    }

    /// Waits until a call was performed whose answer was ordered to be withheld, by [`Fault::DoThenHang`].
    pub async fn withheld(&self) {
        self.shared.withheld.notified().await;
    }

    /// Holds every ordered fault to have happened as often as ordered.
    ///
    /// # Errors
    /// Names those that did not, with the log.
    pub fn assert_faults_fired(&self) -> anyhow::Result<()> {
        let missed: Vec<String> = lock(&self.shared.orders)
            .iter()
            .filter(|order| !order.satisfied())
            .map(ToString::to_string)
            .collect();
        if missed.is_empty() {
            return Ok(());
        }
        bail!(
            "faults that were ordered but did not happen:\n{}\nwhat did:\n{}",
            missed.join("\n"),
            self.transcript()
        )
    }

    /// Every call so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Entry> {
        lock(&self.shared.log).clone()
    }

    /// The calls of one operation, in order.
    #[must_use]
    pub fn calls_of(&self, service: &str, operation: &str) -> Vec<Entry> {
        self.calls()
            .into_iter()
            .filter(|entry| entry.is(service, operation))
            .collect()
    }

    /// The log as text, a line a call.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.calls()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect()
    }

    /// The clock of the log: since the stage opened.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.opened.elapsed()
    }

    /// The CloudFormation signals that were taken, in order.
    #[must_use]
    pub fn signals(&self) -> Vec<Signal> {
        lock(&self.shared.stack)
            .as_ref()
            .map_or_else(Vec::new, |stack| stack.signals.clone())
    }

    /// Puts a value into metadata, at a path such as `meta-data/spot/instance-action`, or takes it away.
    pub fn set_metadata(&self, path: &str, value: Option<&[u8]>) {
        if path == TARGET_STATE {
            *lock(&self.shared.pinned_target) = true;
        }
        lock(&self.shared.metadata).set(path, value);
    }

    /// Makes metadata forget every session token.
    pub fn invalidate_tokens(&self) {
        lock(&self.shared.metadata).invalidate_tokens();
    }
}
