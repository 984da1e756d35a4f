//! What came of a run, as the outside saw it, and what must hold of every one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::{Finished, Mailbox};
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::stage::{Edge, Lifecycle, Outcome, Passage, Verdict};
use serde_json::Value;

use crate::point::effects;
use crate::process::told;
use crate::transition::{Transition, hook};
use crate::world::World;

/// What is done to a container once, however often the agent is started.
const ONCE: [&str; 3] = ["create", "start", "destroy"];

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The agent's exit code.
    pub(crate) code: Option<i32>,
    /// The ways that the instance went in its group, and what counted on each: hook and outcome.
    pub(crate) passages: Vec<(Edge, Vec<(String, Outcome)>)>,
    /// Where it stands.
    pub(crate) state: Option<Lifecycle>,
    /// What is on record: the kind of transition and of verdict.
    pub(crate) record: Option<(String, String)>,
    /// The containers, by their names' stems, and whether they run.
    pub(crate) containers: BTreeMap<String, bool>,
    /// How often what was done to which container; `None` where that may be done again: after another boot, and to what
    /// dies.
    pub(crate) done: Option<BTreeMap<String, usize>>,
}

/// What the agents of one run left behind, beside what is to be found in the world.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The task's container was removed on the way.
    pub(crate) without_task: bool,
    finished: Vec<Finished>,
    journals: Vec<Arc<Mailbox>>,
}

impl Left {
    pub(crate) fn add(&mut self, finished: Finished, journal: Arc<Mailbox>) {
        self.finished.push(finished);
        self.journals.push(journal);
    }

    /// Whether one of them began to tell a verdict.
    pub(crate) fn has_decided(&self) -> bool {
        let told = |journal: &Arc<Mailbox>| effects(journal).unwrap_or_default();
        let mut told = self.journals.iter().flat_map(told);
        told.any(|effect| effect == "signal")
    }

    /// What they told, one after the other.
    pub(crate) fn told(&self) -> String {
        self.journals.iter().map(|journal| told(journal)).collect()
    }
}

impl End {
    /// What came of a run whose last agent ended with this code. Holds it to what holds of all runs.
    pub(crate) async fn of(world: &World, left: &Left, countable: bool) -> Result<Self> {
        one_verdict(world)?;
        let mut containers = BTreeMap::new();
        let (mut given, mut used) = (BTreeSet::new(), BTreeSet::new());
        for name in world.engine.of_instance(&world.stage.instance().id).await? {
            let inspected = world.engine.inspect(&name).await?.context("it is gone")?;
            let runs = inspected["State"]["Running"] == true;
            let mounts = inspected["HostConfig"]["Mounts"].as_array().into_iter();
            let sources = mounts.flatten().filter_map(|one| one["Source"].as_str());
            let sources: Vec<PathBuf> = sources.map(PathBuf::from).collect();
            ensure!(!runs || !sources.is_empty(), "{name} has no secret");
            used.extend(sources.iter().filter(|_| runs).cloned());
            given.extend(sources);
            let twice = containers.insert(stem(world, &name), runs).is_some();
            ensure!(!twice, "two containers {name}");
        }
        if left.without_task {
            containers.entry("job".to_owned()).or_insert(false);
        }
        secrets(world, &given, &used)?;
        no_canary(world, left).await?;
        Ok(Self {
            code: left.finished.last().and_then(|finished| finished.code),
            passages: passages(world),
            state: world.stage.lifecycle(),
            record: world
                .record()?
                .map(|record| recorded(&record))
                .transpose()?,
            done: if countable {
                Some(done(world).await?)
            } else {
                None
            },
            containers,
        })
    }

    /// Holds an undisturbed run to have come to what it should.
    pub(crate) fn expect_of(&self, transition: &Transition) -> Result<()> {
        let passages = transition.passages.iter();
        let passages: Vec<_> = passages
            .map(|(edge, told)| {
                (
                    *edge,
                    told.iter()
                        .map(|(hook, how)| ((*hook).to_owned(), *how))
                        .collect(),
                )
            })
            .collect();
        let containers = transition.containers.iter();
        let containers = containers.map(|(name, runs)| ((*name).to_owned(), *runs));
        ensure!(
            self.code == Some(transition.code)
                && self.passages == passages
                && self.containers == containers.collect(),
            "{} ended so: {self:#?}",
            transition.name
        );
        Ok(())
    }

