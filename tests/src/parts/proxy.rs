//! A proxy before a registry, with faults and byte counts: what a bad network does to a pull.
//!
//! To add a fault: a variant of [`Trouble`], and what it does in `pass`.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::client;

/// A blob of more bytes is a layer.
const LARGE: u64 = 100_000;

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// After that many bytes, nothing more comes.
    Stall(u64),
    /// After that many bytes, the connection breaks.
    Cut(u64),
    /// No faster than that many bytes a second.
    Slow(u32),
    /// As long as announced, but other bytes than were asked for.
    Corrupt,
    /// This status, such as 401, 429 or 503, instead of an answer.
    Status(u16),
    /// The same, with a code and words of the registry's.
    Refusal(u16, &'static str, &'static str),
    /// No answer before so many requests wait for theirs.
    Gather(usize),
}

impl Trouble {
    /// Status, code and words of what is answered instead.
    const fn refusal(self) -> Option<(u16, &'static str, &'static str)> {
        match self {
            Self::Status(status) => Some((status, code(status), "ordered")),
            Self::Refusal(status, code, words) => Some((status, code, words)),
            Self::Stall(_) | Self::Cut(_) | Self::Slow(_) | Self::Corrupt | Self::Gather(_) => None,
        }
    }

    /// After how many bytes it strikes.
    const fn limit(self) -> Option<u64> {
        match self {
            Self::Stall(limit) | Self::Cut(limit) => Some(limit),
            Self::Slow(_)
            | Self::Corrupt
            | Self::Status(_)
            | Self::Refusal(..)
            | Self::Gather(_) => None,
        }
    }
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// `/v2/…/manifests/…`
    Manifests,
    /// `/v2/…/blobs/…`
    Blobs,
    /// Blobs of more than 100 kB, which no configuration is.
    Layers,
    /// All.
    Anything,
}

#[derive(Debug, Clone)]
struct Order {
    trouble: Trouble,
    of: Of,
    times: Option<u32>,
    fired: u32,
    gathering: Arc<Barrier>,
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} of {:?}: ordered {:?}, fired {}",
            self.trouble, self.of, self.times, self.fired
        )
    }
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    state: Mutex<Traffic>,
}

#[derive(Debug, Default)]
struct Traffic {
    orders: Vec<Order>,
    sent: u64,
    requests: Vec<(String, u16)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy before one registry.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _server: JoinSet<std::io::Result<()>>,
}

