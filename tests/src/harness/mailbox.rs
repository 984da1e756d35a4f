//! A datagram socket that keeps what it gets: a stand-in for systemd, which listens at `NOTIFY_SOCKET`, and for journald.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::task::JoinSet;

use super::Entry;

/// No datagram of a Unix socket is longer, as the kernel is set by default.
const LONGEST: usize = 256 * 1024;

/// An open socket and what has arrived.
#[derive(Debug)]
pub struct Mailbox {
    folder: TempDir,
    letters: Arc<Mutex<Vec<Vec<u8>>>>,
    /// `None`: a reader of its own sits at it.
    socket: Option<std::os::unix::net::UnixDatagram>,
    _reader: JoinSet<()>,
}

impl Mailbox {
    /// Opens one.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn open() -> anyhow::Result<Self> {
        let mut mailbox = Self::unattended()?;
        let socket = mailbox.socket.take().context("a socket")?;
        let socket = UnixDatagram::from_std(socket)?;
        let kept = Arc::clone(&mailbox.letters);
        mailbox._reader.spawn(async move {
            let mut buffer = vec![0; LONGEST];
            while let Ok(length) = socket.recv(&mut buffer).await {
                let letter = buffer.get(..length).unwrap_or_default().to_vec();
                lock(&kept).push(letter);
            }
        });
        Ok(mailbox)
    }

    /// Opens one that keeps only what [`Mailbox::empty`] takes out of it.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn unattended() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("firstlight-socket-")?;
        let socket = std::os::unix::net::UnixDatagram::bind(folder.path().join("socket"));
        let socket = socket.context("binding a socket")?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            folder,
            letters: Arc::default(),
            socket: Some(socket),
            _reader: JoinSet::new(),
        })
    }

    /// Takes out what lies in one that is unattended, without waiting for more, and gives it.
    pub fn empty(&self) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        let mut buffer = vec![0; LONGEST];
        while let Some(Ok(length)) = self.socket.as_ref().map(|socket| socket.recv(&mut buffer)) {
            taken.push(buffer.get(..length).unwrap_or_default().to_vec());
        }
        lock(&self.letters).extend(taken.iter().cloned());
        taken
    }

    /// The folder that holds the socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Every datagram so far, in order.
    #[must_use]
    pub fn letters(&self) -> Vec<Vec<u8>> {
        lock(&self.letters).clone()
    }

    /// The datagrams as text, a line each and more where they have more.
    #[must_use]
    pub fn text(&self) -> String {
        let letters = self.letters();
        letters
            .iter()
            .map(|letter| format!("{}\n", String::from_utf8_lossy(letter)))
            .collect()
    }

    /// The datagrams as journal entries.
    ///
    /// # Errors
    /// If one is not in journald's native protocol.
    pub fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let letters = self.letters();
        // A client tries the way with an empty datagram. A later one would carry a memory file, which is not read here.
        let tried = usize::from(letters.first().is_some_and(Vec::is_empty));
        letters
            .iter()
            .skip(tried)
            .map(|letter| Entry::read(letter))
            .collect()
    }
}

fn lock(letters: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    letters.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn keeps_what_it_gets() {
        let mailbox = Mailbox::open().unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        for letter in ["", "READY=1\n", "STATUS=x\n"] {
            sender
                .send_to(letter.as_bytes(), mailbox.socket())
                .await
                .unwrap();
        }
        let all = || mailbox.letters().len() == 3;
        crate::wait::wait_until(std::time::Duration::from_secs(5), "all arrived", all)
            .await
            .unwrap();
        let entries = mailbox.entries().unwrap();
        let status: Vec<Option<&str>> = entries.iter().map(|entry| entry.get("STATUS")).collect();
        assert_eq!(status, [None, Some("x")]);
        assert!(mailbox.text().contains("READY=1\n"));
    }
}
