//! The loop of a launch: performs the effects that `lifecycle` asks for, in order, and feeds back what
//! happened. What to do is decided in `lifecycle` alone; the loop never looks at the record's state.
//!
//! To add an effect: a variant of `Effect`, an arm in [`Driver::perform`], and where it takes time a
//! [`Slot`] in the `select!`.

mod clock;
mod open;
mod slot;
mod stop;

use crate::{
    context::{Context, Paths, Timings},
    health::Healthy,
    imds::Identity,
    launch::{self, Resume},
    lifecycle::{self, Effect, Event, Fact, Recipient, Record, Settled, Unjoined, Verdict, Work},
    report::{
        Report,
        status::{Kind, Outcome},
    },
    signal::{self, Membership},
    state::Store,
    verdict::{Exit, LaunchError, Reason, Stage},
    workload::{self, Launch},
};
use open::{lock, open};
use slot::Slot;
use std::{collections::VecDeque, time::Duration};
use stop::Stop;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A launch's whole time until its spec says otherwise; the contract's default.
const WHOLE: Duration = Duration::from_secs(15 * 60);

/// `firstlight launch`: from who am I to a delivered verdict.
///
/// `report` is made once the lock is held: two processes must not tell one story.
pub async fn launch(paths: Paths, timings: Timings, report: impl FnOnce() -> Report) -> Exit {
    let mut stop = match Stop::listen() {
        Ok(stop) => stop,
        Err(error) => {
            let message = format!("cannot listen for SIGTERM: {error}");
            return ended(&report(), Reason::Internal, message);
        }
    };
    let store = tokio::select! {
        store = lock(&paths) => store,
        () = stop.asked() => return Exit::Interrupted,
    };
    let report = report();
    let opened = tokio::select! {
        opened = open(paths, timings, &report, store) => opened,
        () = stop.asked() => {
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
    record: Record,
    /// A verdict is on disk.
    decided: bool,
    /// The verdict that people have been told.
    announced: Option<Verdict>,
    queue: VecDeque<Effect>,
}

/// What takes time, and is under way at most once each.
struct Running<'a> {
    work: Slot<'a, Result<Option<Healthy>, LaunchError>>,
    join: Slot<'a, Result<(Membership, Vec<Recipient>), Unjoined>>,
    heartbeat: Slot<'a, ()>,
    kept_waiting: Vec<Recipient>,
    signal: Slot<'a, (Recipient, Settled)>,
    stop: Slot<'a, ()>,
}

impl Driver {
    async fn run(&mut self, mut asked: Stop) -> Exit {
        let (tell, mut facts) = unbounded_channel();
        let cx = self.cx.clone();
        let me = self.me.clone();
        let mut membership = None;
        let mut running = Running {
            work: Slot::idle(),
            join: Slot::idle(),
            heartbeat: Slot::idle(),
            kept_waiting: vec![],
            signal: Slot::idle(),
            stop: Slot::idle(),
        };
        self.feed(Event::Started);
        loop {
            while let Some(effect) = self.queue.pop_front() {
                if let Some(exit) = self.perform(effect, &cx, &me, &membership, &tell, &mut running)
                {
                    return exit;
                }
            }
            let event = tokio::select! {
                // Facts first: what the work told before it ended must be known when it ends.
                biased;
                Some(fact) = facts.recv() => Event::Learned(fact),
                () = asked.asked() => Event::Terminate,
                joined = running.join.done() => {
                    if let Err(unjoined) = &joined {
                        cx.report.warn("recipients_unknown", &unjoined.error.message);
                    }
                    Event::Joined(joined.map(|(found, recipients)| {
                        membership = Some(found);
                        recipients
                    }))
                }
                outcome = running.work.done() => {
                    // What it told in its last moment must be known before its end.
                    while let Ok(fact) = facts.try_recv() {
                        self.feed(Event::Learned(fact));
                    }
                    match outcome {
                        Ok(Some(healthy)) => Event::Worked(Ok(healthy.into())),
                        Ok(None) => Event::NotForUs,
                        Err(error) => Event::Worked(Err(error)),
                    }
                }
                (to, settled) = running.signal.done() => Event::Signalled(to, settled),
                () = running.stop.done() => Event::Stopped,
                () = running.heartbeat.done() => continue,
            };
            self.feed(event);
        }
    }

    fn feed(&mut self, event: Event) {
        let (record, effects) = lifecycle::step(&self.record, event);
        self.record = record;
        self.queue.extend(effects);
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

impl Driver {
    /// Performs one effect, or begins it where it takes time; an exit code when it is the last.
    fn perform<'a>(
        &mut self,
        effect: Effect,
        cx: &'a Context,
        me: &'a Identity,
        membership: &Option<Membership>,
        tell: &'a UnboundedSender<Fact>,
        running: &mut Running<'a>,
    ) -> Option<Exit> {
        match effect {
            Effect::Persist => match self.store.write(&self.record) {
                Ok(()) => {
                    self.decided = self.record.verdict().is_some();
                    self.announce();
                }
                Err(error) => {
                    cx.report.warn("record_not_written", &error.to_string());
                    self.queue.clear();
                    let error = LaunchError::at(Stage::Signal, &error);
                    let decided = self.decided;
                    self.feed(Event::NotPersisted { error, decided });
                }
            },
            Effect::Join => {
                let known = membership.clone();
                let wish = self.record.facts.signal.clone();
                let cx = Context {
                    deadline: cx.delivery(self.whole()),
                    ..cx.clone()
                };
                running.join = Slot::of(async move { signal::join(&cx, me, known, wish).await });
            }
            // The spec seldom changes whom to keep waiting; a beat begun anew would be one too many.
            Effect::Heartbeat(recipients) if recipients == running.kept_waiting => {}
            Effect::Heartbeat(recipients) => {
                running.kept_waiting.clone_from(&recipients);
                running.heartbeat =
                    Slot::of(signal::heartbeat(cx, me, membership.clone(), recipients));
            }
            Effect::Begin(Work::Launch) => {
                let resume = self.resume();
                running.work =
                    Slot::of(async move { Box::pin(launch::launch(cx, me, &resume, tell)).await });
            }
            Effect::Abort => running.work = Slot::idle(),
            Effect::Signal { to, go, again } => {
                self.announce();
                let deadline = cx.delivery(self.whole());
                running.signal = Slot::of(async move {
                    let settled = signal::deliver(cx, me, &to, go, again, deadline).await;
                    say(&cx.report, &to, &settled);
                    (to, settled)
                });
            }
            Effect::StopWorkload => {
                self.announce();
                let deadline = cx.delivery(self.whole());
                running.stop = Slot::of(async move {
                    if let Err(error) = workload::stop(cx, me, deadline).await {
                        cx.report.warn("workload_not_stopped", &error.to_string());
                    }
                });
            }
            Effect::Forget => {
                if let Err(error) = self.store.forget() {
                    cx.report.warn("record_not_removed", &error.to_string());
                }
            }
            Effect::Exit(exit) => {
                self.announce();
                return Some(exit);
            }
        }
        None
    }

    fn whole(&self) -> Duration {
        self.record
            .facts
            .timeout_ms
            .map_or(WHOLE, Duration::from_millis)
    }

    fn resume(&self) -> Resume {
        Resume {
            ids: Launch {
                epoch: self.record.transition.epoch,
                boot_id: self.record.facts.boot.clone(),
            },
            document: self.record.facts.document.clone(),
            images: self.record.facts.images.clone(),
        }
    }
}

fn say(report: &Report, to: &Recipient, settled: &Settled) {
    let outcome = match settled {
        Settled::Delivered => Outcome::Delivered,
        Settled::Needless(why) => {
            report.info(&format!("{to}: {why}"));
            Outcome::Settled
        }
        Settled::Failed(error) => {
            report.warn("verdict_not_delivered", &error.message);
            match error.reason.exit(error.stage) {
                Exit::Denied => Outcome::Denied,
                Exit::Done
                | Exit::Bug
                | Exit::Usage
                | Exit::Unavailable
                | Exit::Interrupted
                | Exit::Undelivered
                | Exit::Spec
                | Exit::Workload => Outcome::Undelivered,
            }
        }
    };
    report.delivered(&to.to_string(), outcome);
}
