//! The stage: a stand-in for what an EC2 instance sees of AWS while it launches.
//!
//! Nothing that exists plays the launch side of Auto Scaling, so the stage does: the metadata service, the group's
//! lifecycle state machine, and SignalResource. Every other call it passes on to a moto server, by the service its
//! signature names. Faults can be ordered for any call, and every call is logged.
//!
//! The rooms:
//! - [`instance`]: who the instance is; [`imds`]: its metadata service
//! - [`group`]: the lifecycle state machine, pure; `autoscaling` and [`cloudformation`]: the APIs in front of it
//! - [`fault`]: what may be ordered to go wrong; `words`: how AWS says no; [`log`]: what happened
//! - `serve`, `line`, `pass`: the HTTP front, connections that can be severed, the way to moto
//!
//! To play another operation: an arm in its service's `answer`.

pub mod answer;
mod autoscaling;
pub mod call;
pub mod cloudformation;
pub mod fault;
pub mod group;
pub mod imds;
pub mod instance;
mod line;
pub mod log;
mod pass;
mod serve;
pub mod words;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use answer::AwsError;
pub use cloudformation::Signal;
pub use fault::{Fault, Order};
pub use group::{Author, Hook, Lifecycle, Opens, Outcome, Verdict};
pub use imds::HttpTokens;
pub use instance::Instance;
pub use log::Entry;

use group::Group;
use imds::Metadata;

const TARGET_STATE: &str = "meta-data/autoscaling/target-lifecycle-state";

/// What a stage is built from: begin with [`Stage::builder`].
#[derive(Debug)]
pub struct Builder {
    instance: Instance,
    user_data: Option<Vec<u8>>,
    http_tokens: HttpTokens,
    group: Option<(String, Vec<Hook>)>,
    opens: Opens,
    proceed: Duration,
    stack: Option<(String, String)>,
    moto: Option<String>,
    metadata_at: SocketAddr,
    aws_at: SocketAddr,
}

impl Builder {
    /// Who the instance is.
    #[must_use]
    pub fn instance(mut self, instance: Instance) -> Self {
        self.instance = instance;
        self
    }

    /// What the launch template says.
    #[must_use]
    pub fn user_data(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.user_data = Some(bytes.into());
        self
    }

    /// Whether metadata asks for a token.
    #[must_use]
    pub const fn http_tokens(mut self, mode: HttpTokens) -> Self {
        self.http_tokens = mode;
        self
    }

    /// Puts the instance into a group. Without it, it is in none.
    #[must_use]
    pub fn group(mut self, name: &str, hooks: impl Into<Vec<Hook>>) -> Self {
        self.group = Some((name.to_owned(), hooks.into()));
        self
    }

    /// When the launch hooks open; at once by default.
    #[must_use]
    pub const fn opens(mut self, opens: Opens) -> Self {
        self.opens = opens;
        self
    }

    /// How long `Pending:Proceed` lasts; no time by default.
    #[must_use]
    pub const fn proceed(mut self, time: Duration) -> Self {
        self.proceed = time;
        self
    }

    /// A CloudFormation stack in this state; it takes signals in a `…_IN_PROGRESS` one.
    #[must_use]
    pub fn stack(mut self, name: &str, state: &str) -> Self {
        self.stack = Some((name.to_owned(), state.to_owned()));
        self
    }

    /// The moto server that plays the rest, such as `http://127.0.0.1:5000`.
    #[must_use]
    pub fn moto(mut self, url: &str) -> Self {
        self.moto = Some(url.to_owned());
        self
    }

    /// Where metadata listens: a free port of 127.0.0.1 by default, and the same port of ::1 beside it.
    #[must_use]
    pub const fn metadata_at(mut self, address: SocketAddr) -> Self {
        self.metadata_at = address;
        self
    }

    /// Where the control plane listens: a free port of 127.0.0.1 by default.
    #[must_use]
    pub const fn aws_at(mut self, address: SocketAddr) -> Self {
        self.aws_at = address;
        self
    }

