//! Secrets that a launch was given are nowhere but where the spec puts them, however much the containers print them.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::canary::{Canary, Traces, process_list};
use firstlight_tests::harness::{Finished, Mailbox, Place};
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::parts::registry::{Login, Registry};
use firstlight_tests::parts::webapp;
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{PATIENCE, Play, Scene};

/// A scene with secrets of every kind, and a registry whose password is one.
struct Vault {
    scene: Scene,
    registry: Registry,
    /// Two lines of one parameter, a parameter, a member of a secret, the registry's password.
    canaries: [Canary; 5],
}

impl Vault {
    async fn set() -> Result<Self> {
        let canaries: [Canary; 5] = std::array::from_fn(|_| Canary::new());
        let [one, two, db, token, password] = &canaries;
        let registry = Registry::start(&[Login::new("ci", password.value())]).await?;
        let scene = Scene::set().await?;
        scene.names.images_of(&registry.host());
        registry.push("web", "1", &webapp::image()?).await?;
        let moto = &scene.ground.moto;
        for (name, value) in [
            ("pem", format!("{}\n{}\n", one.value(), two.value())),
            ("db", db.value().to_owned()),
            ("registry", password.value().to_owned()),
        ] {
            moto.put_parameter(&scene.parameter(name), &value, "SecureString")
                .await?;
        }
        let app = json!({"token": token.value(), "user": "web"});
        moto.put_secret(&scene.secret("app"), &app.to_string())
            .await?;
        let vault = Self {
            scene,
            registry,
            canaries,
        };
        let bucket = vault.bucket();
        vault.scene.ground.moto.make_bucket(&bucket).await?;
        Ok(vault)
    }

    /// A service and a task that print all they have, and a task that has its secrets in files alone.
    fn spec(&self, web: &str, job: &str) -> String {
        let scene = &self.scene;
        let (image, port) = (format!("{}/web:1", self.registry.host()), scene.gate.port());
        let [pem, db, password] = ["pem", "db", "registry"].map(|name| scene.parameter(name));
        let app = scene.secret("app");
        let print = format!(
            "PRINT: \"pem {{{{ssm:{pem}}}}};url {{{{ssm:{db} | urlencode}}}};raw {{{{ssm:{db}}}}};token \
             {{{{secretsmanager:{app}#token}}}}\""
        );
        let files = format!(
            "{{/run/pem: {{content: \"{{{{ssm:{pem}}}}}\", mode: \"0400\"}}, /run/app: {{content: \
             \"{{{{secretsmanager:{app}}}}}\"}}}}"
        );
        format!(
            r#"firstlight: 1
timeout: 60s
registries:
  {host}: {{username: ci, password: "{{{{ssm:{password}}}}}"}}
services:
  {web_name}:
    image: {image}
    command: [worker]
    network_mode: host
    stop_grace_period: 1s
    health: {{http: {{port: {port}}}, interval: 50ms, healthy_threshold: 1}}
    files: {files}
    environment_from: [{{from: "secretsmanager:{app}", prefix: APP_}}]
    environment: {{URL: "postgres://u:{{{{ssm:{db} | urlencode}}}}@db/app", {print}, {web}}}
tasks:
  {job_name}: {{image: {image}, command: [task, done], environment: {{{print}, {job}}}}}
  {quiet}: {{image: {image}, command: [task, done], files: {files}}}
diagnostics: s3://{bucket}/
"#,
            host = self.registry.host(),
            web_name = scene.web,
            job_name = scene.job,
            quiet = self.quiet(),
            bucket = self.bucket(),
        )
    }

    /// Where evidence goes.
    fn bucket(&self) -> String {
        format!("evidence-{}", self.scene.names.suffix())
    }

    /// The task that has files alone.
    fn quiet(&self) -> String {
        self.scene.names.unique("quiet")
    }
}

/// Where a launch writes its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// The journal, down to debug.
    Journal,
    Plain,
    Terminal,
}

/// Everything outside that a launch is seen in, and a launch there.
struct Watched {
    play: Play,
    journal: Mailbox,
    systemd: Mailbox,
    /// Every command line that was seen.
    processes: BTreeSet<String>,
}

