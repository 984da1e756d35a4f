//! The real parts beside the stage: moto, an image registry, a Docker engine, and images to run on it.
//!
//! Each says how to install it when it is missing.
//!
//! To add a part: a file with a type that starts it on loopback, waits until it answers, and ends it when dropped.

pub mod bundle;
pub mod clock;
pub mod door;
pub mod engine;
pub mod events;
pub mod gate;
pub mod image;
pub mod moto;
pub mod nameserver;
pub mod private_engine;
pub mod proxy;
pub mod registry;
pub mod tls;
pub mod webapp;
pub mod wire;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

use crate::wait::until;

/// How long a part may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How often another port is tried when one was taken in between.
const PORTS: u32 = 3;

/// A server that ends with this value.
#[derive(Debug)]
struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `log`, and waits until `url` answers anything below 500.
    async fn start(mut command: Command, log: PathBuf, url: &str) -> anyhow::Result<Self> {
        let name = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        let out =
            std::fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true);
        // A process group of its own, so that Ctrl-C reaches only the one who is to tidy up.
        command.process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let mut server = Self { child, log };
        let client = client()?;
        let ready = until(START, &format!("{name} answers on {url}"), async || {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Some(Err(format!("{name} ended with {status}")));
            }
            let answer = client.get(url).timeout(Duration::from_secs(2)).send().await;
            answer
                .is_ok_and(|answer| !answer.status().is_server_error())
                .then_some(Ok(()))
        })
        .await;
        match ready {
            Ok(Ok(())) => Ok(server),
            Ok(Err(why)) => bail!("{why}: {}", server.last_words()),
            Err(why) => bail!("{why:#}: {}", server.last_words()),
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// An HTTP client for loopback. It keeps no connection: one that tests share would leave it to a runtime that ends.
fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .context("building an HTTP client")
}

/// A port of 127.0.0.1 that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))
        .context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// The repository this was built from.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| Path::new("."))
        .to_path_buf()
}

/// A program: by environment variable, at one of these places, or in PATH.
///
/// # Errors
/// If there is none; `install` says how to get it.
pub fn program(
    variable: &str,
    places: &[PathBuf],
    name: &str,
    install: &str,
) -> anyhow::Result<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    if let Some(named) = named {
        if named.is_file() {
            return Ok(named);
        }
        bail!("{variable} names {}, which is no file", named.display());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    places
        .iter()
        .cloned()
        .chain(in_path)
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{name} is missing: {install}"))
}
