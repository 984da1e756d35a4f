//! A TCP connection.

use super::probe::Saw;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

pub(super) async fn ask(address: IpAddr, port: u16) -> Saw {
    match TcpStream::connect(SocketAddr::new(address, port)).await {
        Ok(_) => Saw {
            good: true,
            words: format!("TCP :{port} accepted the connection"),
        },
        Err(error) => Saw {
            good: false,
            words: format!("TCP :{port} failed: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn open_and_closed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(ask(address.ip(), address.port()).await.good);
        drop(listener);
        let saw = ask(address.ip(), address.port()).await;
        assert!(!saw.good && saw.words.contains("refused"), "{saw:?}");
    }
}
