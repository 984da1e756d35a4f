//! A wire to the Docker engine that can be held at a request: what it is when a client dies in the middle of a call.
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

#[derive(Debug, Default)]
struct Held {
    /// Where, and what the request line holds.
    order: Option<(At, String)>,
    fired: u32,
}

/// A wire, open at first.
#[derive(Debug)]
pub struct Wire {
    folder: TempDir,
    held: Arc<Mutex<Held>>,
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
        let held: Arc<Mutex<Held>> = Arc::default();
        let (shared, mut server) = (Arc::clone(&held), JoinSet::new());
        server.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(engine) = UnixStream::connect(&engine).await {
                    lines.spawn(carry(client, engine, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self {
            folder,
            held,
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

    fn lock(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    /// Holds every request whose first line holds `what`, such as `/containers/create`.
    pub fn hold(&self, at: At, what: &str) {
        *self.lock() = Held {
            order: Some((at, what.to_owned())),
            fired: 0,
        };
    }

    /// How many requests are held, or were.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.lock().fired
    }

    /// Lets requests to come pass, having made sure that one was held where that was ordered.
    ///
    /// # Errors
    /// If none was.
    pub fn release(&self) -> anyhow::Result<()> {
        let held = std::mem::take(&mut *self.lock());
        match held.order {
            Some((at, what)) if held.fired == 0 => {
                bail!("no request for {what} was held at its {at:?}")
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a piece that a client sends is to meet. A client writes the head of a request in one piece.
fn strike(held: &Mutex<Held>, piece: &[u8]) -> Option<At> {
    let line = piece
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut held = lock(held);
    let (at, what) = held.order.clone()?;
    if !line.contains(" HTTP/1.") || !line.contains(&what) {
        return None;
    }
    held.fired += 1;
    Some(at)
}

/// Carries bytes both ways, until either side is gone or a request is held.
async fn carry(client: UnixStream, engine: UnixStream, held: Arc<Mutex<Held>>) {
    let ((mut from_client, to_client), (from_engine, mut to_engine)) =
        (client.into_split(), engine.into_split());
    let (kept, mut back) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    back.spawn(copy(from_engine, to_client, Arc::clone(&kept)));
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        match strike(&held, piece) {
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
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, kept: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        if kept.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}
