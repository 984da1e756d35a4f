//! What people are told of a life with many transitions, and that no secret is in it, wherever it is told.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::canary::{Canary, Traces, process_list};
use firstlight_tests::harness::{Entry, Finished, Mailbox, Resident};
use firstlight_tests::stage::{Group, Hook, Pool, SpotAction, Stage};
use serde_json::json;

use crate::notice::SOON;
use crate::play::{ENDED, ENTERED, LEFT, Play};
use crate::scene::{DOWN, Scene, UP};

/// A life with a secret in it, and everything outside that it is seen in.
struct Watched {
    scene: Scene,
    play: Play,
    secret: Canary,
    systemd: Mailbox,
    /// A journal for each agent, where its lines go there.
    journals: Vec<Arc<Mailbox>>,
    processes: String,
}

impl Watched {
    /// An instance on its way into a warm pool, whose service will print its secret.
    async fn set() -> Result<Self> {
        let (scene, secret) = (Scene::set().await?, Canary::new());
        scene.secret("word", secret.value()).await?;
        let hooks = [Hook::launching(UP), Hook::terminating(DOWN)];
        let prints = format!(
            "environment: {{PRINT: \"the word is {}\"}}",
            scene.reference("word")
        );
        let builder = Stage::builder().group("web", hooks).warm(Pool::Running);
        let mut play = scene
            .play_on(builder.user_data(scene.spec("", &prints)))
            .await?;
        let systemd = Mailbox::open()?;
        let agent = play.agent.env("RUST_LOG", "trace");
        play.agent = agent.env("NOTIFY_SOCKET", &systemd.socket().display().to_string());
        fs::create_dir_all(play.agent.root().join("dev"))?;
        fs::write(play.agent.root().join("dev/console"), "")?;
        Ok(Self {
            scene,
            play,
            secret,
            systemd,
            journals: Vec::new(),
            processes: String::new(),
        })
    }

    fn start(&mut self, journalled: bool) -> Result<Resident> {
        if !journalled {
            return self.play.start();
        }
        let journal = Arc::new(Mailbox::open()?);
        self.journals.push(Arc::clone(&journal));
        Resident::journalled(&self.play.agent, &journal)
    }

    /// In, out, a death, an upgrade, another death, advice, an interruption, and the end.
    async fn live(&mut self, journalled: bool) -> Result<[Finished; 2]> {
        let mut resident = self.start(journalled)?;
        resident.rests(1).await?;
        self.play.stage.group(Group::leave_pool)?;
        resident.rests(2).await?;
        self.dies(&mut resident).await?;
        self.processes = process_list()?;
        let first = resident.stops(0).await?;

        let mut resident = self.start(journalled)?;
        resident.rests(2).await?;
        self.dies(&mut resident).await?;
        self.play.stage.rebalance();
        resident.says("rebalance recommendation").await?;
        self.play.stage.spot_notice(SpotAction::Terminate, SOON);
        resident.says("drained in").await?;
        self.play.stage.group(Group::terminate)?;
        resident.rests(3).await?;
        self.processes += &process_list()?;
        self.play.counted(&[ENTERED, LEFT, ENDED])?;
        Ok([first, resident.stops(0).await?])
    }

    async fn dies(&self, resident: &mut Resident) -> Result<()> {
        self.scene.engine.kill(&self.scene.web).await?;
        resident.says("started again, for the 1. time").await
    }

    fn said(&self, finished: &Finished, nth: usize) -> String {
        let journal = self.journals.get(nth).map(|journal| journal.text());
        format!(
            "{}{}{}",
            finished.stdout,
            finished.stderr,
            journal.unwrap_or_default()
        )
    }

    async fn traces(&self, finished: &[Finished]) -> Result<Traces> {
        let mut all = Traces::default();
        for (nth, finished) in finished.iter().enumerate() {
            all.add("what it said", self.said(finished, nth).as_bytes());
            all.add("its command line", finished.command_line.as_bytes());
        }
        let agent = &self.play.agent;
        let console = fs::read_to_string(agent.root().join("dev/console"))?;
        let systemd = self.systemd.text();
        ensure!(
            console.contains("CONTINUE") && systemd.contains("READY=1"),
            "nobody was told"
        );
        for (place, text) in [
            ("console", &console),
            ("systemd", &systemd),
            ("processes", &self.processes),
        ] {
            all.add(place, text.as_bytes());
        }
        for (path, content) in agent.files()? {
            all.add(&path.display().to_string(), &content);
        }
        for arguments in [&["status"][..], &["status", "--json"]] {
            let status = agent
                .run(arguments, firstlight_tests::harness::play::PATIENCE)
                .await?;
            all.add(
                &arguments.join(" "),
                format!("{}{}", status.stdout, status.stderr).as_bytes(),
            );
        }
        let mut container = self.scene.inspect(&self.scene.web).await?;
        // Where the spec puts it.
        let environment = container["Config"]["Env"].take();
        ensure!(
            environment.to_string().contains("the word is canary"),
            "{environment}"
        );
        all.add("docker inspect", container.to_string().as_bytes());
        Ok(all)
    }
}

