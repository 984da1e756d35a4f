//! The loop: performs the effects that `lifecycle` asks for, in order, and feeds back what happened.
//! What to do is decided in `lifecycle` alone; the loop never looks at the record's state.
//!
//! - [`mod@open`] lock, record and identity; [`follow`] what another agent decides
//! - [`perform`] one effect; [`running`] what is under way; [`insist`] what must come up again
//! - [`watch`] what metadata says meanwhile; [`stop`] being asked to leave
//!
//! To add an effect: a variant of `Effect`, an arm in [`Driver::perform`], and where it takes time a
//! [`Slot`] in the `select!`.

mod clock;
mod follow;
mod insist;
mod open;
mod perform;
mod running;
mod slot;
mod stop;
mod watch;

use crate::{
    context::{Context, Paths, Timings},
    imds::Identity,
    lifecycle::{self, Effect, Event, Recipient, Record, Verdict},
    report::{self, Report, status::Kind},
    signal::Ended,
    state::Store,
    verdict::{Exit, LaunchError, Reason, Stage},
    workload::Workload,
};
pub(crate) use clock::now;
use follow::Followed;
use running::{Done, Running};
use slot::Slot;
use std::{collections::VecDeque, rc::Rc, time::Duration};
use stop::{Asked, Stop};
use tokio::time::Instant;
use watch::Sight;

/// A launch's whole time until its spec says otherwise; the contract's default.
const WHOLE: Duration = Duration::from_secs(15 * 60);

/// Whether the agent leaves when there is nothing more to do for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// `firstlight launch`: it leaves with the verdict's code.
    Leave,
    /// `firstlight run`: it stays, and watches.
    Stay,
}

/// From who am I to a delivered verdict; and on, where it is to stay.
///
/// `report` is made once the lock is held: two processes must not tell one story.
pub async fn run(
    paths: Paths,
    timings: Timings,
    stay: Stay,
    report: impl FnOnce() -> Report,
) -> Exit {
    let mut stop = match Stop::listen() {
        Ok(stop) => stop,
        Err(error) => {
            let message = format!("cannot listen for SIGTERM: {error}");
            return ended(&report(), Reason::Internal, message);
        }
    };
    let store = tokio::select! {
        store = follow::lock(&paths, stay) => store,
        _ = stop.asked() => return Exit::Interrupted,
    };
    let store = match store {
        Ok(Followed::Lock(store)) => Ok(store),
        Ok(Followed::Decided(exit)) => {
            let words =
                "another agent stays on this instance, and has decided: `firstlight status` tells";
            report::looking().info(words);
            return exit;
        }
        Err(error) => Err(error),
    };
    let report = report();
    let opened = tokio::select! {
        opened = open::open(paths, timings, stay, &report, store) => opened,
        _ = stop.asked() => {
            let message = "asked to stop before anything was decided; the next start begins again";
            return ended(&report, Reason::Interrupted, message.into());
        }
    };
    match opened {
        Ok(mut driver) => {
            // The lock is the driver's, and is held until all is told.
            let exit = driver.run(stop).await;
            report.ended(exit);
            exit
        }
        Err(error) => ended(&report, error.reason, error.message),
    }
}

/// The end of a launch that cannot even be decided: nobody can be told but people.
fn ended(report: &Report, reason: Reason, message: String) -> Exit {
    let error = LaunchError {
        stage: Stage::Identify,
        reason,
        message,
    };
    report.undecided(&error);
    report.ended(error.exit());
    error.exit()
}

struct Driver {
    cx: Context,
    me: Identity,
    store: Store,
    stay: Stay,
    record: Record,
    /// The verdict of this transition is on disk.
    decided: bool,
    /// The verdict of this transition that people have been told.
    announced: Option<Verdict>,
    /// How the transition before this one was decided, if it began in this process.
    before: Option<Exit>,
    /// What metadata said last.
    seen: Sight,
    /// What the last launch of this process started.
    workload: Option<Rc<Workload>>,
    /// Asked to leave as soon as there is nothing more to do.
    leaving: bool,
    queue: VecDeque<Effect>,
}

impl Driver {
    /// One transition after the other.
    async fn run(&mut self, mut asked: Stop) -> Exit {
        self.feed(Event::Started);
        loop {
            let (cx, me) = (self.context(), self.me.clone());
            let exit = self.transition(&cx, &me, &mut asked).await;
            // Who came for one transition leaves when it is decided, and with what the way in came to.
            match (self.stay, exit, self.before) {
                (Stay::Leave, Some(exit), _) => {
                    return self.record.facts.entered.unwrap_or(exit);
                }
                (Stay::Stay, Some(exit), _) | (Stay::Leave, None, Some(exit)) => return exit,
                (_, None, _) => {}
            }
        }
    }

