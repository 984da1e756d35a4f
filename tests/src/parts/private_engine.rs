//! A Docker engine of a test's own, in namespaces of its own: its disk is as small as was ordered, registries go by the
//! names that were ordered, and nothing that happens to it happens to the machine's.
//!
//! It has a network with nothing in it but loopback, where every name has an address of its own;
//! [`PrivateEngine::listen`] puts a server of the test's there. All of it ends with the value.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::engine::Engine;
use super::{START, program};
use crate::wait::until;

/// Room for images and containers where a test has no use for a small disk.
pub const AMPLE: u64 = 512 << 20;
/// Without TLS, on its usual port: an image reference of ECR names none.
const PORT: u16 = 80;
/// How long it may take to end before it is killed.
const END: Duration = Duration::from_secs(10);

/// What happens in the new namespaces. The disk is a tmpfs, and goes with the mount namespace.
const SCRIPT: &str = r#"set -eu
ip link set lo up
mount -t tmpfs -o "size=$DISK" tmpfs "$FOLDER/data"
mount --bind "$FOLDER/hosts" /etc/hosts
for host in $HOSTS; do set -- "$@" --insecure-registry "$host"; done
trap 'trap : TERM; kill -TERM "$engine"; wait "$engine"; exit' TERM
while :; do
  "$DOCKERD" --host "unix://$FOLDER/docker.sock" --data-root "$FOLDER/data" --exec-root "$FOLDER/exec" \
    --pidfile "$FOLDER/pid" --config-file "$FOLDER/config" --exec-opt native.cgroupdriver=cgroupfs \
    --shutdown-timeout 1 "$@" &
  engine=$!
  wait "$engine" || [ -e "$FOLDER/again" ]
done
"#;

/// An engine that runs.
#[derive(Debug)]
pub struct PrivateEngine {
    child: Child,
    folder: TempDir,
    hosts: Vec<String>,
}

impl PrivateEngine {
    /// Starts one with that many bytes of disk, which speaks to the registries of these names without TLS.
    ///
    /// # Errors
    /// If this isn't root, Docker isn't installed, or the engine doesn't come up.
    pub async fn start(disk: u64, hosts: &[&str]) -> anyhow::Result<Self> {
        let install = "`apt-get install docker.io`";
        let usual = [Path::new("/usr/sbin/dockerd").to_path_buf()];
        let dockerd = program("FIRSTLIGHT_DOCKERD", &usual, "dockerd", install)?;
        let folder = TempDir::with_prefix("firstlight-engine-")?;
        let path = folder.path();
        std::fs::create_dir(path.join("data"))?;
        std::fs::write(path.join("config"), "{}")?;
        let names = (1..)
            .zip(hosts)
            .map(|(number, host)| format!("{} {host}\n", address(number)));
        let own = "127.0.0.1 localhost\n".to_owned();
        std::fs::write(
            path.join("hosts"),
            names.fold(own, |text, line| text + &line),
        )?;
        let log = std::fs::File::create(path.join("log"))?;
        let search = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["sh", "-c", SCRIPT, "engine"])
            .env("DISK", disk.to_string())
            .env("FOLDER", path)
            .env("HOSTS", hosts.join(" "))
            .env("DOCKERD", dockerd)
            .env("PATH", format!("{search}:/usr/sbin:/sbin"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("unshare is missing: `apt-get install util-linux`")?;
        let hosts = hosts.iter().map(ToString::to_string).collect();
        let mut engine = Self {
            child,
            folder,
            hosts,
        };
        engine.answers().await?;
        Ok(engine)
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        let address = self.address();
        let ready = until(START, "an engine of our own answers", async || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(status));
            }
            Engine::at(&address).await.ok().map(|_| Ok(()))
        })
        .await;
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        match ready.context(log.clone())? {
            Ok(()) => Ok(()),
            Err(status) => bail!("an engine of our own ended with {status}; are we root?\n{log}"),
        }
    }

    /// Its DOCKER_HOST.
    #[must_use]
    pub fn address(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("docker.sock").display()
        )
    }

    /// Ends it as a crash would, without a word to whoever is being served.
    pub fn crash(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it with this signal, as a package's upgrade or a crash does, and has it begin anew at once, as systemd would.
    ///
    /// # Errors
    /// If it does not run.
    pub fn restart(&self, signal: Signal) -> anyhow::Result<()> {
        std::fs::write(self.folder.path().join("again"), "")?;
        let is_engine = |id: &Pid| {
            let name = std::fs::read_to_string(format!("/proc/{id}/comm"));
            name.is_ok_and(|name| name.trim() == "dockerd")
        };
        let shell = children(self.child.id().cast_signed());
        let mut below = shell.into_iter().flat_map(|id| children(id.as_raw()));
        let engine = below.find(is_engine).context("no dockerd runs")?;
        kill(engine, signal).with_context(|| format!("sending {signal} to dockerd"))
    }

    /// Leaves no room on its disk.
    ///
    /// # Errors
    /// If the disk can't be reached.
    pub fn fill(&self) -> anyhow::Result<()> {
        let data = self.folder.path().join("data/filler");
        let inside = format!("/proc/{}/root{}", self.child.id(), data.display());
        let mut filler = std::fs::File::create(&inside).context("opening a file on its disk")?;
        match std::io::copy(&mut std::io::repeat(0), &mut filler) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(()),
            Err(error) => Err(error).context("filling its disk"),
            Ok(_) => bail!("its disk has no end"),
        }
    }

    /// Listens where this engine takes the registry of that name to be.
    ///
    /// # Errors
    /// If no such name was ordered, or somebody listens there.
    pub fn listen(&self, host: &str) -> anyhow::Result<TcpListener> {
        let number = self.hosts.iter().position(|known| known == host);
        let number = number.with_context(|| format!("{host} was not ordered"))? + 1;
        let at = SocketAddr::from((address(number), PORT));
        let namespace = std::fs::File::open(format!("/proc/{}/ns/net", self.child.id()))?;
        // A thread of its own goes there and is gone after; the socket stays where it was made.
        let listening = std::thread::spawn(move || -> anyhow::Result<TcpListener> {
            setns(namespace, CloneFlags::CLONE_NEWNET).context("entering the engine's network")?;
            TcpListener::bind(at).with_context(|| format!("listening on {at}"))
        });
        listening
            .join()
            .map_err(|_| anyhow::anyhow!("listening on {at} panicked"))?
    }
}

/// The processes that this one started.
fn children(id: i32) -> Vec<Pid> {
    let listed = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let listed = listed.unwrap_or_default();
    let ids = listed.split_whitespace().filter_map(|id| id.parse().ok());
    ids.map(Pid::from_raw).collect()
}

/// The address of the nth name.
fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number).unwrap_or(u8::MAX))
}

impl Drop for PrivateEngine {
    /// The engine is asked first, so that it stops what it runs; then the namespaces take with them whatever is left.
    fn drop(&mut self) {
        for child in children(self.child.id().cast_signed()) {
            let _ = kill(child, Signal::SIGTERM);
        }
        let end = Instant::now() + END;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
