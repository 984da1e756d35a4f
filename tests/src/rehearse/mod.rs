//! `rehearse`: a launch on this machine, with the real binary, the machine's own Docker engine, a registry on loopback, and
//! the stage for AWS. No account, no credentials; nothing leaves the machine but the image pulls that the spec asks for.
//!
//! - [`play`]: what is launched: the sample service, or somebody's own spec
//! - [`parameters`]: what Parameter Store and Secrets Manager hold
//! - [`timeline`]: what is told at the end
//! - [`tidy`]: what goes away at the end, also after Ctrl-C

pub mod parameters;
pub mod play;
pub mod tidy;
pub mod timeline;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal as Posix, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::harness::Agent;
use crate::parts::engine::Engine;
use crate::parts::moto::Moto;
use crate::stage::{Hook, Instance, Stage};

use parameters::Value;
use play::Play;
use tidy::Tidy;

/// What rehearse exits with when it was interrupted before the agent ran, as shells count SIGINT.
const INTERRUPTED: u8 = 130;
/// How long the agent may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// Watch a launch on this machine's Docker engine, without an AWS account.
#[derive(Debug, clap::Parser)]
#[command(name = "rehearse")]
pub struct Arguments {
    /// Your own spec, or whole user data; by default a small web service of the project's own
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// What the spec's references find: a YAML map from parameter name to value, or to {value: …, type: String |
    /// StringList | SecureString}; names beginning with `secretsmanager:` are secrets
    #[arg(long, value_name = "FILE", requires = "spec")]
    pub parameters: Option<PathBuf>,
    /// The agent's binary; by default the release build
    #[arg(long, value_name = "PATH")]
    pub firstlight: Option<PathBuf>,
}

/// SIGINT, SIGTERM and SIGHUP (a terminal that was closed), heard from the first moment on.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Rehearses a launch and gives the agent's exit code.
///
/// # Errors
/// If a part is missing or doesn't start, or something can't be tidied up.
pub async fn rehearse(arguments: Arguments) -> anyhow::Result<u8> {
    let mut stop = Stop::listen()?;
    let engine = Engine::connect().await?;
    let play = tokio::select! {
        play = Play::read(&arguments) => play?,
        () = stop.asked() => return Ok(INTERRUPTED),
    };
    let _alone = alone()?;
    let tidy = Tidy::before(&engine, &play).await?;
    let code = perform(&arguments, &play, &mut stop).await;
    let tidied = tidy.after(&engine).await;
    let code = code?;
    tidied.context("tidying up")?;
    Ok(code)
}

/// One rehearsal at a time: every one is the same instance, whose containers its agent takes for its own.
fn alone() -> anyhow::Result<Flock<File>> {
    let folder = Path::new("/run/lock");
    let path = folder.join("firstlight-rehearse");
    let file = std::fs::create_dir_all(folder).and_then(|()| File::create(&path));
    let file = file.with_context(|| format!("creating {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
            bail!("another rehearsal is at work on this machine; wait until it has ended")
        }
        Err((_, error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

/// To whoever still reads: a closed pipe or a lost terminal must not keep anybody from tidying up.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

async fn perform(arguments: &Arguments, play: &Play, stop: &mut Stop) -> anyhow::Result<u8> {
    let (stage, _moto) = tokio::select! {
        opened = open(play) => opened?,
        () = stop.asked() => return Ok(INTERRUPTED),
    };
    let mut agent = match &arguments.firstlight {
        Some(program) => Agent::of(program, &stage)?,
        None => Agent::on(&stage)?,
    };
    if let Ok(term) = std::env::var("TERM") {
        agent = agent.env("TERM", &term);
    }
    say(&format!(
        "rehearse: the stage, moto and Docker are ready; {}\n\n",
        play.title
    ));
    let mut command = agent.command(&["launch"]);
    // A process group of its own: Ctrl-C comes here, and the agent is asked to end as systemd would ask it.
    command.stdin(Stdio::null()).process_group(0);
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {}", command.as_std().get_program().display()))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = stop.asked() => end(&mut child).await?,
    };
    let told = agent.status().await.ok();
    say(&format!("\n{}", timeline::draw(told.as_ref(), &stage)));
    Ok(exit_code(status))
}

async fn open(play: &Play) -> anyhow::Result<(Stage, Moto)> {
    let instance = Instance::default();
    let moto = Moto::start(&instance.region).await?;
    for (name, value) in &play.parameters {
        let put = match value {
            Value::Parameter { value, kind } => moto.put_parameter(name, value, kind.name()).await,
            Value::Secret(value) => moto.put_secret(name, value).await,
        };
        put.with_context(|| format!("putting {name}"))?;
    }
    let hooks: Vec<Hook> = play
        .hooks
        .iter()
        .map(|name| Hook::launching(name))
        .collect();
    let mut stage = Stage::builder()
        .instance(instance)
        .moto(moto.url())
        .group(&play.group, hooks)
        .user_data(play.user_data.clone());
    if let Some(stack) = &play.stack {
        stage = stage.stack(stack, "CREATE_IN_PROGRESS");
    }
    Ok((stage.open().await?, moto))
}

/// Asks the agent to end, then makes it.
async fn end(child: &mut Child) -> anyhow::Result<ExitStatus> {
    if let Some(id) = child.id() {
        // If it has just ended, waiting says so.
        let _ = kill(Pid::from_raw(i32::try_from(id)?), Posix::SIGTERM);
    }
    if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
        return Ok(status?);
    }
    child.start_kill()?;
    Ok(child.wait().await?)
}

/// The agent's own code; 128 and the signal's number where one ended it, as shells have it.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
