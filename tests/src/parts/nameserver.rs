//! A DNS server of a test's own, on an address of loopback that nobody else has, and how it fails.
//!
//! It knows one address, 127.0.0.1, for every name. To add a way to fail: a variant of [`Answer`], and its reply in `reply`.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Where resolvers ask: another port can't be named to them.
const PORT: u16 = 53;
/// A header, before the question (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
/// No question that a resolver asks over UDP is longer.
const LONGEST: usize = 512;
/// An A record (RFC 1035, section 3.2.2).
const A: [u8; 2] = [0, 1];

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 127.0.0.1
    Here,
    /// No such name.
    NoSuchName,
    /// The server fails.
    Failure,
    /// None.
    Nothing,
}

#[derive(Debug)]
struct State {
    answer: Answer,
    asked: u32,
}

/// A server that runs.
#[derive(Debug)]
pub struct Nameserver {
    state: Arc<Mutex<State>>,
    folder: TempDir,
    _server: JoinSet<()>,
}

impl Nameserver {
    /// Starts one that gives this answer.
    ///
    /// # Errors
    /// If this isn't root, or no address is free.
    pub async fn start(answer: Answer) -> anyhow::Result<Self> {
        let address = Ipv4Addr::new(127, 53, fastrand::u8(1..=254), fastrand::u8(1..=254));
        let socket = UdpSocket::bind((address, PORT)).await;
        let socket = socket.with_context(|| format!("answering for names at {address}"))?;
        let folder = TempDir::with_prefix("firstlight-names-")?;
        // Resolvers wait 5 s and ask twice unless told otherwise.
        let settings = format!("nameserver {address}\noptions timeout:1 attempts:1\n");
        std::fs::write(folder.path().join("resolv.conf"), settings)?;
        let state = Arc::new(Mutex::new(State { answer, asked: 0 }));
        let (shared, mut server) = (Arc::clone(&state), JoinSet::new());
        server.spawn(async move {
            let mut buffer = [0; LONGEST];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let answer = {
                    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    state.asked += 1;
                    state.answer
                };
                let question = buffer.get(..length).unwrap_or_default();
                if let Some(reply) = reply(question, answer) {
                    drop(socket.send_to(&reply, from).await);
                }
            }
        });
        Ok(Self {
            state,
            folder,
            _server: server,
        })
    }

    /// A `resolv.conf` that names it.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join("resolv.conf")
    }

    /// From now on it gives this answer.
    pub fn answers(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.lock().asked
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reply to a question, if there is to be one (RFC 1035, section 4.1).
fn reply(question: &[u8], answer: Answer) -> Option<Vec<u8>> {
    let code = match answer {
        Answer::Here => 0,
        Answer::Failure => 2,
        Answer::NoSuchName => 3,
        Answer::Nothing => return None,
    };
    let (header, rest) = question.split_at_checked(HEADER)?;
    // The name is a row of labels that ends in an empty one; type and class follow.
    let mut end = 0;
    while let Some(length) = rest.get(end).filter(|length| **length > 0) {
        end += usize::from(*length) + 1;
    }
    let question = rest.get(..end + 5)?;
    let found = answer == Answer::Here && question.get(end + 1..end + 3) == Some(&A);
    let mut reply = header.get(..2)?.to_vec();
    // A reply, recursion available.
    reply.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    reply.extend(question);
    if found {
        // The name above; type A, class IN, for no time, four bytes.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(reply)
}