impl Watched {
    async fn set(vault: &Vault, lines: Lines, spec: &str) -> Result<Self> {
        let mut play = vault.scene.play(spec).await?;
        let (journal, systemd) = (Mailbox::open()?, Mailbox::open()?);
        let place = match lines {
            Lines::Journal => Place::new().journal(journal.folder()),
            Lines::Plain => Place::new(),
            Lines::Terminal => Place::new().terminal(),
        };
        let agent = play
            .agent
            .clone()
            .at(place)
            .env("TERM", "xterm")
            .env("RUST_LOG", "trace");
        play.agent = agent.env("NOTIFY_SOCKET", &systemd.socket().display().to_string());
        fs::create_dir_all(play.agent.root().join("dev"))?;
        fs::write(play.agent.root().join("dev/console"), "")?;
        Ok(Self {
            play,
            journal,
            systemd,
            processes: BTreeSet::new(),
        })
    }

    /// Launches, looking at the process list again and again until `reached`; then `go` on to the end.
    async fn launch(
        &mut self,
        what: &str,
        mut reached: impl FnMut() -> bool,
        go: impl FnOnce(),
    ) -> Result<Finished> {
        let running = self.play.agent.start(&["launch"])?;
        let processes = &mut self.processes;
        let looked = || {
            processes.extend(
                process_list()
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned),
            );
            reached()
        };
        wait_until(PATIENCE, what, looked)
            .await
            .with_context(|| running.output())?;
        let root = self.play.agent.root().display().to_string();
        ensure!(
            self.processes
                .iter()
                .any(|line| line.contains(&format!("{root} launch"))),
            "the agent was not seen running"
        );
        go();
        running.finish(PATIENCE).await
    }

    /// What was said, wherever it went.
    fn said(&self, finished: &Finished) -> String {
        format!(
            "{}{}{}",
            self.journal.text(),
            finished.stdout,
            finished.stderr
        )
    }

    async fn traces(&self, finished: &Finished) -> Result<Traces> {
        let mut plain = self.play.agent.clone().at(Place::new());
        plain = plain.env("TERM", "dumb");
        let mut traces = plain.traces(finished).await?;
        traces.add("the journal", self.journal.text().as_bytes());
        traces.add("systemd", self.systemd.text().as_bytes());
        let processes: Vec<&str> = self.processes.iter().map(String::as_str).collect();
        traces.add("the process list", processes.join("\n").as_bytes());
        let console = fs::read(self.play.agent.root().join("dev/console"))?;
        ensure!(
            !console.is_empty() && !self.systemd.text().is_empty(),
            "nothing was told"
        );
        traces.add("the console", &console);
        Ok(traces)
    }
}

/// What is in the bundles of a launch: the one by hand, and the agent's own where there must be one. Holds
/// what `printer` printed to be in there, its secrets replaced.
async fn bundles(vault: &Vault, play: &Play, own: bool, printer: &str) -> Result<Traces> {
    let folder = TempDir::new()?;
    let file = folder.path().join("bundle.tar.gz");
    let plain = play.agent.clone().at(Place::new());
    let arguments = ["diagnose", "--output", &file.display().to_string()];
    let by_hand = plain.run(&arguments, PATIENCE).await?;
    by_hand.expect_code(0)?;
    let mut archives = vec![("by hand".to_owned(), fs::read(&file)?)];
    let objects = vault.scene.ground.moto.objects(&vault.bucket()).await?;
    ensure!(
        objects.len() == usize::from(own),
        "{} bundles",
        objects.len()
    );
    archives.extend(objects);
    let mut traces = Traces::default();
    traces.add("diagnose", by_hand.stderr.as_bytes());
    for (name, archive) in archives {
        let bundle = Bundle::unpack(&archive)?;
        redacted(vault, &bundle.text(&format!("containers/{printer}.log"))?)?;
        for (file, content) in &bundle.files {
            traces.add(&format!("{name}: {file}"), content);
        }
    }
    Ok(traces)
}