impl Proxy {
    /// Opens one before the registry at `host`, such as `127.0.0.1:5000`.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn before(host: &str) -> anyhow::Result<Self> {
        let any =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a proxy")?;
        Self::on(any, host)
    }

    /// The same, on a socket that listens already.
    ///
    /// # Errors
    /// If it can't be used.
    pub fn on(listener: std::net::TcpListener, host: &str) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            upstream: format!("http://{host}"),
            client: client()?,
            state: Mutex::default(),
        });
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let front = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, front).await });
        Ok(Self {
            port,
            shared,
            _server: server,
        })
    }

    /// Host and port, as image references have them.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Orders trouble: so many times, or always.
    pub fn order(&self, trouble: Trouble, of: Of, times: Option<u32>) {
        let many = if let Trouble::Gather(many) = trouble {
            many
        } else {
            1
        };
        self.shared.lock().orders.push(Order {
            trouble,
            of,
            times,
            fired: 0,
            gathering: Arc::new(Barrier::new(many)),
        });
    }

    /// Calls all trouble off.
    pub fn call_off(&self) {
        self.shared.lock().orders.clear();
    }

    /// Body bytes sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.lock().sent
    }

    /// The requests so far: method and path, and the status that was answered.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, u16)> {
        self.shared.lock().requests.clone()
    }

    /// Holds every trouble to have happened as often as ordered.
    ///
    /// # Errors
    /// Names what did not.
    pub fn assert_faults_fired(&self) -> anyhow::Result<()> {
        let traffic = self.shared.lock();
        let missed: Vec<String> = traffic
            .orders
            .iter()
            .filter(|o| o.fired < o.times.unwrap_or(1))
            .map(ToString::to_string)
            .collect();
        if missed.is_empty() {
            return Ok(());
        }
        bail!(
            "trouble that was ordered but did not happen:\n{}\nrequests: {:?}",
            missed.join("\n"),
            traffic.requests
        )
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let line = format!("{} {path}", parts.method);
    let mut headers = parts.headers;
    headers.remove("host");
    let asked = shared
        .client
        .request(parts.method, format!("{}{path}", shared.upstream))
        .headers(headers);
    let Ok(answer) = asked.send().await else {
        shared.lock().requests.push((line, 502));
        return refusal(502, "UNKNOWN", "no answer from the registry");
    };
    let order = take(&mut shared.lock().orders, &path, answer.content_length());
    let trouble = order.as_ref().map(|order| order.trouble);
    let refused = trouble.and_then(Trouble::refusal);
    let status = refused.map_or(answer.status().as_u16(), |(status, ..)| status);
    shared.lock().requests.push((line, status));
    if let Some((status, code, words)) = refused {
        return refusal(status, code, words);
    }
    if let (Some(Trouble::Gather(_)), Some(order)) = (trouble, order) {
        order.gathering.wait().await;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove("transfer-encoding");
    *response.body_mut() = body(shared, answer, trouble);
    response
}

const fn code(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "MANIFEST_UNKNOWN",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    }
}

fn refusal(status: u16, code: &str, words: &str) -> Response<Body> {
    let error = serde_json::json!({"errors": [{"code": code, "message": words}]});
    let mut response = Response::new(Body::from(error.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

fn take(orders: &mut [Order], path: &str, length: Option<u64>) -> Option<Order> {
    let order = orders.iter_mut().find(|order| {
        let of = match order.of {
            Of::Manifests => path.contains("/manifests/"),
            Of::Blobs => path.contains("/blobs/"),
            Of::Layers => path.contains("/blobs/") && length.is_some_and(|length| length > LARGE),
            Of::Anything => true,
        };
        of && order.times.is_none_or(|times| order.fired < times)
    })?;
    order.fired = order.fired.saturating_add(1);
    Some(order.clone())
}

/// The body on its way, counted, with its trouble.
fn body(shared: Arc<Shared>, answer: reqwest::Response, trouble: Option<Trouble>) -> Body {
    let upstream = answer.bytes_stream().boxed();
    Body::from_stream(stream::unfold(
        (upstream, 0_u64),
        move |(mut upstream, mut sent)| {
            let shared = Arc::clone(&shared);
            async move {
                let limit = trouble.and_then(Trouble::limit);
                if limit.is_some_and(|limit| sent >= limit) {
                    if matches!(trouble, Some(Trouble::Stall(_))) {
                        std::future::pending::<()>().await;
                    }
                    return Some((
                        Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe)),
                        (upstream, sent),
                    ));
                }
                let mut piece = match upstream.next().await? {
                    Ok(piece) => piece,
                    Err(error) => {
                        return Some((Err(std::io::Error::other(error)), (upstream, sent)));
                    }
                };
                if let Some(limit) = limit {
                    let room = usize::try_from(limit - sent).unwrap_or(usize::MAX);
                    piece.truncate(room);
                }
                if let Some(Trouble::Slow(rate)) = trouble {
                    let share = u32::try_from(piece.len()).unwrap_or(u32::MAX);
                    tokio::time::sleep(Duration::from_secs(1) * share / rate).await;
                }
                if trouble == Some(Trouble::Corrupt) {
                    piece = Bytes::from(piece.iter().map(|byte| !byte).collect::<Vec<u8>>());
                }
                sent += piece.len() as u64;
                shared.lock().sent += piece.len() as u64;
                Some((Ok(piece), (upstream, sent)))
            }
        },
    ))
}
