//! A person at a terminal sees the stages live, with progress; a file or a pipe gets plain lines.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Place, STAGES};
use firstlight_tests::wait::wait_until;

use crate::hold::Hold;
use crate::kill::failing;
use crate::scene::{PATIENCE, QUICK, Scene};

/// What begins an escape sequence.
const ESCAPE: char = '\u{1b}';

#[tokio::test]
async fn live_on_a_terminal() -> Result<()> {
    let scene = Scene::set().await?;
    let mut play = scene.play(&scene.spec("60s", "", QUICK)).await?;
    play.agent = play
        .agent
        .clone()
        .at(Place::new().terminal())
        .env("TERM", "xterm-256color");
    Hold::Pull.set(&scene, &play);
    let running = play.agent.start(&["launch"])?;
    // A bar with bytes, while the download stands still.
    let bar = || running.output().contains("kB/") && running.output().contains("/web:1");
    wait_until(PATIENCE, "a bar is drawn", bar)
        .await
        .with_context(|| running.output())?;
    running.signal(nix::sys::signal::Signal::SIGTERM)?;
    running.finish(PATIENCE).await?;
    Hold::Pull.release(&scene, &play)?;

    scene.gate.close();
    let running = play.agent.start(&["launch"])?;
    let health = || running.output().contains("health  ");
    wait_until(PATIENCE, "the stage is shown", health)
        .await
        .with_context(|| running.output())?;
    ensure!(
        !running.output().contains("✓\u{1b}[0m health"),
        "{}",
        running.output()
    );
    scene.gate.open();
    let finished = running.finish(PATIENCE).await?;
    finished.expect_code(0)?;
    for stage in STAGES {
        finished.expect_said(&format!("\u{1b}[32m✓\u{1b}[0m {stage}"))?;
    }
    finished.expect_said("CONTINUE")
}

#[tokio::test]
async fn a_failure_on_a_terminal() -> Result<()> {
    for (colour, mark) in [("", "\u{1b}[31m✗\u{1b}[0m start"), ("1", "✗ start")] {
        let scene = Scene::set().await?;
        let mut play = failing(&scene).await?;
        let place = Place::new().terminal();
        play.agent = play
            .agent
            .clone()
            .at(place)
            .env("TERM", "xterm")
            .env("NO_COLOR", colour);
        let finished = play.launch().await?;
        finished.expect_code(80)?;
        for said in [mark, "task_failed", "no such column"] {
            finished.expect_said(said)?;
        }
        let coloured =
            finished.stdout.contains("\u{1b}[31m") || finished.stdout.contains("\u{1b}[32m");
        ensure!(coloured == colour.is_empty(), "{}", finished.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn plain_elsewhere() -> Result<()> {
    let scene = Scene::set().await?;
    let play = scene
        .play(&scene.spec("60s", "", "command: [task, \"\\e[2Jwiped\"]"))
        .await?;
    let finished = play.launch().await?;
    finished.expect_code(0)?;
    ensure!(
        finished.stdout.is_empty(),
        "results alone go to stdout: {finished:#?}"
    );
    ensure!(
        !finished.stderr.contains([ESCAPE, '\r']),
        "{}",
        finished.stderr
    );
    finished.expect_said("wiped")?;
    for line in finished.stderr.lines() {
        // The time of day, or the rest of a message.
        let digits = line.bytes().take(8).filter(u8::is_ascii_digit).count();
        ensure!(
            digits == 6 || line.starts_with("         "),
            "{line:?} in\n{}",
            finished.stderr
        );
    }
    Ok(())
}
