//! The program `rehearse`, as people run it: what it shows, what it exits with, and that nothing of it is left, also after
//! Ctrl-C.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Finished, Ground, Names, Running, STAGES};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::webapp;
use firstlight_tests::wait::{until, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

const PATIENCE: Duration = Duration::from_secs(90);
/// The containers of the sample service.
const SAMPLE: [&str; 2] = ["rehearsal-web", "rehearsal-migrate"];

/// One rehearsal at a time: the sample service's names are always the same, and each takes the network along that it made.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A rehearsal with a folder of its own for all that is temporary.
struct Rehearsal {
    running: Running,
    folder: TempDir,
    alone: Alone,
}

/// Held while nobody else may rehearse.
type Alone = MutexGuard<'static, ()>;

impl Rehearsal {
    async fn begin(arguments: &[&str]) -> Result<Self> {
        let alone = ALONE.lock().await;
        let folder = TempDir::with_prefix("rehearse-")?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
        command
            .args(arguments)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // As a shell starts a job: Ctrl-C goes to this group.
            .process_group(0);
        let running = Running::start(command)?;
        Ok(Self {
            running,
            folder,
            alone,
        })
    }

    /// Waits for its end, and holds it to have left neither process nor folder. What else it left can be looked for while
    /// nobody else rehearses.
    async fn end(self) -> Result<(Finished, Alone)> {
        let Self {
            running,
            folder,
            alone,
        } = self;
        let me = running.id();
        let mut seen: Vec<Pid> = Vec::new();
        // What it starts ends with it, so look while it runs.
        let watch = until(PATIENCE, "the rehearsal ends", async || {
            let now = children(me);
            seen.extend(
                now.iter()
                    .filter(|pid| !seen.contains(pid))
                    .copied()
                    .collect::<Vec<_>>(),
            );
            ended(me).then_some(())
        });
        watch.await.with_context(|| running.output())?;
        let finished = running.finish(PATIENCE).await?;
        ensure!(!seen.is_empty(), "no part was seen running: {finished:#?}");
        let gone = || seen.iter().all(|pid| ended(*pid));
        wait_until(PATIENCE, "what it started is gone", gone).await?;
        let left: Vec<_> = std::fs::read_dir(folder.path())?.collect();
        ensure!(left.is_empty(), "left behind: {left:?}\n{finished:#?}");
        Ok((finished, alone))
    }
}

/// The state and the parent of a process.
fn stat(pid: &Path) -> Option<(char, i32)> {
    let stat = std::fs::read_to_string(pid.join("stat")).ok()?;
    // The name before may hold spaces and parentheses.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |path: &Path| stat(path).is_some_and(|(_, of)| of == parent.as_raw());
    processes
        .filter(|entry| is_child(&entry.path()))
        .filter_map(|entry| Some(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)))
        .collect()
}

