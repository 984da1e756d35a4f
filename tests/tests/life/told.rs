//! What systemd and the serial console are told.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Mailbox, STAGES};
use firstlight_tests::stage::Stage;
use firstlight_tests::wait::wait_until;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use crate::hold::Hold;
use crate::kill::failing;
use crate::scene::{PATIENCE, Play, QUICK, Scene};

/// Boot waits for nothing but the lock and the record; what is going on, systemd hears stage by stage.
#[tokio::test]
async fn systemd() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    let systemd = Mailbox::open()?;
    play.agent = play
        .agent
        .clone()
        .env("NOTIFY_SOCKET", &systemd.socket().display().to_string());
    Hold::Identify.set(&scene, &play);
    let running = play.agent.start(&["launch"])?;
    let ready = || {
        systemd
            .text()
            .lines()
            .filter(|line| *line == "READY=1")
            .count()
    };
    wait_until(PATIENCE, "it is ready", || ready() == 1)
        .await
        .with_context(|| running.output())?;
    let asked = || Hold::Identify.reached(&scene, &play);
    wait_until(PATIENCE, "metadata is asked", asked).await?;
    Hold::Identify.release(&scene, &play)?;
    running.finish(PATIENCE).await?.expect_code(0)?;
    let text = systemd.text();
    let status: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("STATUS="))
        .collect();
    let heard: Vec<&str> = status
        .iter()
        .copied()
        .filter(|line| STAGES.contains(line))
        .collect();
    ensure!(heard == STAGES && ready() == 1, "{text}");
    let last = status.last().context("no status")?;
    let id = play.stage.instance().id.as_str();
    ensure!(last.starts_with(&format!("CONTINUE {id}")), "{text}");
    ensure!(
        text.lines().next() == Some("READY=1"),
        "something came before it is ready:\n{text}"
    );
    Ok(())
}

/// A launch with a serial console, and what is on it in the end.
struct Console(Play);

impl Console {
    fn of(play: Play) -> Result<Self> {
        fs::create_dir_all(play.agent.root().join("dev"))?;
        fs::write(play.agent.root().join("dev/console"), "login: ")?;
        Ok(Self(play))
    }

    fn lines(&self) -> Result<String> {
        let text = fs::read_to_string(self.0.agent.root().join("dev/console"))?;
        Ok(text
            .strip_prefix("login: ")
            .context("it was written over")?
            .to_owned())
    }

    /// Holds it to show one line that begins and goes on like this.
    fn expect(&self, beginning: &str, says: &[&str]) -> Result<()> {
        let lines = self.lines()?;
        ensure!(
            lines.matches('\n').count() == 1,
            "more than a line: {lines:?}"
        );
        self.ends(beginning, says)
    }

    /// Holds it to end in a line that begins and goes on like this.
    fn ends(&self, beginning: &str, says: &[&str]) -> Result<()> {
        let lines = self.lines()?;
        let lines = lines.strip_suffix("\r\n").context("no line end")?;
        let line = lines.rsplit("\r\n").next().unwrap_or_default();
        ensure!(
            line.starts_with(beginning),
            "wanted {beginning:?}: {lines:?}"
        );
        let missing: Vec<&&str> = says.iter().filter(|said| !line.contains(**said)).collect();
        ensure!(missing.is_empty(), "{missing:?} are not in {line:?}");
        Ok(())
    }
}

/// Holds what stands between the verdict's line and the last to be a page for whoever is woken at night.
fn page(lines: &str, job: &str) -> Result<()> {
    let lines: Vec<&str> = lines.split_terminator("\r\n").collect();
    let [verdict, page @ .., last] = lines.as_slice() else {
        anyhow::bail!("no page: {lines:?}");
    };
    ensure!(verdict == last, "{verdict:?} is not {last:?}");
    let wide = |line: &&&str| line.len() > 100 || !line.is_ascii();
    ensure!(
        page.len() <= 25 && !page.iter().any(|line| wide(&line)),
        "{page:#?}"
    );
    let page = page.join("\n");
    for said in [
        "firstlight launch: instance i-",
        ", group web\nverdict: ABANDON after ",
        "task_failed at start, which began ",
        &format!("  task {job} exited with code 3; its last lines:\n  no such column\n"),
        "stages: identify ",
        ", start failed after ",
        "evidence: on this instance only: the spec has no `diagnostics`",
        "do first: read its last lines",
    ] {
        ensure!(page.contains(said), "{said:?} is not on\n{page}");
    }
    Ok(())
}

#[tokio::test]
async fn the_console() -> Result<()> {
    let scene = Scene::set().await?;
    let good = Console::of(scene.play(&scene.spec("60s", "", QUICK)).await?)?;
    let id = good.0.stage.instance().id.clone();
    good.0.launch().await?.expect_code(0)?;
    let image = format!("{}@{}", scene.job, &scene.digest[.."sha256:".len() + 12]);
    good.expect(
        &format!("firstlight: CONTINUE {id} "),
        &[&image, "healthy in"],
    )?;
    // What was said is not said again.
    good.0.again_changes_nothing(0).await?;
    good.expect("firstlight: CONTINUE", &[])?;

    let bad = Scene::set().await?;
    let failed = Console::of(failing(&bad).await?)?;
    failed.0.launch().await?.expect_code(80)?;
    let said = ["at start (task_failed)", &bad.job, "exited with code 3"];
    failed.ends("firstlight: ABANDON i-", &said)?;
    page(&failed.lines()?, &bad.job)?;

    let scene = Scene::set().await?;
    let stopped = Console::of(scene.play(&scene.spec("60s", "", QUICK)).await?)?;
    Hold::Health.set(&scene, &stopped.0);
    let reached = || Hold::Health.reached(&scene, &stopped.0);
    let running = stopped.0.agent.start(&["launch"])?;
    running
        .signal_when(Signal::SIGTERM, PATIENCE, "probed", reached)
        .await?
        .expect_code(75)?;
    stopped.expect("firstlight: undecided i-", &["interrupted"])
}

/// Nobody said anything to firstlight: exit 0, no signal, one line.
#[tokio::test]
async fn nothing_to_do() -> Result<()> {
    let scene = Scene::set().await?;
    for user_data in ["", "#!/bin/sh\necho hello\n"] {
        let console = Console::of(scene.play(user_data).await?)?;
        console.0.launch().await?.expect_code(0)?;
        console.expect(
            "firstlight: nothing to do on i-",
            &["no source holds a spec"],
        )?;
        console.0.told_nobody()?;
        let told = console.0.told().await?;
        ensure!(told.contains("there was nothing to launch"), "{told}");
    }
    let stage = Stage::builder().open().await?;
    let agent = firstlight_tests::harness::Agent::on(&stage)?;
    agent.run(&["launch"], PATIENCE).await?.expect_code(0)
}

/// A console that takes nothing holds nothing up.
#[tokio::test]
async fn a_console_that_nobody_reads() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    fs::create_dir_all(play.agent.root().join("dev"))?;
    nix::unistd::mkfifo(&play.agent.root().join("dev/console"), Mode::S_IRWXU)?;
    play.launch().await?.expect_code(0)
}
