//! Performs one effect, or begins it where it takes time. Asked again for what is under way, it is left
//! alone.

use super::{
    Driver, Stay, clock,
    insist::insist,
    running::{Done, Running},
    slot::Slot,
};
use crate::{
    context::{Context, Deadline},
    drain, evidence,
    imds::Identity,
    launch::{self, Resume},
    lifecycle::{Effect, Event, Fact, Kind, Notice, Recipient, Settled, Verdict, Why, Work},
    prepare,
    report::{Report, status::Outcome},
    signal,
    verdict::{Exit, LaunchError, Stage},
    workload::{self, Launch, Run},
};
use std::rc::Rc;

impl Driver {
    /// Performs one effect; an exit code when it is the last.
    pub(super) fn perform<'a>(
        &mut self,
        effect: Effect,
        cx: &'a Context,
        me: &'a Identity,
        running: &mut Running<'a>,
    ) -> Option<Exit> {
        let name = effect.name();
        let last = self.begin_or_perform(effect, cx, me, running);
        cx.report.performed(name);
        last
    }

    fn begin_or_perform<'a>(
        &mut self,
        effect: Effect,
        cx: &'a Context,
        me: &'a Identity,
        running: &mut Running<'a>,
    ) -> Option<Exit> {
        match effect {
            Effect::Persist => self.persist(),
            Effect::Join => self.join(cx, me, running),
            // The spec seldom changes whom to keep waiting; a beat begun anew would be one too many.
            Effect::Heartbeat(recipients) if recipients == running.kept_waiting => {}
            Effect::Heartbeat(recipients) => {
                running.kept_waiting.clone_from(&recipients);
                let membership = running.membership.clone();
                running.heartbeat = Slot::of(signal::heartbeat(cx, me, membership, recipients));
            }
            Effect::Permit => {
                running.permit.send_replace(true);
            }
            Effect::Begin(work) if running.working == Some(work) => {}
            Effect::Begin(work) => self.begin(work, cx, me, running),
            Effect::Abort => {
                running.work = Slot::idle();
                running.working = None;
            }
            Effect::Signal { to, .. } if running.telling.as_ref() == Some(&to) => {}
            Effect::Signal { to, go, again } => self.signal(to, go, again, cx, me, running),
            Effect::Withhold => {
                running.signal = Slot::idle();
                running.telling = None;
            }
            Effect::Evidence if running.evidence.is_busy() => {}
            Effect::Evidence => self.evidence(cx, me, running),
            Effect::StopWorkload if running.stop.is_busy() => {}
            Effect::StopWorkload => {
                self.announce();
                let deadline = cx.delivery(self.whole());
                running.stop = Slot::of(async move {
                    if let Err(error) = workload::stop(cx, me, deadline).await {
                        cx.report.warn("workload_not_stopped", &error.to_string());
                    }
                });
            }
            Effect::Look if running.look.is_busy() => {}
            Effect::Look => {
                let told = self.record.recipients();
                running.look = Slot::of(async move { signal::look(cx, me, &told).await });
            }
            Effect::ReportUnhealthy => running.unhealthy = Slot::of(signal::unhealthy(cx, me)),
            Effect::Forget => {
                if let Err(error) = self.store.forget() {
                    cx.report.warn("record_not_removed", &error.to_string());
                }
            }
            Effect::Rest(exit) => {
                self.announce();
                if self.stay == Stay::Leave || self.leaving {
                    return Some(exit);
                }
                cx.report.resting(exit);
            }
            Effect::Exit(exit) => {
                self.announce();
                return Some(exit);
            }
        }
        None
    }

    fn persist(&mut self) {
        match self.store.write(&self.record) {
            Ok(()) => {
                self.decided = self.record.verdict().is_some();
                self.announce();
            }
            Err(error) => {
                let report = &self.cx.report;
                report.warn("record_not_written", &error.to_string());
                self.queue.clear();
                let error = LaunchError::at(Stage::Signal, &error);
                let decided = self.decided;
                self.feed(Event::NotPersisted { error, decided });
            }
        }
    }

    fn join<'a>(&self, cx: &Context, me: &'a Identity, running: &mut Running<'a>) {
        // Outside a group is what it may have looked like too early.
        let known = running.membership.clone();
        let known = known.filter(|known| known.is_member() || self.record.facts.target.is_none());
        let wish = self.record.facts.signal.clone();
        let kind = self.record.transition.kind;
        let cx = Context {
            deadline: cx.delivery(self.whole()),
            ..cx.clone()
        };
        running.join = Slot::of(async move { signal::join(&cx, me, kind, known, wish).await });
    }

    fn begin<'a>(
        &mut self,
        work: Work,
        cx: &'a Context,
        me: &'a Identity,
        running: &mut Running<'a>,
    ) {
        let tell = running.tell.clone();
        running.working = Some(work);
        running.work = match work {
            Work::Launch => {
                let (resume, permit) = (self.resume(), running.permit.subscribe());
                let (whole, stays) = (self.whole(), self.stay == Stay::Stay);
                Slot::of(async move {
                    let launched = match stays && resume.run == Run::Again {
                        true => Box::pin(insist(cx, me, &resume, whole, permit, &tell)).await,
                        false => Box::pin(launch::launch(cx, me, &resume, permit, &tell)).await?,
                    };
                    Ok(match launched {
                        None => Done::NOT_FOR_US,
                        Some((healthy, workload)) => Done {
                            proof: Some(healthy.into()),
                            workload: Some(workload),
                        },
                    })
                })
            }
            Work::Prepare => {
                let resume = self.resume();
                Slot::of(async move {
                    let prepared = Box::pin(prepare::prepare(cx, me, &resume, &tell)).await?;
                    Ok(prepared.map_or(Done::NOT_FOR_US, Done::from))
                })
            }
            Work::Drain(why) => {
                let kept = self.kept();
                let why = drained(why, self.record.transition.kind);
                Slot::of(async move {
                    // Terminated before anybody read what the instance is for.
                    if kept.document.is_none() && !launch::is_for_us(cx, me).await {
                        return Ok(Done::NOT_FOR_US);
                    }
                    Ok(Box::pin(drain::drain(cx, me, why, kept)).await.into())
                })
            }
            Work::Keep => {
                let kept = self.kept();
                Slot::of(async move {
                    let tell = |dying| drop(tell.send(Fact::Dying(dying)));
                    match workload::keep(cx, me, &kept, tell).await {}
                })
            }
        };
    }

    fn signal<'a>(
        &mut self,
        to: Recipient,
        go: bool,
        again: bool,
        cx: &'a Context,
        me: &'a Identity,
        running: &mut Running<'a>,
    ) {
        self.announce();
        running.telling = Some(to.clone());
        let told = signal::Verdict {
            kind: self.record.transition.kind,
            go,
            again,
        };
        let deadline = self.told_by(cx);
        running.signal = Slot::of(async move {
            let ended = signal::deliver(cx, me, &to, told, deadline).await;
            say(&cx.report, &to, &ended.settled);
            (to, ended)
        });
    }

    /// By when somebody must be told. On a way out the hooks may open as late as load balancers are done.
    fn told_by(&self, cx: &Context) -> Deadline {
        match self.record.transition.kind.is_entry() {
            true => cx.delivery(self.whole()),
            false => cx.delivery(self.whole().max(cx.timings.drain_most)),
        }
    }

    fn evidence<'a>(&mut self, cx: &'a Context, me: &'a Identity, running: &mut Running<'a>) {
        self.announce();
        let Some(Verdict::Abandon(error)) = self.record.verdict() else {
            return;
        };
        let (record, error) = (self.record.clone(), error.clone());
        running.evidence =
            Slot::of(async move { evidence::preserve(cx, me, &record, &error).await });
    }

    /// What an earlier process, or an earlier boot, left of this launch.
    fn resume(&self) -> Resume {
        let facts = &self.record.facts;
        Resume {
            ids: Launch {
                epoch: self.record.transition.epoch,
                boot_id: facts.boot.clone(),
            },
            document: facts.document.clone(),
            images: facts.images.clone(),
            run: match self.record.verdict() {
                None => Run::First,
                Some(_) => Run::Again,
            },
        }
    }

    /// The services to keep: those of the launch that is served, in this boot.
    fn kept(&self) -> workload::Kept {
        let facts = &self.record.facts;
        let served = facts.served.clone();
        workload::Kept {
            launch: served.filter(|served| served.boot_id == facts.boot),
            document: self.record.facts.document.clone(),
            workload: self.workload.as_ref().map(Rc::clone),
        }
    }
}

/// Why services are drained, with what was announced as moments of this process.
fn drained(why: Why, kind: Kind) -> drain::Why {
    let by = |by_ms: Option<u64>| by_ms.map(clock::moment);
    match why {
        Why::Group { by_ms } => drain::Why::Group {
            by: by(by_ms),
            pool: kind == Kind::WarmReturn,
        },
        Why::Notice { notice, by_ms } => match notice {
            Notice::Spot => drain::Why::Interruption { by: by(by_ms) },
            Notice::Rebalance | Notice::Maintenance => drain::Why::Notice { by: by(by_ms) },
        },
        Why::Shutdown => drain::Why::Shutdown,
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