    /// Opens the stage. It closes when the value is dropped.
    ///
    /// # Errors
    /// If an address can't be listened on.
    pub async fn open(self) -> anyhow::Result<Stage> {
        let opened = Instant::now();
        let (opens, proceed) = (self.opens, self.proceed);
        let id = self.instance.id.clone();
        let group = self
            .group
            .map(|(name, hooks)| Group::new(&name, &id, hooks, opens, proceed, opened));
        let stack = self.stack.map(|(name, state)| cloudformation::Stack {
            name,
            state,
            signals: Vec::new(),
        });
        let shared = Arc::new(Shared {
            opened,
            metadata: Mutex::new(Metadata::new(
                &self.instance,
                self.http_tokens,
                self.user_data,
            )),
            me: self.instance,
            group: Mutex::new(group),
            stack: Mutex::new(stack),
            pinned_target: Mutex::new(false),
            orders: Mutex::default(),
            log: Mutex::default(),
            moto: self.moto.map(|url| url.trim_end_matches('/').to_owned()),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .context("building the stage's HTTP client")?,
        });
        let mut servers = JoinSet::new();
        let metadata = listen(self.metadata_at).await?;
        let metadata_at = metadata.local_addr()?;
        let aws = listen(self.aws_at).await?;
        let aws_at = aws.local_addr()?;
        let metadata_front = Router::new()
            .fallback(serve::metadata)
            .with_state(Arc::clone(&shared));
        let aws_front = Router::new()
            .fallback(serve::aws)
            .with_state(Arc::clone(&shared));
        // ::1 is a second choice: a machine without IPv6 does without.
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, metadata_at.port()));
        let six = if metadata_at.ip().is_loopback() {
            listen(six).await.ok()
        } else {
            None
        };
        let metadata_six = six.as_ref().and_then(|listener| listener.local_addr().ok());
        for (listener, front) in [
            (Some(metadata), metadata_front.clone()),
            (six, metadata_front),
            (Some(aws), aws_front),
        ] {
            if let Some(listener) = listener {
                let service = front.into_make_service_with_connect_info::<line::Line>();
                servers.spawn(async move { axum::serve(line::Lines(listener), service).await });
            }
        }
        Ok(Stage {
            shared,
            metadata_at,
            metadata_six,
            aws_at,
            _servers: servers,
        })
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}"))
}

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
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Builder {
            instance: Instance::default(),
            user_data: None,
            http_tokens: HttpTokens::Required,
            group: None,
            opens: Opens::After(Duration::ZERO),
            proceed: Duration::ZERO,
            stack: None,
            moto: None,
            metadata_at: any_port,
            aws_at: any_port,
        }
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

    /// Every completion the group got, counted or refused, and every time-out.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        lock(&self.shared.group)
            .as_mut()
            .map_or_else(Vec::new, |group| group.verdicts(Instant::now()))
    }

    /// The completions and time-outs that counted: hook and outcome.
    #[must_use]
    pub fn counted(&self) -> Vec<(String, Outcome)> {
        self.verdicts()
            .into_iter()
            .filter(|v| v.refused.is_none())
            .map(|v| (v.hook, v.outcome))
            .collect()
    }

    /// When the group accepted a heartbeat, since the stage opened, and for which hook.
    #[must_use]
    pub fn heartbeats(&self) -> Vec<(Duration, String)> {
        lock(&self.shared.group)
            .as_ref()
            .map_or_else(Vec::new, |group| group.heartbeats().to_vec())
    }

    /// The health statuses that SetInstanceHealth brought, in order.
    #[must_use]
    pub fn health(&self) -> Vec<String> {
        lock(&self.shared.group)
            .as_ref()
            .map_or_else(Vec::new, |group| group.health().to_vec())
    }

    /// Where the instance stands in its group.
    #[must_use]
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        lock(&self.shared.group)
            .as_mut()
            .map(|group| group.state(Instant::now()))
    }

    /// Starts the instance's termination.
    pub fn terminate(&self) {
        if let Some(group) = lock(&self.shared.group).as_mut() {
            group.terminate(Instant::now());
        }
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