/// Whether a process has ended, reaped or not.
fn ended(pid: Pid) -> bool {
    let state = stat(&Path::new("/proc").join(pid.to_string()));
    state.is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// Names of images from the registry that this rehearsal told of; before it tells, it has pulled nothing.
async fn images(engine: &Engine, finished: &Finished) -> Result<Vec<String>> {
    let mut lines = finished.stdout.lines();
    let image = lines.find_map(|line| line.trim_start().strip_prefix("image: "));
    let Some((host, _)) = image.and_then(|image| image.split_once('/')) else {
        return Ok(Vec::new());
    };
    let options = None::<bollard::query_parameters::ListImagesOptions>;
    let images = engine.client().list_images(options).await?;
    let names = images.into_iter();
    let names = names.flat_map(|image| image.repo_tags.into_iter().chain(image.repo_digests));
    Ok(names.filter(|name| name.starts_with(host)).collect())
}

async fn sample_is_gone(engine: &Engine, finished: &Finished) -> Result<()> {
    let left = engine.containers(|name, _| SAMPLE.contains(&name)).await?;
    ensure!(left.is_empty(), "containers left: {left:?}");
    let left = images(engine, finished).await?;
    ensure!(left.is_empty(), "images left: {left:?}");
    Ok(())
}

#[tokio::test]
async fn by_default_the_sample_service_is_launched() -> Result<()> {
    let engine = Engine::connect().await?;
    let (finished, _alone) = Rehearsal::begin(&[]).await?.end().await?;
    finished.expect_code(0)?;
    for said in [
        "launching the sample service",
        "    image: 127.0.0.1:",
        // live
        "resolve: done in",
        "rehearsal-migrate: migrated 3 tables",
        "rehearsal-web healthy",
        // at the end
        "timeline\n",
        "verdict    CONTINUE\n",
        "what the group saw\n",
        "CompleteLifecycleAction",
        "CONTINUE for launch from the instance: counted",
        "the instance is InService",
    ] {
        finished.expect_said(said)?;
    }
    for stage in STAGES {
        let bar = finished
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("  {stage} ")));
        let bar = bar.with_context(|| format!("no bar for {stage}:\n{}", finished.stdout))?;
        ensure!(bar.contains('█') && bar.ends_with(" s"), "{bar:?}");
    }
    ensure!(
        !finished.stdout.contains("p@ss/word") && !finished.stderr.contains("p@ss/word"),
        "{finished:#?}"
    );
    sample_is_gone(&engine, &finished).await
}

#[tokio::test]
async fn ctrl_c_in_the_middle_leaves_nothing() -> Result<()> {
    let engine = Engine::connect().await?;
    // Before the agent has begun, as shells count SIGINT; and before the service is healthy. A terminal that is closed
    // says SIGHUP.
    for (what, code, signal) in [
        ("its parts start", 130, Signal::SIGINT),
        ("the sample service is made", 75, Signal::SIGINT),
        ("the sample service is made", 75, Signal::SIGHUP),
    ] {
        let rehearsal = Rehearsal::begin(&[]).await?;
        let me = rehearsal.running.id();
        let reached = async || match code {
            130 => !children(me).is_empty(),
            _ => is_made(&engine, "rehearsal-web").await,
        };
        until(PATIENCE, what, async || reached().await.then_some(())).await?;
        if code == 75 {
            let second = run(&[]).await?;
            second.expect_code(1)?;
            second.expect_said("another rehearsal is at work on this machine")?;
        }
        kill(Pid::from_raw(-me.as_raw()), signal)?;
        let (finished, _alone) = rehearsal.end().await?;
        finished.expect_code(code)?;
        sample_is_gone(&engine, &finished)
            .await
            .with_context(|| format!("when {what}"))?;
        if code == 75 {
            finished.expect_said("    image: 127.0.0.1:")?;
            finished.expect_said("verdict    NONE")?;
            ensure!(!finished.stdout.contains("CONTINUE for"), "{finished:#?}");
        }
    }
    Ok(())
}

async fn is_made(engine: &Engine, name: &str) -> bool {
    matches!(engine.inspect(name).await, Ok(Some(_)))
}

/// A spec and a parameters file of somebody's own.
struct Own {
    engine: Engine,
    names: Names,
    folder: TempDir,
    spec: String,
    /// Its registry serves the rehearsals.
    _ground: Arc<Ground>,
}

