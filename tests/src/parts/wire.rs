//! A wire to the Docker engine that tells its requests, and can be held at one: what it is when a client dies in the middle of
//! a call.
//!
//! To add a way to hold it: a variant of [`At`], and what it does in `carry`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Where the engine listens unless DOCKER_HOST says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// Where a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// It does not reach the engine.
    Request,
    /// The engine carries it out, and its answer does not come back.
    Answer,
}

/// Which requests are held.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Every one whose operation holds this.
    Every(String),
    /// The one with this operation that comes after so many like it.
    Nth(String, usize),
}

#[derive(Debug, Default)]
struct Traffic {
    /// Where, and which.
    order: Option<(At, What)>,
    fired: u32,
    /// The operations of all requests.
    requests: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    traffic: Mutex<Traffic>,
    /// Told when an answer is held.
    answered: Notify,
}

/// A wire, open at first.
#[derive(Debug)]
pub struct Wire {
    folder: TempDir,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

impl Wire {
    /// Lays one to the machine's engine.
    ///
    /// # Errors
    /// If the engine is not at a Unix socket.
    pub fn lay() -> anyhow::Result<Self> {
        let engine = match std::env::var("DOCKER_HOST") {
            Ok(host) => host
                .strip_prefix("unix://")
                .context("DOCKER_HOST is no Unix socket")?
                .to_owned(),
            Err(_) => SOCKET.to_owned(),
        };
        let folder = TempDir::with_prefix("firstlight-wire-")?;
        let listener =
            UnixListener::bind(folder.path().join("docker.sock")).context("laying a wire")?;
        let shared: Arc<Shared> = Arc::default();
        let (seen, mut server) = (Arc::clone(&shared), JoinSet::new());
        server.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(engine) = UnixStream::connect(&engine).await {
                    lines.spawn(carry(client, engine, Arc::clone(&seen)));
                }
            }
        });
        Ok(Self {
            folder,
            shared,
            _server: server,
        })
    }

    /// DOCKER_HOST for who is to use it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn lock(&self) -> MutexGuard<'_, Traffic> {
        lock(&self.shared.traffic)
    }

    /// Every request so far, in order: method and path, without version, query and ids, with the name that a container is
    /// to have: `POST /containers/create?name=web`, `GET /containers/{id}/json`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// Holds every request in whose words, as [`Wire::requests`] has them, stands `what`, such as `/containers/create`.
    pub fn hold(&self, at: At, what: &str) {
        self.order(at, What::Every(what.to_owned()));
    }

    /// Holds the one request with these words that comes after `passed` more like it.
    pub fn hold_one(&self, at: At, what: &str, passed: usize) {
        self.order(at, What::Nth(what.to_owned(), passed));
    }

    fn order(&self, at: At, what: What) {
        let mut traffic = self.lock();
        traffic.order = Some((at, what));
        traffic.fired = 0;
    }

    /// How many requests are held, or were.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.lock().fired
    }

    /// Waits until the engine has answered a request that is held at its answer.
    pub async fn answered(&self) {
        self.shared.answered.notified().await;
    }

    /// Lets requests to come pass.
    pub fn call_off(&self) {
        self.lock().order = None;
    }

    /// Lets requests to come pass, having made sure that one was held where that was ordered.
    ///
    /// # Errors
    /// If none was.
    pub fn release(&self) -> anyhow::Result<()> {
        let mut traffic = self.lock();
        match traffic.order.take() {
            Some((at, what)) if traffic.fired == 0 => {
                bail!("no request for {what:?} was held at its {at:?}")
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn lock(traffic: &Mutex<Traffic>) -> MutexGuard<'_, Traffic> {
    traffic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a piece that a client sends is to meet. A client writes the head of a request in one piece.
fn strike(traffic: &Mutex<Traffic>, piece: &[u8]) -> Option<At> {
    let asked = operation(piece)?;
    let mut traffic = lock(traffic);
    traffic.requests.push(asked.clone());
    let fired = traffic.fired;
    let (at, what) = traffic.order.as_mut()?;
    let at = *at;
    match what {
        What::Every(what) if asked.contains(what.as_str()) => {}
        What::Nth(what, passed) if asked == *what && fired == 0 => {
            let Some(left) = passed.checked_sub(1) else {
                traffic.fired = 1;
                return Some(at);
            };
            *passed = left;
            return None;
        }
        What::Every(_) | What::Nth(..) => return None,
    }
    traffic.fired += 1;
    Some(at)
}

/// The words of a request, if that is what begins here.
fn operation(piece: &[u8]) -> Option<String> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let (target, _) = rest.split_once(" HTTP/1.")?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_version = |step: &&str| step.starts_with("v1.");
    let is_id = |step: &str| step.len() == 64 && step.bytes().all(|byte| byte.is_ascii_hexdigit());
    let steps = path.split('/').filter(|step| !is_version(step));
    let steps: Vec<&str> = steps
        .map(|step| if is_id(step) { "{id}" } else { step })
        .collect();
    let name = query.split('&').find(|pair| pair.starts_with("name="));
    let name = name.map(|name| format!("?{name}")).unwrap_or_default();
    Some(format!("{method} {}{name}", steps.join("/")))
}

/// Carries bytes both ways, until either side is gone or a request is held.
async fn carry(client: UnixStream, engine: UnixStream, shared: Arc<Shared>) {
    let ((mut from_client, to_client), (from_engine, mut to_engine)) =
        (client.into_split(), engine.into_split());
    let (kept, mut back) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    back.spawn(copy(
        from_engine,
        to_client,
        Arc::clone(&kept),
        Arc::clone(&shared),
    ));
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        match strike(&shared.traffic, piece) {
            None => {}
            // The client waits until it hangs up itself.
            Some(At::Request) => break,
            Some(At::Answer) => kept.store(true, Ordering::SeqCst),
        }
        if to_engine.write_all(piece).await.is_err() {
            return;
        }
    }
    while let Ok(1..) = from_client.read(&mut buffer).await {}
}

/// Carries what the engine says, and keeps it back from when `kept` is set; the client still hears nobody hang up.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    kept: Arc<AtomicBool>,
    shared: Arc<Shared>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        if kept.load(Ordering::SeqCst) {
            shared.answered.notify_one();
            return std::future::pending().await;
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_request() {
        let id = "0123456789abcdef".repeat(4);
        for (line, words) in [
            (
                format!("GET /v1.41/containers/{id}/json HTTP/1.1\r\nhost"),
                Some("GET /containers/{id}/json"),
            ),
            (
                "POST /v1.41/containers/create?name=web-1 HTTP/1.1\r\n".into(),
                Some("POST /containers/create?name=web-1"),
            ),
            (
                "GET /containers/json?all=true HTTP/1.1\r\n".into(),
                Some("GET /containers/json"),
            ),
            ("{\"Image\": \"x\"}".into(), None),
        ] {
            assert_eq!(operation(line.as_bytes()).as_deref(), words);
        }
    }

    #[test]
    fn one_of_many_is_held() {
        let wire = Mutex::new(Traffic {
            order: Some((At::Answer, What::Nth("GET /_ping".into(), 1))),
            ..Traffic::default()
        });
        let struck = ["/_ping", "/version", "/_ping", "/_ping"]
            .map(|path| strike(&wire, format!("GET {path} HTTP/1.1\r\n").as_bytes()).is_some());
        assert_eq!(struck, [false, false, true, false]);
    }
}
