//! The command line itself.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::harness::Agent;
use firstlight_tests::stage::Stage;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(20);

/// Usage errors go to standard error, exit 64, and do nothing.
#[tokio::test]
async fn errors() -> Result<()> {
    let stage = Stage::builder().open().await?;
    let agent = Agent::on(&stage)?;
    for (arguments, says) in [
        (&[][..], "Usage: firstlight"),
        (&["lunch"], "a similar subcommand exists: 'launch'"),
        (&["launch", "now"], "unexpected argument 'now'"),
        (&["launch", "--force"], "unexpected argument '--force'"),
        (&["check", "--format", "xml"], "invalid value 'xml'"),
        (
            &["check", "/none/such.yaml"],
            "/none/such.yaml cannot be read: No such file",
        ),
        (&["status", "--yaml"], "unexpected argument '--yaml'"),
    ] {
        let finished = agent.run(arguments, PATIENCE).await?;
        finished.expect_code(64)?;
        ensure!(
            finished.stdout.is_empty() && finished.stderr.contains(says),
            "{arguments:?}: {finished:#?}"
        );
    }
    let odd = agent
        .clone()
        .env("FIRSTLIGHT_TIMINGS", "{\"settle\": \"soon\"}");
    let finished = odd.run(&["launch"], PATIENCE).await?;
    finished.expect_code(64)?;
    finished.expect_said("FIRSTLIGHT_TIMINGS must be a JSON object of milliseconds")?;
    ensure!(stage.calls().is_empty(), "{}", stage.transcript());
    Ok(())
}

#[tokio::test]
async fn help_and_version() -> Result<()> {
    let stage = Stage::builder().open().await?;
    let agent = Agent::on(&stage)?;
    let version = agent.run(&["--version"], PATIENCE).await?;
    version.expect_code(0)?;
    ensure!(
        version.stdout == concat!("firstlight ", env!("CARGO_PKG_VERSION"), "\n"),
        "{version:#?}"
    );
    for arguments in [&["--help"][..], &["help", "launch"], &["check", "--help"]] {
        let help = agent.run(arguments, PATIENCE).await?;
        help.expect_code(0)?;
        ensure!(
            help.stdout.contains("Usage: firstlight") && help.stderr.is_empty(),
            "{help:#?}"
        );
    }
    let help = agent.run(&["--help"], PATIENCE).await?;
    for code in ["0", "1", "64", "69", "75", "76", "77", "78", "80"] {
        ensure!(
            help.stdout.contains(&format!("\n{code:>4}  ")),
            "{code}:\n{}",
            help.stdout
        );
    }
    ensure!(stage.calls().is_empty(), "{}", stage.transcript());
    Ok(())
}

/// While an image is built nobody brings an engine up that isn't there: that is told at once, not when a pull's hour is over.
#[tokio::test]
async fn a_prefetch_without_an_engine() -> Result<()> {
    let stage = Stage::builder().open().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("web.yaml");
    let health = "health: {http: {port: 80}}";
    std::fs::write(
        &file,
        format!("firstlight: 1\nservices: {{web: {{image: \"x:1\", {health}}}}}\n"),
    )?;
    let agent = Agent::on(&stage)?
        .env("DOCKER_HOST", "unix:///none/such.sock")
        .timings(&json!({"docker_attempt": 500, "imds_attempt": 1000}));
    let file = file.to_str().unwrap();
    let finished = agent.run(&["prefetch", file], PATIENCE).await?;
    finished.expect_code(69)?;
    finished.expect_said(
        "the Docker engine at unix:///none/such.sock does not answer: Socket not found",
    )
}