    /// Holds this run to have come to the same end as an undisturbed one.
    pub(crate) fn expect(&self, undisturbed: &Self) -> Result<()> {
        let wanted = Self {
            done: self.done.as_ref().and(undisturbed.done.clone()),
            ..undisturbed.clone()
        };
        ensure!(
            *self == wanted,
            "came to {self:#?}\nundisturbed: {wanted:#?}"
        );
        Ok(())
    }
}

fn passages(world: &World) -> Vec<(Edge, Vec<(String, Outcome)>)> {
    let passages = world.stage.passages().into_iter();
    passages
        .map(|passage| {
            let counted = passage.verdicts.into_iter();
            (
                passage.edge,
                counted.map(|one| (one.hook, one.outcome)).collect(),
            )
        })
        .collect()
}

/// On one way one verdict: nobody is told another, counted or refused.
fn one_verdict(world: &World) -> Result<()> {
    let passages = world.stage.passages();
    let mut told: BTreeMap<usize, Vec<Verdict>> = BTreeMap::new();
    for verdict in world.stage.verdicts() {
        let way = way_of(&verdict, &passages);
        let way = way.with_context(|| format!("nobody asked for {verdict:#?}"))?;
        told.entry(way).or_default().push(verdict);
    }
    for told in told.values() {
        ensure!(
            told.windows(2).all(|two| two[0].outcome == two[1].outcome),
            "several verdicts: {told:#?}"
        );
        let counted = told.iter().filter(|one| one.refused.is_none()).count();
        ensure!(counted <= 1, "counted twice: {told:#?}");
    }
    Ok(())
}

/// The way that a verdict is told of. One that was refused is of the last way by then on which its hook is asked: it may be
/// told again when the group has long gone on.
fn way_of(verdict: &Verdict, passages: &[Passage]) -> Option<usize> {
    let asked = |way: &Passage| way.at <= verdict.at && hook(way.edge) == Some(&verdict.hook);
    verdict.passage.or_else(|| passages.iter().rposition(asked))
}

fn recorded(record: &Value) -> Result<(String, String)> {
    let kind = record["transition"]["kind"].as_str().context("no kind")?;
    let state = record["state"].as_object().context("no state")?;
    let state = state.iter().next().context("no state")?;
    let verdict = state.1["verdict"].as_object();
    let verdict = verdict.and_then(|verdict| verdict.keys().next());
    Ok((kind.to_owned(), verdict.unwrap_or(state.0).clone()))
}

async fn done(world: &World) -> Result<BTreeMap<String, usize>> {
    let mut done = BTreeMap::new();
    for name in [&world.web, &world.job] {
        world.events.expect(&world.engine, name, &[]).await?;
        for action in ONCE {
            let times = world.events.count(name, action);
            done.insert(format!("{action} {}", stem(world, name)), times);
        }
    }
    Ok(done)
}

fn stem(world: &World, name: &str) -> String {
    let ending = format!("-{}", world.names.suffix());
    name.trim_end_matches(&ending).to_owned()
}

/// Every secret file holds today's secret and was given to a container; none that a container uses is missing.
fn secrets(world: &World, given: &BTreeSet<PathBuf>, used: &BTreeSet<PathBuf>) -> Result<()> {
    let found = files(&world.agent().root().join("run/firstlight"))?;
    let word = world.words.last().context("no secret")?.value();
    for file in &found {
        ensure!(given.contains(file), "{} is nobody's", file.display());
        let content = std::fs::read_to_string(file)?;
        ensure!(content == word, "{} is stale", file.display());
    }
    for file in used {
        ensure!(found.contains(file), "{} is missing", file.display());
    }
    Ok(())
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

/// No secret is in anything that was left behind.
async fn no_canary(world: &World, left: &Left) -> Result<()> {
    let last = left.finished.last().context("no agent")?;
    let mut traces = world.agent().traces(last).await?;
    for finished in &left.finished {
        traces.add("stdout", finished.stdout.as_bytes());
        traces.add("stderr", finished.stderr.as_bytes());
    }
    for journal in &left.journals {
        traces.add("journal", journal.text().as_bytes());
    }
    for name in world.engine.of_instance(&world.stage.instance().id).await? {
        traces.add_container(&world.engine, &name).await?;
    }
    for (key, archive) in world.evidence().await? {
        for (path, content) in Bundle::unpack(&archive)?.files {
            traces.add(&format!("{key} {path}"), &content);
        }
    }
    traces.expect_none(&world.words.iter().collect::<Vec<_>>())
}