    /// Until the agent leaves, or another transition begins. What was under way is then dropped.
    async fn transition(&mut self, cx: &Context, me: &Identity, asked: &mut Stop) -> Option<Exit> {
        let transition = self.record.transition.clone();
        let boot = &self.record.facts.boot;
        cx.report.began(transition.kind, transition.epoch, boot);
        let mut running = Running::nothing();
        running.watch = Slot::of(watch::look(cx, self.seen.clone()));
        loop {
            while let Some(effect) = self.queue.pop_front() {
                if let Some(exit) = self.perform(effect, cx, me, &mut running) {
                    return Some(exit);
                }
            }
            for event in self.next(cx, &mut running, asked).await {
                self.feed(event);
                // What else happened was about the one that is over.
                if self.record.transition != transition {
                    return None;
                }
            }
        }
    }

    /// What happens next.
    async fn next<'a>(
        &mut self,
        cx: &'a Context,
        running: &mut Running<'a>,
        stop: &mut Stop,
    ) -> Vec<Event> {
        tokio::select! {
            // Facts first: what the work told before it ended must be known when it ends.
            biased;
            Some(fact) = running.facts.recv() => vec![Event::Learned(fact)],
            asked = stop.asked() => vec![self.asked(&asked)],
            joined = running.join.done() => vec![running.joined(cx, joined)],
            outcome = running.work.done() => self.worked(running, outcome),
            (to, ended) = running.signal.done() => {
                running.telling = None;
                let elsewhere = ended.elsewhere.is_some();
                let events = self.signalled(to, ended);
                // The watch has not seen what this one has.
                if elsewhere {
                    running.watch = Slot::of(watch::look(cx, self.seen.clone()));
                }
                events
            }
            () = running.evidence.done() => vec![Event::Collected],
            () = running.stop.done() => vec![Event::Stopped],
            state = running.look.done() => vec![Event::Found(state)],
            sight = running.watch.done() => {
                let events = sight.since(&self.seen);
                self.seen = sight.clone();
                if self.sees_to_verdict() {
                    return vec![];
                }
                running.watch = Slot::of(watch::look(cx, sight));
                events
            }
            () = running.heartbeat.done() => vec![],
            () = running.unhealthy.done() => vec![],
        }
    }

    /// Who came for one verdict has it, and sees to it alone.
    fn sees_to_verdict(&self) -> bool {
        self.stay == Stay::Leave && self.announced.is_some()
    }

    /// A delivery ended; one that was overtaken saw the target before the watch did.
    fn signalled(&mut self, to: Recipient, ended: Ended) -> Vec<Event> {
        let elsewhere = ended.elsewhere.filter(|_| !self.sees_to_verdict());
        let target = elsewhere.map(|target| {
            self.seen.target = Some(target.clone());
            Event::Target(target)
        });
        // How this transition ended is known to the next.
        let told = Event::Signalled(to, ended.settled);
        [told].into_iter().chain(target).collect()
    }

    fn asked(&mut self, asked: &Asked) -> Event {
        match asked {
            Asked::Machine if !self.leaving => {
                self.leaving = true;
                Event::ShuttingDown
            }
            Asked::Machine | Asked::Agent => Event::Terminate,
        }
    }

    fn worked(
        &mut self,
        running: &mut Running<'_>,
        outcome: Result<Done, LaunchError>,
    ) -> Vec<Event> {
        running.working = None;
        let mut events = Vec::new();
        // What it told in its last moment must be known before its end.
        while let Ok(fact) = running.facts.try_recv() {
            events.push(Event::Learned(fact));
        }
        events.push(match outcome {
            Err(error) => Event::Worked(Err(error)),
            Ok(Done { proof: None, .. }) => Event::NotForUs,
            Ok(Done {
                proof: Some(proof),
                workload,
            }) => {
                self.workload = workload.map(Rc::new);
                Event::Worked(Ok(proof))
            }
        });
        events
    }

    fn feed(&mut self, event: Event) {
        let (record, effects) = lifecycle::step(&self.record, event, &now());
        if record.transition != self.record.transition {
            let decided = self.record.verdict();
            self.before = decided.map(|_| lifecycle::exit(&self.record.state));
            self.decided = false;
            self.announced = None;
            // What was still to be done was for the transition that is over.
            self.queue.clear();
        }
        self.record = record;
        self.queue.extend(effects);
    }

    /// The context of the transition that the record is about.
    fn context(&self) -> Context {
        let facts = &self.record.facts;
        // After a verdict the launch's time is over; starting the workload again takes time of its own.
        let elapsed = if self.record.verdict().is_some() {
            Duration::ZERO
        } else {
            facts.began.elapsed(&now())
        };
        let began = Instant::now().checked_sub(elapsed);
        let began = began.unwrap_or_else(Instant::now);
        Context {
            began,
            ..self.cx.clone()
        }
        .within(self.whole())
    }

    fn whole(&self) -> Duration {
        let whole = self.record.facts.timeout_ms;
        whole.map_or(WHOLE, Duration::from_millis)
    }

    /// Tells people the verdict, once: when it is on disk, or cannot be and is about to be told.
    fn announce(&mut self) {
        let verdict = self.record.verdict();
        if verdict == self.announced.as_ref() {
            return;
        }
        match verdict {
            Some(Verdict::Continue(_)) => self.cx.report.verdict(Kind::Continue, None),
            Some(Verdict::Abandon(error)) => self.cx.report.verdict(Kind::Abandon, Some(error)),
            None => {}
        }
        self.announced = verdict.cloned();
    }
}
