//! An account with many instances in one group, and limits on its calls: what a whole fleet sees of AWS at launch.
//!
//! Leaner than a [`super::Stage`]: no faults, no log of calls but their number, and parameters come from memory, so that
//! a thousand launches at once wait for the limits and not for the stand-in. Each instance has a metadata service of its
//! own, below `/i-…`; Parameter Store and Auto Scaling are everyone's.
//!
//! - `limit`: the token bucket behind each limit; `parameters`: Parameter Store; `tally`: what was called

mod limit;
mod parameters;
mod tally;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

pub use limit::Limit;
pub use parameters::Parameters;
pub use tally::{Count, Tally};

use super::answer::{Answer, AwsError, Protocol};
use super::call::Call;
use super::group::{Group, Hook, Lifecycle, Plan};
use super::imds::{HttpTokens, Metadata};
use super::instance::Instance;
use super::{TARGET_STATE, autoscaling, lock, words};
use limit::Bucket;

/// The group that every instance is in.
const GROUP: &str = "fleet";
/// Its one launch hook.
const HOOK: &str = "launch";
/// Connections that may wait to be accepted: a fleet connects all at once.
const BACKLOG: u32 = 4096;
/// No call that is answered here is larger.
const BODY_LIMIT: usize = 64 * 1024;

/// What an account is made of.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How many instances were launched.
    pub instances: usize,
    /// What their launch template says.
    pub user_data: String,
    /// What Parameter Store holds.
    pub parameters: Parameters,
    /// On GetParameter, GetParameters and GetParametersByPath together; `None`: as many as come.
    pub parameter_limit: Option<Limit>,
    /// On the operations of Auto Scaling together; `None`: as many as come.
    pub autoscaling_limit: Option<Limit>,
}

/// One instance: its metadata, and its place in the group.
#[derive(Debug)]
struct Seat {
    me: Instance,
    metadata: Metadata,
    group: Group,
}

#[derive(Debug)]
struct Shared {
    opened: Instant,
    seats: Mutex<BTreeMap<String, Seat>>,
    parameters: Parameters,
    parameter_bucket: Mutex<Option<Bucket>>,
    autoscaling_bucket: Mutex<Option<Bucket>>,
    tally: Mutex<Tally>,
}

/// An open account. It closes when the value is dropped.
#[derive(Debug)]
pub struct Account {
    shared: Arc<Shared>,
    metadata_at: SocketAddr,
    aws_at: SocketAddr,
    _servers: JoinSet<std::io::Result<()>>,
}

impl Account {
    /// Opens an account whose instances have just been launched.
    ///
    /// # Errors
    /// If no address can be listened on.
    pub async fn open(terms: Terms) -> anyhow::Result<Self> {
        let opened = Instant::now();
        let bucket = |limit: Option<Limit>| Mutex::new(limit.map(|limit| limit.bucket(opened)));
        let shared = Arc::new(Shared {
            opened,
            seats: Mutex::new(seats(&terms, opened)?),
            parameter_bucket: bucket(terms.parameter_limit),
            autoscaling_bucket: bucket(terms.autoscaling_limit),
            parameters: terms.parameters,
            tally: Mutex::default(),
        });
        let (metadata, aws) = (listen()?, listen()?);
        let (metadata_at, aws_at) = (metadata.local_addr()?, aws.local_addr()?);
        let mut servers = JoinSet::new();
        let front = Router::new()
            .fallback(metadata_front)
            .with_state(Arc::clone(&shared));
        servers.spawn(async move { axum::serve(metadata, front).await });
        let front = Router::new()
            .fallback(aws_front)
            .with_state(Arc::clone(&shared));
        servers.spawn(async move { axum::serve(aws, front).await });
        Ok(Self {
            shared,
            metadata_at,
            aws_at,
            _servers: servers,
        })
    }