impl Own {
    /// A service of the sample image at another registry, whose password, tag and more come from the parameters.
    async fn write() -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        let (names, folder) = (Names::new(), tempfile::tempdir()?);
        let host = ground.registry.host();
        names.images_of(&format!("{host}/{}", names.suffix()));
        let repository = format!("{}/web", names.suffix());
        ground
            .registry
            .push(&repository, "1.10", &webapp::image()?)
            .await?;
        let parameters = format!(
            "/own/version: 1.10\n/own/password: {{value: {}, type: SecureString}}\nsecretsmanager:own/app: '{{\"greeting\": \"hello from a secret\"}}'\n",
            json!(ground.login.password)
        );
        std::fs::write(folder.path().join("parameters.yaml"), parameters)?;
        let spec = format!(
            "firstlight: 1
timeout: 60s
registries: {{\"{host}\": {{username: ci, password: \"{{{{ssm:/own/password}}}}\"}}}}
signal: {{group: theirs, launching: their-hook}}
services:
  {}:
    image: {host}/{repository}:{{{{ssm:/own/version}}}}
    environment: {{GREETING: \"{{{{secretsmanager:own/app#greeting}}}}\"}}
    health: {{http: {{port: 3000, path: /healthcheck/}}, interval: 100ms}}
tasks:
  {}: {{image: \"{host}/{repository}:{{{{ssm:/own/version}}}}\", command: [task, done]}}
",
            names.unique("web"),
            names.unique("task")
        );
        Ok(Self {
            engine,
            names,
            folder,
            spec,
            _ground: ground,
        })
    }

    async fn rehearse(&self, spec: &str) -> Result<Finished> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        std::fs::write(file("spec.yaml"), spec)?;
        let arguments = [
            "--spec",
            &file("spec.yaml"),
            "--parameters",
            &file("parameters.yaml"),
        ];
        let (finished, _alone) = Rehearsal::begin(&arguments).await?.end().await?;
        for stem in ["web", "task"] {
            let left = self.engine.inspect(&self.names.unique(stem)).await?;
            ensure!(left.is_none(), "{stem} is left");
        }
        Ok(finished)
    }
}

#[tokio::test]
async fn a_spec_of_ones_own_with_its_parameters() -> Result<()> {
    let own = Own::write().await?;
    let finished = own.rehearse(&own.spec).await?;
    finished.expect_code(0)?;
    for said in [
        "launching /",
        "verdict    CONTINUE\n",
        "AutoScalingGroupName=theirs",
        "CONTINUE for their-hook from the instance: counted",
    ] {
        finished.expect_said(said)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_spec_that_fails_says_so() -> Result<()> {
    let own = Own::write().await?;
    for (this, that, code, says) in [
        (
            "    environment:",
            "    enviroment:",
            78,
            ["(spec_invalid)", "did you mean `environment`?"],
        ),
        (
            "ssm:/own/version",
            "ssm:/own/none",
            78,
            ["(reference_missing)", "/own/none"],
        ),
        (
            "[task, done]",
            "[task, done], environment: {EXIT_CODE: 3}",
            80,
            ["(task_failed)", "done"],
        ),
    ] {
        let finished = own.rehearse(&own.spec.replace(this, that)).await?;
        finished.expect_code(code)?;
        let hook = if code == 78 && this.starts_with(' ') {
            "launch"
        } else {
            "their-hook"
        };
        let told = format!("ABANDON for {hook} from the instance: counted");
        for said in ["verdict    ABANDON (", &told, "timeline\n"]
            .into_iter()
            .chain(says)
        {
            finished
                .expect_said(said)
                .with_context(|| that.to_owned())?;
        }
        ensure!(!finished.stdout.contains("CONTINUE"), "{finished:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_the_arguments_is_said_first() -> Result<()> {
    let _alone = ALONE.lock().await;
    for (arguments, code, says) in [
        (&["--parameters", "x.yaml"][..], 2, "--spec"),
        (&["--spec", "/none.yaml"], 1, "reading /none.yaml"),
        (&["--firstlight", "/none"], 1, "/none"),
    ] {
        let finished = run(arguments).await?;
        finished.expect_code(code)?;
        ensure!(finished.stderr.contains(says), "{finished:#?}");
    }
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<Finished> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::start(command)?.finish(PATIENCE).await
}

/// Whoever looks at the beginning alone must not leave the rest behind.
#[tokio::test]
async fn a_pipe_that_is_closed_leaves_nothing() -> Result<()> {
    let _alone = ALONE.lock().await;
    let engine = Engine::connect().await?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn()?;
    drop(child.stdout.take());
    let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
    ensure!(status.success(), "{status}");
    for name in SAMPLE {
        ensure!(!is_made(&engine, name).await, "{name} was left");
    }
    Ok(())
}
