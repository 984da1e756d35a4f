//! A health answer under the test's hand: 503 until the gate is opened, 200 from then on.
//!
//! A service under host networking is probed at 127.0.0.1, and so at this gate: a launch waits in its health stage for as
//! long as a test likes, by no clock.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Debug, Default)]
struct Shared {
    open: AtomicBool,
    asked: AtomicU32,
}

/// A gate, closed at first.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    shared: Arc<Shared>,
    _server: JoinSet<std::io::Result<()>>,
}

impl Gate {
    /// Puts one up on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn put_up() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("putting up a gate")?;
        let port = listener.local_addr()?.port();
        let shared: Arc<Shared> = Arc::default();
        let front = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, front).await });
        Ok(Self {
            port,
            shared,
            _server: server,
        })
    }

    /// Where it is asked.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on the answer is 200.
    pub fn open(&self) {
        self.shared.open.store(true, Ordering::SeqCst);
    }

    /// From now on the answer is 503.
    pub fn close(&self) {
        self.shared.open.store(false, Ordering::SeqCst);
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    if shared.open.load(Ordering::SeqCst) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
