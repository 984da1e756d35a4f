//! The runs: one undisturbed, which tells the points, then one or two for each point.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use firstlight_tests::harness::{Ground, Names};
use firstlight_tests::parts::webapp;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::end::End;
use crate::point::{Mark, Point};
use crate::process::{Process, told};
use crate::run::Run;
use crate::transition::Transition;
use crate::world::TAG;

/// Runs at once, of all transitions together.
static SLOTS: Semaphore = Semaphore::const_new(6);

/// What may be missed: one run in so many. Works race each other, and so an effect or a request that was made once more, to
/// look again say, need not be another time. The kind of effect must have been met all the same.
const MISSED: usize = 8;

/// For people: only the points whose name holds this.
const ONLY: &str = "FIRSTLIGHT_POINTS";

/// How an agent that was killed is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// At once.
    Restarted,
    /// By another boot: it was the machine that went down.
    Rebooted,
}

/// Kills it everywhere.
pub(crate) async fn everywhere(transition: &'static Transition) -> Result<()> {
    let name = transition.name;
    // Held until all is over: whoever comes first would start its parts, and whoever goes last end them.
    let ground = Ground::shared().await?;
    let names = Names::new();
    let folder = format!("{}/web", names.suffix());
    ground
        .registry
        .push(&folder, TAG, &webapp::image()?)
        .await?;
    // Kept to the end, for its image: that has a name for every run, and if the last of these went, it would be gone in the
    // middle of another run's pull.
    let (_first, end, points) = undisturbed(transition, &folder).await?;
    end.expect_of(transition)?;
    let effects: BTreeSet<&str> = points.iter().filter_map(Point::effect).collect();
    let wanted = BTreeSet::from_iter(transition.effects.iter().copied());
    ensure!(
        effects == wanted,
        "{name} has the effects {effects:?}, not {wanted:?}"
    );
    let since = Instant::now();
    let cases = cases(&points);
    ensure!(!cases.is_empty(), "{name} has no such point");
    let runs = cases.iter().map(async |(point, again)| {
        let run = Box::pin(disturbed(transition, &folder, point, *again)).await;
        run.and_then(|(killed, came_to)| came_to.expect(&end).map(|()| killed))
    });
    let came = join_all(runs).await;
    println!("{name}: {} runs, {:?}", cases.len(), since.elapsed());
    judge(name, &cases, came)
}

/// Holds every run to have been right, and to have been killed where it was meant to be.
fn judge(name: &str, cases: &[(&Point, Again)], came: Vec<Result<bool>>) -> Result<()> {
    let (mut killed, mut missed, mut failed) = (BTreeSet::new(), Vec::new(), Vec::new());
    for ((point, again), came) in cases.iter().zip(came) {
        match came {
            Ok(true) => killed.extend(point.effect()),
            Ok(false) => missed.push(point.to_string()),
            Err(error) => failed.push(format!("== {name}, {again:?} after {point}\n{error:#}")),
        }
    }
    if !missed.is_empty() {
        println!("{name}: not met again: {}", missed.join(", "));
    }
    let all = cases.len();
    ensure!(
        failed.is_empty(),
        "{} of {all} runs:\n{}",
        failed.len(),
        failed.join("\n")
    );
    let meant = cases.iter().filter_map(|(point, _)| point.effect());
    let meant: BTreeSet<&str> = meant.collect();
    ensure!(
        killed == meant && missed.len() * MISSED <= all,
        "{name} was killed after {killed:?} of {meant:?}, and did not come to {missed:?}"
    );
    Ok(())
}

/// Where to kill it, and what is to follow. After what lasts the machine may have gone down as well.
fn cases(points: &[Point]) -> Vec<(&Point, Again)> {
    let only = std::env::var(ONLY).unwrap_or_default();
    let meant = points
        .iter()
        .filter(|point| point.to_string().contains(&only));
    let restarted = meant.clone().map(|point| (point, Again::Restarted));
    let lasting = meant.filter(|point| point.lasts());
    let rebooted = lasting.map(|point| (point, Again::Rebooted));
    restarted.chain(rebooted).collect()
}

/// Nobody is killed: what came of it, and where one could have been.
async fn undisturbed(
    transition: &'static Transition,
    folder: &str,
) -> Result<(Run, End, Vec<Point>)> {
    let _slot = SLOTS.acquire().await?;
    let mut run = Run::set(transition, folder).await?;
    let before = Mark::of_requests(&run.world);
    let process = Process::start(&run.world, transition.command)?;
    let mark = match transition.prelude {
        Some(prelude) => {
            run.until(&process.mailbox, prelude).await?;
            Mark::now(&run.world, &process.mailbox)?
        }
        None => before,
    };
    let mailbox = Arc::clone(&process.mailbox);
    run.play(&mailbox).await?;
    let before_sequel = mark.points(&run.world, &mailbox)?;
    run.play_sequel(&mailbox).await?;
    run.finish(process).await?;
    let points = match transition.sequel {
        Some(_) => before_sequel,
        None => mark.points(&run.world, &mailbox)?,
    };
    let end = End::of(&run.world, &run.left, run.is_countable()).await?;
    Ok((run, end, points))
}

/// Killed at this point, and started again: whether it came to it, and to what in the end.
async fn disturbed(
    transition: &'static Transition,
    folder: &str,
    point: &Point,
    again: Again,
) -> Result<(bool, End)> {
    let _slot = SLOTS.acquire().await?;
    let mut run = Run::set(transition, folder).await?;
    let killed = kill(&mut run, point).await?;
    let countable = again == Again::Restarted && run.is_countable();
    if !killed {
        return Ok((false, run.end(countable).await?));
    }
    match again {
        Again::Restarted => run.turn().await?,
        Again::Rebooted => run.world.reboot().await?,
    }
    let process = Process::start(&run.world, transition.command)?;
    let mailbox = Arc::clone(&process.mailbox);
    let ended = Box::pin(async {
        run.go_on(&process.mailbox).await?;
        run.finish(process).await?;
        Ok((true, run.end(countable).await?))
    });
    ended.await.map_err(|error: anyhow::Error| {
        let (before, after) = (run.left.told(), told(&mailbox));
        let calls = run.world.stage.transcript();
        anyhow!("{error:#}\n-- told before\n{before}-- told after\n{after}-- calls\n{calls}")
    })
}

/// Plays up to this point, and kills the agent there; `false` if all came to its end without it.
async fn kill(run: &mut Run, point: &Point) -> Result<bool> {
    let transition = run.transition;
    let armed = Arc::new(AtomicBool::new(transition.prelude.is_none()));
    if transition.prelude.is_none() {
        point.order(&run.world);
    }
    let is_armed = Arc::clone(&armed);
    let is_armed = move || is_armed.load(Ordering::SeqCst);
    let process = Process::start_for(&run.world, transition.command, point, is_armed).await?;
    if let Some(prelude) = transition.prelude {
        run.until(&process.mailbox, prelude).await?;
        point.order(&run.world);
        armed.store(true, Ordering::SeqCst);
    }
    let (pid, mailbox) = (process.pid(), Arc::clone(&process.mailbox));
    let played = async {
        run.play(&mailbox).await?;
        run.play_sequel(&mailbox).await?;
        run.leave(pid).await?;
        // What is after its end comes soon.
        std::future::pending::<Result<()>>().await
    };
    let killed = tokio::select! {
        killed = process.killed(&run.world, point) => killed?,
        played = played => return played.map(|()| false),
    };
    point.release(&run.world);
    let reached = killed.code.is_none();
    run.left.add(killed, mailbox);
    Ok(reached)
}