/// Holds a container to show secrets in its environment where `asked`, and nowhere else.
async fn inspected(vault: &Vault, name: &str, asked: bool) -> Result<()> {
    let mut container = vault.scene.inspect(name).await?;
    let environment = container["Config"]["Env"].take();
    let all: Vec<&Canary> = vault.canaries.iter().collect();
    let mut rest = Traces::default();
    rest.add(
        &format!("docker inspect {name}"),
        container.to_string().as_bytes(),
    );
    rest.expect_none(&all)?;
    // As text, not as JSON: the variable is the secret itself.
    let lines = environment
        .as_array()
        .context("no environment")?
        .iter()
        .filter_map(Value::as_str);
    let mut variables = Traces::default();
    variables.add(
        "environment",
        lines.collect::<Vec<_>>().join("\0").as_bytes(),
    );
    let found = all
        .iter()
        .filter(|canary| !variables.sightings(&[**canary]).is_empty())
        .count();
    // All but the registry's password, which no container is given.
    let wanted = if asked { all.len() - 1 } else { 0 };
    ensure!(
        found == wanted,
        "{name}: {found} secrets in its environment, wanted {wanted}"
    );
    Ok(())
}

/// Holds every secret that was printed to have been replaced by its reference, and so to have been there.
fn redacted(vault: &Vault, said: &str) -> Result<()> {
    let (pem, db) = (vault.scene.parameter("pem"), vault.scene.parameter("db"));
    let token = format!("{{{{secretsmanager:{}#token}}}}", vault.scene.secret("app"));
    let (pem, db) = (format!("{{{{ssm:{pem}}}}}"), format!("{{{{ssm:{db}}}}}"));
    for shown in [
        format!("pem {pem}"),
        format!("url {db}"),
        format!("raw {db}"),
        format!("token {token}"),
    ] {
        ensure!(said.contains(&shown), "{shown:?} was not said:\n{said}");
    }
    ensure!(
        said.matches(&pem).count() >= 2,
        "the second line of it was not said:\n{said}"
    );
    Ok(())
}

#[tokio::test]
async fn of_a_launch() -> Result<()> {
    for lines in [Lines::Journal, Lines::Plain, Lines::Terminal] {
        let vault = Vault::set().await?;
        let scene = &vault.scene;
        let mut watched = Watched::set(&vault, lines, &vault.spec("", "")).await?;
        scene.gate.close();
        let probed = || scene.gate.asked() > 0;
        let finished = watched
            .launch("it is probed", probed, || scene.gate.open())
            .await?;
        finished.expect_code(0)?;
        redacted(&vault, &watched.said(&finished))?;
        let all: Vec<&Canary> = vault.canaries.iter().collect();
        watched
            .traces(&finished)
            .await?
            .expect_none(&all)
            .with_context(|| format!("{lines:?}"))?;
        bundles(&vault, &watched.play, false, &scene.web)
            .await?
            .expect_none(&all)
            .with_context(|| format!("{lines:?}"))?;
        for (name, asked) in [
            (&scene.web, true),
            (&scene.job, true),
            (&vault.quiet(), false),
        ] {
            inspected(&vault, name, asked).await?;
        }
    }
    Ok(())
}

/// The service prints its secrets and dies; the task prints its secrets and fails: their last lines are in the error.
#[tokio::test]
async fn of_a_failure() -> Result<()> {
    for (web, job, reason) in [
        ("EXIT_AFTER_MS: 1", "", "service_exited"),
        ("", "EXIT_CODE: 3", "task_failed"),
    ] {
        for lines in [Lines::Journal, Lines::Plain, Lines::Terminal] {
            let vault = Vault::set().await?;
            let scene = &vault.scene;
            let mut watched = Watched::set(&vault, lines, &vault.spec(web, job)).await?;
            scene.gate.close();
            let dead = if web.is_empty() {
                &scene.job
            } else {
                &scene.web
            };
            let died = || scene.events.count(dead, "die") > 0;
            let finished = watched.launch("it is dead", died, || ()).await?;
            finished.expect_code(80)?;
            redacted(&vault, &watched.said(&finished))?;
            let status = watched.play.agent.clone().at(Place::new()).status().await?;
            let message = status["error"]["message"].as_str().context("no message")?;
            ensure!(status["error"]["reason"] == reason, "{status:#}");
            redacted(&vault, message)?;
            let all: Vec<&Canary> = vault.canaries.iter().collect();
            let traces = watched.traces(&finished).await?;
            traces
                .expect_none(&all)
                .with_context(|| format!("{reason}, {lines:?}"))?;
            let bundles = bundles(&vault, &watched.play, true, dead).await?;
            bundles
                .expect_none(&all)
                .with_context(|| format!("{reason}, {lines:?}"))?;
            inspected(&vault, dead, true).await?;
        }
    }
    Ok(())
}