    /// The environment that points a program's AWS calls at this account. Whose metadata it asks is in
    /// [`Account::metadata_urls`].
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.aws_at)),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Each instance's metadata service.
    #[must_use]
    pub fn metadata_urls(&self) -> Vec<String> {
        lock(&self.shared.seats)
            .keys()
            .map(|id| format!("http://{}/{id}", self.metadata_at))
            .collect()
    }

    /// What was called so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        lock(&self.shared.tally).clone()
    }

    /// How many instances stand in `state`.
    #[must_use]
    pub fn standing(&self, state: Lifecycle) -> usize {
        let now = Instant::now();
        lock(&self.shared.seats)
            .values_mut()
            .filter_map(|seat| (seat.group.state(now) == Some(state)).then_some(()))
            .count()
    }
}

fn seats(terms: &Terms, now: Instant) -> anyhow::Result<BTreeMap<String, Seat>> {
    (1..=terms.instances)
        .map(|number| {
            let me = Instance {
                id: format!("i-{number:017x}"),
                // As docs recommend: then nobody asks Auto Scaling which group it is.
                tags: Some([("aws:autoscaling:groupName".to_owned(), GROUP.to_owned())].into()),
                ..Instance::default()
            };
            let user_data = Some(terms.user_data.clone().into_bytes());
            let plan = Plan {
                name: GROUP.to_owned(),
                hooks: vec![Hook::launching(HOOK)],
                ..Plan::default()
            };
            let mut group = Group::new(plan, &me.id, now);
            group.launch(now).map_err(|refusal| anyhow!("{refusal}"))?;
            let seat = Seat {
                metadata: Metadata::new(&me, HttpTokens::Required, user_data),
                group,
                me,
            };
            Ok((seat.me.id.clone(), seat))
        })
        .collect()
}

fn listen() -> anyhow::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG).context("listening on loopback")
}

/// `/i-…/latest/…`: one instance's metadata service.
async fn metadata_front(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let now = Instant::now();
    let answer = parts
        .uri
        .path()
        .trim_start_matches('/')
        .split_once('/')
        .and_then(|(id, path)| {
            let mut seats = lock(&shared.seats);
            let Seat {
                metadata, group, ..
            } = seats.get_mut(id)?;
            metadata.set(TARGET_STATE, group.target(now).map(str::as_bytes));
            let raw = format!("/{path}");
            let call = Call::metadata(&parts.method, &raw.parse().ok()?);
            let path = call.parameter("path")?;
            Some(metadata.answer(&parts.method, &raw, path, &parts.headers, now))
        });
    lock(&shared.tally).metadata();
    answer
        .unwrap_or_else(|| AwsError::new(404, "Not Found", "").write(Protocol::Metadata))
        .respond()
}

/// Parameter Store and Auto Scaling.
async fn aws_front(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    match Call::aws(&parts.method, &parts.uri, &parts.headers, &body) {
        Some(call) => shared.answer(&call).respond(),
        None => AwsError::new(
            403,
            "MissingAuthenticationToken",
            "Missing Authentication Token",
        )
        .write(Protocol::Query)
        .respond(),
    }
}

impl Shared {
    fn answer(&self, call: &Call) -> Answer {
        let now = Instant::now();
        let bucket = match call.service.as_str() {
            "ssm" => &self.parameter_bucket,
            _ => &self.autoscaling_bucket,
        };
        let admitted = lock(bucket).as_mut().is_none_or(|bucket| bucket.take(now));
        let answer = match call.service.as_str() {
            _ if !admitted => Some(words::throttled(call).write(call.protocol)),
            "ssm" => self.parameters.answer(call),
            "autoscaling" => self.autoscaling(call, now),
            _ => None,
        };
        let answer = answer.unwrap_or_else(|| {
            let message = format!(
                "this account does not play {}:{}",
                call.service, call.operation
            );
            AwsError::new(501, "NotInAccount", message).write(call.protocol)
        });
        let at = now.saturating_duration_since(self.opened);
        lock(&self.tally).add(call, at, admitted, answer.status);
        answer
    }

    /// The instance's own place answers; hooks are the group's, and any place tells them.
    fn autoscaling(&self, call: &Call, now: Instant) -> Option<Answer> {
        let mut seats = lock(&self.seats);
        let named = call
            .parameter("InstanceId")
            .or_else(|| call.parameter("InstanceIds.member.1"));
        let seat = match named {
            Some(id) => seats.get_mut(id),
            None => seats.values_mut().next(),
        }?;
        autoscaling::answer(call, &seat.me, Some(&mut seat.group), now)
    }
}
