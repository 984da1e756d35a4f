//! What a launch that goes well tells people and systemd while it runs, and after.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::Running;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::Fault;
use firstlight_tests::wait::wait_until;
use serde_json::json;
use tokio::process::Command;

use crate::scene::{HOOK, PATIENCE, Play, Scene};

/// A launch of a service that counts as healthy when it has run for a moment.
async fn worker(scene: &Scene) -> Result<Play> {
    let (image, _) = scene
        .push("web", "1", &webapp::image()?.ballast(1 << 20))
        .await?;
    let name = scene.names.unique("web");
    let text = format!("services:\n  {name}: {{image: \"{image}\", command: [worker]}}\n");
    scene.play(scene.head() + &text).await
}

/// systemd's end of the notification socket.
struct Systemd {
    socket: UnixDatagram,
    said: Vec<String>,
}

impl Systemd {
    /// Everything that was said so far, a line an assignment.
    fn lines(&mut self) -> &[String] {
        let mut message = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut message) {
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            self.said.extend(text.lines().map(str::to_owned));
        }
        &self.said
    }
}

/// Boot goes on as soon as lock and record are open, even where metadata is silent; the status says what is under way.
#[tokio::test]
async fn systemd_hears_of_readiness_and_stages() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = worker(&scene).await?.timings(&json!({"imds_attempt": 300}));
    let address = play.agent.root().join("notify");
    let socket = UnixDatagram::bind(&address)?;
    socket.set_nonblocking(true)?;
    let mut systemd = Systemd {
        socket,
        said: Vec::new(),
    };
    play.agent = play
        .agent
        .env("NOTIFY_SOCKET", address.to_str().context("a path")?);
    play.stage.order(Fault::Hang.on_metadata("api/token"));
    let launch = play.agent.start(&["launch"])?;
    let struck = || play.stage.assert_faults_fired().is_ok();
    wait_until(PATIENCE, "metadata is asked in vain", struck).await?;
    let ready = || systemd.lines().contains(&"READY=1".to_owned());
    wait_until(PATIENCE, "the agent is ready", ready).await?;
    ensure!(
        play.stage.calls_of("imds", "GET").is_empty(),
        "{}",
        play.stage.transcript()
    );
    play.stage.call_off();
    play.succeeded(&launch.finish(PATIENCE).await?, HOOK)
        .await?;

    let said = systemd.lines();
    assert_eq!(
        said.iter().filter(|line| *line == "READY=1").count(),
        1,
        "{said:#?}"
    );
    let mut left = said.iter();
    for stage in [
        "identify",
        "configure",
        "resolve",
        "pull",
        "start",
        "health",
        "CONTINUE after",
    ] {
        let line = format!("STATUS={stage}");
        ensure!(
            left.any(|said| said.starts_with(&line)),
            "{line} is missing or late: {said:#?}"
        );
    }
    Ok(())
}

/// A person at a terminal sees a pull go on, each stage end, with its time, and the image with its size; no detail.
#[tokio::test]
async fn a_terminal_shows_stages_as_they_end() -> Result<()> {
    let scene = Scene::set().await?;
    let play = worker(&scene).await?.agent_on_terminal()?;
    let finished = play.0.finish(PATIENCE).await?;
    play.1.succeeded(&finished, HOOK).await?;
    let mut left = finished.stdout.as_str();
    for stage in [
        "identify",
        "configure",
        "resolve",
        "pull",
        "start",
        "health",
    ] {
        let ended = left.split_once(&format!("✓\u{1b}[0m {stage} "));
        let (_, rest) =
            ended.with_context(|| format!("{stage} is missing or late: {finished:#?}"))?;
        left = rest;
    }
    let pulled = format!("✓\u{1b}[0m {}/web:1  ", scene.folder());
    for shown in ["█", "unpacked", " MB", pulled.as_str()] {
        ensure!(
            finished.stdout.contains(shown),
            "{shown:?} was not drawn: {finished:#?}"
        );
    }
    let detail = "heartbeat for";
    ensure!(
        !finished.stdout.contains(detail),
        "{detail:?} is for the journal: {finished:#?}"
    );
    Ok(())
}

impl Play {
    /// Launches it on a terminal of its own.
    fn agent_on_terminal(self) -> Result<(Running, Self)> {
        let agent = self.agent.command(&["launch"]);
        let agent = agent.as_std();
        let words = std::iter::once(agent.get_program()).chain(agent.get_args());
        let line: Vec<_> = words
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        // util-linux's script(1) gives it a terminal, and ends with its code.
        let mut command = Command::new("script");
        command.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line.join(" "),
            "/dev/null",
        ]);
        let environment = agent
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command
            .env_clear()
            .envs(environment)
            .env("TERM", "xterm-256color");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok((Running::start(command)?, self))
    }
}

/// `firstlight status`, before and after.
#[tokio::test]
async fn status_tells_the_story_in_words() -> Result<()> {
    let scene = Scene::set().await?;
    let play = worker(&scene).await?;
    let before = play.agent.run(&["status"], PATIENCE).await?;
    before.expect_code(0)?;
    before.expect_said("firstlight has not run on this instance yet")?;
    assert_eq!(play.agent.status().await?, json!(null));
    play.succeeds().await?;
    let after = play.agent.run(&["status"], PATIENCE).await?;
    after.expect_code(0)?;
    let (instance, name) = (&play.stage.instance().id, scene.names.unique("web"));
    let mut left = after.stdout.lines();
    for words in [
        vec!["instance", instance],
        vec!["group", "web"],
        vec!["stage", "began", "took", "outcome"],
        vec!["identify", "done"],
        vec!["health", "done"],
        vec!["container", "state", "image"],
        vec![&name, "healthy", "/web:1"],
        vec!["@sha256:"],
        vec!["verdict: CONTINUE after"],
        vec!["web/up: delivered"],
        vec!["exit code: 0"],
    ] {
        let line = left.find(|line| words.iter().all(|word| line.contains(*word)));
        ensure!(
            line.is_some(),
            "no line, or late, with {words:?}:\n{}",
            after.stdout
        );
    }
    Ok(())
}