#[tokio::test]
async fn no_secret() -> Result<()> {
    for journalled in [false, true] {
        let mut watched = Watched::set().await?;
        let finished = watched.live(journalled).await?;
        // What the service printed last is told by the agent that started it, with references for values; the other one does
        // not know what it prints, and keeps it to itself.
        let shown = format!("the word is {}", watched.scene.reference("word"));
        let [first, second] = [0, 1].map(|nth| watched.said(&finished[nth], nth));
        ensure!(first.contains(&shown), "{first}");
        ensure!(
            !second.contains("the word is") && second.contains("137"),
            "{second}"
        );
        let traces = watched.traces(&finished).await?;
        traces.expect_none(&[&watched.secret])?;
        let left = watched.play.secret_files()?;
        ensure!(left.is_empty(), "secrets after the end: {left:?}");
    }
    Ok(())
}

/// The journal of each agent, event by event, with what alarms match on; and what the status tells in the end.
#[tokio::test]
async fn the_whole_story() -> Result<()> {
    let mut watched = Watched::set().await?;
    watched.live(true).await?;
    let web = watched.scene.web.clone();
    let entries: Vec<Vec<Entry>> = watched
        .journals
        .iter()
        .map(|journal| journal.entries())
        .collect::<Result<_>>()?;
    for (nth, wanted) in [
        (
            0,
            &[
                ("began", &[("EPOCH", "1"), ("TRANSITION", "warm_enter")][..]),
                ("verdict", &[("VERDICT", "continue")]),
                ("delivered", &[("TARGET", "web/up")]),
                ("resting", &[]),
                ("began", &[("EPOCH", "2"), ("TRANSITION", "launch")]),
                ("verdict", &[("VERDICT", "continue")]),
                ("delivered", &[("TARGET", "web/up")]),
                ("resting", &[]),
                ("restarted", &[("CONTAINER", &web), ("TIMES", "1")]),
                ("ended", &[("EXIT", "0")]),
            ][..],
        ),
        (
            1,
            &[
                ("began", &[("EPOCH", "2")]),
                ("resting", &[]),
                ("restarted", &[("CONTAINER", &web), ("TIMES", "1")]),
                ("notice", &[("NOTICE", "rebalance")]),
                ("notice", &[("NOTICE", "spot")]),
                ("drained", &[]),
                ("began", &[("EPOCH", "3"), ("TRANSITION", "terminate")]),
                ("verdict", &[("VERDICT", "continue")]),
                ("delivered", &[("TARGET", "web/down")]),
                ("resting", &[]),
                ("ended", &[("EXIT", "0")]),
            ],
        ),
    ] {
        told_in_order(&entries[nth], wanted)?;
    }
    let status = watched.play.agent.status().await?;
    let history = status["history"].as_array().context("no history")?;
    let history: Vec<_> = history
        .iter()
        .map(|past| (&past["epoch"], &past["transition"], &past["verdict"]))
        .collect();
    let past = |epoch: u64, transition: &str| (json!(epoch), json!(transition), json!("continue"));
    let wanted = [past(1, "warm_enter"), past(2, "launch")];
    ensure!(
        history == wanted.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>()
            && status["transition"] == "terminate"
            && status["notices"]
                .as_array()
                .is_some_and(|notices| notices.len() == 2)
            && status["drained_at"].is_string(),
        "{status:#}"
    );
    Ok(())
}

/// Holds these to have been told in this order, whatever else was.
fn told_in_order(entries: &[Entry], wanted: &[(&str, &[(&str, &str)])]) -> Result<()> {
    let mut left = entries.iter();
    for (event, fields) in wanted {
        let is = |entry: &Entry| {
            let same = |(name, value): &(&str, &str)| {
                entry.get(&format!("FIRSTLIGHT_{name}")) == Some(value)
            };
            entry.get("FIRSTLIGHT_EVENT") == Some(event) && fields.iter().all(same)
        };
        let story = || {
            let lines = entries
                .iter()
                .filter_map(|entry| Some((entry.get("FIRSTLIGHT_EVENT")?, entry.get("MESSAGE")?)));
            lines
                .map(|(event, message)| format!("{event}: {message}\n"))
                .collect::<String>()
        };
        ensure!(
            left.any(is),
            "{event} {fields:?} was not told, or not in its place:\n{}",
            story()
        );
    }
    Ok(())
}
