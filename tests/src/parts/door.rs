//! A way to a server that nobody serves at first: connections are refused until the door is opened, as on a machine whose
//! network, or whose metadata service, comes late.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// A door, closed at first.
#[derive(Debug)]
pub struct Door {
    at: SocketAddr,
    to: SocketAddr,
    /// Bound, so that nobody else gets the port; it listens once the door is open.
    socket: Mutex<Option<TcpSocket>>,
    server: Mutex<JoinSet<()>>,
}

impl Door {
    /// Puts one up before the server at `url`, such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// If that is no address, or no port is free.
    pub fn before(url: &str) -> anyhow::Result<Self> {
        let to = url.trim_start_matches("http://").parse();
        let to = to.with_context(|| format!("{url} is no http://address:port"))?;
        let socket = TcpSocket::new_v4()?;
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .context("putting up a door")?;
        Ok(Self {
            at: socket.local_addr()?,
            to,
            socket: Mutex::new(Some(socket)),
            server: Mutex::default(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// From now on connections go through.
    ///
    /// # Errors
    /// If it can't be listened on.
    pub fn open(&self) -> anyhow::Result<()> {
        let socket = lock(&self.socket).take();
        let Some(socket) = socket else { return Ok(()) };
        let listener = socket.listen(1024).context("opening a door")?;
        lock(&self.server).spawn(serve(listener, self.to));
        Ok(())
    }
}

async fn serve(listener: TcpListener, to: SocketAddr) {
    let mut lines = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        lines.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(to).await {
                // Whoever hangs up first ends it.
                drop(copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
