//! `firstlight check`: everything that is wrong with every source at once, or what a good spec would do.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Agent, Finished, Place};
use firstlight_tests::parts::repository;
use firstlight_tests::stage::Stage;
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A multipart body whose second part is broken, with errors in two parts.
const MIME: &str = "\
Content-Type: multipart/mixed; boundary=b
MIME-Version: 1.0

--b
Content-Type: text/firstlight

firstlight: 1
timeout: soon
--b
Content-Type: text/firstlight

firstlight: 1
services:
  web: {image: web:1, ports: [\"80:99999\"]}
--b--
";

const PLAIN: &str = "\
firstlight: 1
services:
  web:
    imag: web:1
    command: serve --all
    healthcheck: {}
tasks:
  migrate: {extends: wbe, image: x, command: [x]}
";

/// An agent in no group and with nothing to do, and files to check.
struct Desk {
    _stage: Stage,
    agent: Agent,
    folder: TempDir,
}

impl Desk {
    async fn set() -> Result<Self> {
        let stage = Stage::builder().open().await?;
        let (agent, folder) = (Agent::on(&stage)?, TempDir::new()?);
        Ok(Self {
            _stage: stage,
            agent,
            folder,
        })
    }

    fn file(&self, name: &str, text: &str) -> Result<String> {
        let file = self.folder.path().join(name);
        fs::write(&file, text)?;
        Ok(file.display().to_string())
    }

    async fn check(&self, arguments: &[&str]) -> Result<Finished> {
        let arguments: Vec<&str> = ["check"].iter().chain(arguments).copied().collect();
        self.agent.run(&arguments, PATIENCE).await
    }
}

/// Each problem: source, line, column, what stands there, message, hint.
fn problems(mime: &str, plain: &str) -> Vec<[String; 6]> {
    let part = |number| format!("{mime}, part {number}");
    let rows = [
        [
            &part(1),
            "2",
            "10",
            "soon",
            "`soon` is no duration",
            "write it as in `90s`",
        ],
        [
            &part(2),
            "3",
            "31",
            "\"80:99999\"",
            "`80:99999` publishes no port",
            "\"8080:80\"",
        ],
        [
            plain,
            "4",
            "5",
            "imag",
            "unknown key `imag`",
            "did you mean `image`?",
        ],
        [
            plain,
            "5",
            "14",
            "serve --all",
            "`command` takes a list",
            "[\"serve\", \"--all\"]",
        ],
        [
            plain,
            "6",
            "5",
            "healthcheck",
            "unknown key `healthcheck`",
            "use `health`",
        ],
        [plain, "8", "22", "wbe", "`wbe`", "did you mean `web`?"],
    ];
    rows.iter().map(|row| row.map(str::to_owned)).collect()
}

#[tokio::test]
async fn everything_that_is_wrong() -> Result<()> {
    let desk = Desk::set().await?;
    let (mime, plain) = (desk.file("user-data", MIME)?, desk.file("web.yaml", PLAIN)?);
    let drawn = desk.check(&[&mime, &plain]).await?;
    drawn.expect_code(78)?;
    ensure!(
        drawn.stdout.is_empty() && !drawn.stderr.contains('\u{1b}'),
        "{drawn:#?}"
    );
    let json = desk.check(&["--format", "json", &mime, &plain]).await?;
    json.expect_code(78)?;
    ensure!(json.stderr.is_empty(), "{json:#?}");
    let report: Value = serde_json::from_str(&json.stdout)?;
    ensure!(
        report["valid"] == false && report["plan"] == Value::Null,
        "{report:#}"
    );
    let found = report["problems"].as_array().context("no problems")?;
    let wanted = problems(&mime, &plain);
    for [source, line, column, place, message, hint] in &wanted {
        let at: [u64; 2] = [line.parse()?, column.parse()?];
        let fits = |found: &&Value| {
            found["source"] == source.as_str()
                && found["line"] == at[0]
                && found["column"] == at[1]
                && found["message"]
                    .as_str()
                    .is_some_and(|said| said.contains(message))
                && found["hint"]
                    .as_str()
                    .is_some_and(|said| said.contains(hint))
        };
        ensure!(
            found.iter().any(|found| fits(&found)),
            "no {message:?} at {source}:{line}:{column} in {report:#}"
        );
        // The line, and a rule below what is meant.
        let rule = format!(
            "| {}{}",
            " ".repeat(column.parse::<usize>()? - 1),
            "^".repeat(place.chars().count())
        );
        for said in [format!("{source}:{line}:{column}"), rule] {
            ensure!(
                drawn.stderr.contains(&said),
                "no {said:?} in\n{}",
                drawn.stderr
            );
        }
    }
    ensure!(found.len() == wanted.len(), "others too: {report:#}");
    drawn.expect_said(&format!("{} problems", wanted.len()))
}

#[tokio::test]
async fn colours_on_a_terminal() -> Result<()> {
    let mut desk = Desk::set().await?;
    let plain = desk.file("web.yaml", PLAIN)?;
    desk.agent = desk
        .agent
        .clone()
        .at(Place::new().terminal())
        .env("TERM", "xterm");
    let drawn = desk.check(&[&plain]).await?;
    drawn.expect_code(78)?;
    ensure!(drawn.stdout.contains("\u{1b}["), "{}", drawn.stdout);
    desk.agent = desk.agent.clone().env("NO_COLOR", "1");
    let drawn = desk.check(&[&plain]).await?;
    ensure!(!drawn.stdout.contains("\u{1b}["), "{}", drawn.stdout);
    Ok(())
}

/// Images, references, order, ports, gates, size: of an example that has them all.
#[tokio::test]
async fn what_a_good_spec_would_do() -> Result<()> {
    let desk = Desk::set().await?;
    let file = repository()
        .join("userdata/examples/web-postgres.yaml")
        .display()
        .to_string();
    let told = desk.check(&[&file]).await?;
    told.expect_code(0)?;
    ensure!(told.stderr.is_empty(), "{told:#?}");
    let size = fs::metadata(&file)?.len();
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:{{ssm:/web/prod/version:42}}";
    let size_row = format!("{},{:03} of 16,384 bytes", size / 1000, size % 1000);
    for said in [
        "decided within 20 min",
        "1. db\n  2. migrate\n  3. web\n",
        image,
        "postgres:16 (pull: always)",
        "ports  80:3000/tcp",
        "after  migrate",
        "GET :3000/healthcheck/ answers 200",
        "pg_isready",
        "exits 0 within 10 min",
        "ssm:/web/prod/db/password",
        "ssm:/web/prod/version:42",
        "the instance's own group",
        &size_row,
    ] {
        ensure!(
            told.stdout.contains(said),
            "no {said:?} in\n{}",
            told.stdout
        );
    }
    let json = desk.check(&["--format", "json", &file]).await?;
    json.expect_code(0)?;
    let report: Value = serde_json::from_str(&json.stdout)?;
    let wanted = json!([["db"], ["migrate"], ["web"]]);
    ensure!(
        report["valid"] == true && report["plan"]["order"] == wanted,
        "{report:#}"
    );
    ensure!(
        report["sizes"] == json!([{"source": file, "bytes": size, "limit": 16384}]),
        "{report:#}"
    );
    Ok(())
}

/// What is said besides: too large for EC2, nothing in it, an include that only the instance can fetch.
#[tokio::test]
async fn what_is_worth_a_note() -> Result<()> {
    let desk = Desk::set().await?;
    let good = "firstlight: 1\nservices: {web: {image: web:1}}\n";
    let large = format!("{good}# {}\n", "x".repeat(16_384));
    let include = format!("{good}include: [{{from: \"ssm:/web/more\"}}]\n");
    for (name, text, note) in [
        (
            "large",
            large.as_str(),
            "EC2 takes 16384 as user data: gzip it",
        ),
        ("none", "#!/bin/sh\n", "no source holds a spec"),
        ("include", &include, "ssm:/web/more was not read"),
    ] {
        let file = desk.file(name, text)?;
        let told = desk.check(&[&file]).await?;
        told.expect_code(0).context(name)?;
        ensure!(told.stderr.contains(note), "{name}: {told:#?}");
    }
    Ok(())
}

/// Without a file: what this instance is told, each key with who says it.
#[tokio::test]
async fn of_this_instance() -> Result<()> {
    let user_data = "firstlight: 1\nservices: {web: {image: \"web:2\", command: [serve]}}\n";
    let stage = Stage::builder().user_data(user_data).open().await?;
    let agent = Agent::on(&stage)?;
    agent.drop_in(
        "10-base.yaml",
        "firstlight: 1\ntimeout: 5m\nservices: {web: {image: \"web:1\"}}\n",
    )?;
    let told = agent.run(&["check"], PATIENCE).await?;
    told.expect_code(0)?;
    let file = agent
        .root()
        .join("etc/firstlight/launch.d/10-base.yaml")
        .display()
        .to_string();
    for (key, source) in [
        ("services.web.image: \"web:2\"", "user data"),
        ("timeout: \"5m\"", &file),
    ] {
        let said = format!("{key}  ({source}");
        ensure!(
            told.stdout.contains(&said),
            "no {said:?} in\n{}",
            told.stdout
        );
    }
    ensure!(!told.stdout.contains("web:1"), "{}", told.stdout);
    Ok(())
}
