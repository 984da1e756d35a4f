//! The agent's process, but for the machine in it: what `driver` does with effects, with chance for everything outside.
//!
//! The order of things is the driver's own: an effect at a time, events only when no effect is left, and whatever was
//! under way is dropped when another transition begins.

use std::collections::VecDeque;

use firstlight::imds::TargetState;
use firstlight::lifecycle::{self, Effect, Event, Notices, Recipient, Record};
use firstlight::verdict::{Exit, LaunchError, Reason, Stage};
use firstlight_tests::stage::Hook;

use crate::looking::Looking;
use crate::telling::{Beat, Joining, Telling};
use crate::work::Working;
use crate::world::{SECOND, World};

/// How often the agent looks at metadata; more often while it tells no target.
pub(crate) const LOOK: u64 = 5 * SECOND;
const EAGER: u64 = SECOND;
/// Time asleep that the agent takes for a sleep.
const ASLEEP: u64 = 5 * SECOND;

/// So many starts in vain, one after the other, and systemd gives it up until the next boot.
const START_LIMIT: u32 = 5;

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) record: Record,
    /// The verdict of this transition is on disk.
    pub(crate) decided: bool,
    seen: Sight,
    /// Asked to leave as soon as there is nothing more to do.
    leaving: bool,
    queue: VecDeque<Effect>,
    pub(crate) running: Running,
    pub(crate) since: u64,
}

/// What metadata said last.
#[derive(Debug, Default)]
struct Sight {
    target: Option<String>,
    notices: Notices,
    slept: u64,
    silences: u32,
}

/// What is under way, at most once each.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) work: Option<Working>,
    pub(crate) permit: bool,
    pub(crate) join: Option<Joining>,
    /// The group's hooks, once known; `None` in it: the instance is in no group.
    pub(crate) member: Option<Option<Vec<Hook>>>,
    pub(crate) kept: Vec<Recipient>,
    pub(crate) beats: Vec<Beat>,
    pub(crate) signal: Option<Telling>,
    pub(crate) evidence: Option<u64>,
    pub(crate) stop: Option<u64>,
    pub(crate) look: Option<Looking>,
    /// What was healthy before does not come up again, and who waits to hear of it waits no longer.
    pub(crate) in_vain: bool,
    /// When metadata is looked at next.
    watch: u64,
}

impl Agent {
    /// Its clock stood still this long.
    pub(crate) fn slept(&mut self, long: u64) {
        let running = &mut self.running;
        running.watch += long;
        if let Some(work) = &mut running.work {
            work.slept(long);
        }
        if let Some(join) = &mut running.join {
            join.due += long;
        }
        if let Some(signal) = &mut running.signal {
            signal.slept(long);
        }
        for beat in &mut running.beats {
            beat.due += long;
        }
        if let Some(look) = &mut running.look {
            look.slept(long);
        }
        let single = [&mut running.evidence, &mut running.stop];
        for at in single.into_iter().flatten() {
            *at += long;
        }
    }
}

pub(crate) fn failed(stage: Stage, reason: Reason) -> LaunchError {
    LaunchError {
        stage,
        reason,
        message: String::new(),
    }
}

impl World<'_> {
    /// Starts the agent, as systemd does.
    pub(crate) fn start(&mut self) {
        self.start_at = None;
        if !self.net.metadata {
            self.start_at = Some(self.now + 10 * SECOND);
            return;
        }
        let target = self
            .target()
            .map(|target| TargetState::from(target.to_owned()));
        let me = self.machine.identity();
        let clock = self.machine.clock(self.now);
        let left = self.machine.disk.clone();
        let record = lifecycle::open(left, &me, target, &clock);
        let begun = format!("{:?} {}", record.transition.kind, record.transition.epoch);
        self.tell(|| {
            format!(
                "the agent starts: {begun}, target {:?}",
                record.facts.target
            )
        });
        self.check_opened(&record);
        self.agent = Some(Agent {
            decided: record.verdict().is_some(),
            seen: Sight {
                target: record.facts.target.clone().map(String::from),
                notices: record.facts.notices.clone(),
                slept: self.machine.slept,
                silences: self.net.silences,
            },
            record,
            leaving: false,
            queue: VecDeque::new(),
            running: Running::default(),
            since: self.now,
        });
        self.begin_transition();
        self.feed(Event::Started);
    }

    /// The agent is gone, without a word.
    pub(crate) fn kill(&mut self, why: &str) {
        if self.agent.take().is_some() {
            self.tell(|| format!("the agent is killed: {why}"));
        }
    }

    /// It is killed, and systemd starts it again.
    pub(crate) fn crash(&mut self, why: &str) {
        self.kill(why);
        if self.machine.stopping.is_none() {
            self.start_at = Some(self.now + 5 * SECOND);
        }
    }

    /// SIGTERM, for the agent or for the machine.
    pub(crate) fn asked(&mut self, machine: bool) {
        let Some(agent) = &mut self.agent else { return };
        let drains = machine && !std::mem::replace(&mut agent.leaving, true);
        self.feed(if drains {
            Event::ShuttingDown
        } else {
            Event::Terminate
        });
    }

    fn begin_transition(&mut self) {
        let now = self.now;
        if let Some(agent) = &mut self.agent {
            agent.running = Running {
                watch: now,
                ..Running::default()
            };
            agent.running.watch += match agent.seen.target {
                Some(_) => LOOK,
                None => EAGER,
            };
        }
    }

    pub(crate) fn feed(&mut self, event: Event) {
        let clock = self.machine.clock(self.now);
        let told = self.story_is_told().then(|| format!("   event {event:?}"));
        let Some(agent) = &mut self.agent else { return };
        let (record, effects) = lifecycle::step(&agent.record, event, &clock);
        let begins = record.transition != agent.record.transition;
        if begins {
            agent.queue.clear();
            agent.decided = false;
        }
        agent.record = record;
        agent.queue.extend(effects);
        if let Some(told) = told {
            self.tell(|| told);
        }
    }

    /// Several at once: the driver performs nothing in between.
    pub(crate) fn feed_all(&mut self, events: Vec<Event>) {
        let before = self
            .agent
            .as_ref()
            .map(|agent| agent.record.transition.clone());
        for event in events {
            self.feed(event);
            let now = self.agent.as_ref().map(|agent| &agent.record.transition);
            if now != before.as_ref() {
                break;
            }
        }
        let after = self.agent.as_ref().map(|agent| &agent.record.transition);
        if after != before.as_ref() {
            let kind = self
                .agent
                .as_ref()
                .map(|agent| agent.record.transition.kind);
            self.tell(|| format!("   another transition: {kind:?}"));
            self.begin_transition();
        }
    }

    /// Performs the next effect, if there is one; chance may kill the agent before it.
    pub(crate) fn perform_next(&mut self) -> bool {
        let Some(agent) = &mut self.agent else {
            return false;
        };
        let Some(effect) = agent.queue.pop_front() else {
            return false;
        };
        match self.tape.draw(64) {
            1 => {
                self.cover.crash(&effect);
                self.crash(&format!("before {}", effect.name()));
            }
            2 => {
                self.tell(|| "the power fails".to_owned());
                self.down(crate::machine::Switch::Reboot);
            }
            _ => self.perform(effect),
        }
        true
    }

    fn perform(&mut self, effect: Effect) {
        self.tell(|| format!("      {effect:?}"));
        let Some(agent) = &mut self.agent else { return };
        self.cover.effect(&effect);
        let now = self.now;
        let running = &mut agent.running;
        match effect {
            Effect::Persist => self.persist(),
            Effect::Join => running.join = Some(Joining::at(now)),
            Effect::Heartbeat(recipients) if recipients == running.kept => {}
            Effect::Heartbeat(recipients) => {
                running.beats = Beat::of(&recipients, now);
                running.kept = recipients;
            }
            Effect::Permit => running.permit = true,
            Effect::Begin(work) if running.work.as_ref().is_some_and(|w| w.work == work) => {}
            Effect::Begin(work) => self.begin_work(work),
            Effect::Abort => running.work = None,
            Effect::Signal { to, .. } if running.signal.as_ref().is_some_and(|s| s.to == to) => {}
            Effect::Signal { to, go, again } => self.signal(to, go, again),
            Effect::Withhold => running.signal = None,
            Effect::Evidence => {
                running.evidence.get_or_insert(now + 10 * SECOND);
            }
            Effect::StopWorkload => {
                running.stop.get_or_insert(now + 5 * SECOND);
            }
            Effect::Look => {
                running.look.get_or_insert(Looking::at(now));
            }
            Effect::ReportUnhealthy => self.report_unhealthy(),
            Effect::Forget => {
                self.machine.disk = None;
                self.rules.forgotten();
            }
            Effect::Rest(_) if !agent.leaving => {}
            Effect::Rest(exit) | Effect::Exit(exit) => self.leave(exit),
        }
    }

    fn persist(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        if !self.machine.disk_full {
            self.rules.persisted(&agent.record, &self.machine);
            let mut written = agent.record.clone();
            // What is never written.
            written.facts.collecting = false;
            written.facts.leaving = false;
            self.machine.disk = Some(written);
            agent.decided = agent.record.verdict().is_some();
            return;
        }
        agent.queue.clear();
        let (error, decided) = (failed(Stage::Signal, Reason::StateUnusable), agent.decided);
        self.rules.excused(&agent.record);
        self.rules.unwritten(&agent.record);
        self.tell(|| "      the disk is full".to_owned());
        self.feed(Event::NotPersisted { error, decided });
    }

    /// It leaves by itself. systemd starts it again, but for what would only fail again.
    fn leave(&mut self, exit: Exit) {
        self.tell(|| format!("the agent leaves: {exit:?}"));
        let soon = self.now.saturating_sub(60 * SECOND);
        let at_once = self.agent.take().is_some_and(|agent| agent.since > soon);
        self.in_vain = if at_once { self.in_vain + 1 } else { 0 };
        let stays_away = matches!(
            exit,
            Exit::Done | Exit::Usage | Exit::Denied | Exit::Spec | Exit::Workload
        );
        if self.machine.stopping.is_none() && !stays_away && self.in_vain < START_LIMIT {
            self.start_at.get_or_insert(self.now + 5 * SECOND);
        }
    }

    pub(crate) fn watch_due(&mut self) -> Option<u64> {
        let (target, asleep) = (
            self.target(),
            self.machine.power != crate::machine::Power::On,
        );
        let (now, slept) = (self.now, self.machine.slept);
        let agent = self
            .agent
            .as_mut()
            .filter(|_| self.net.metadata && !asleep)?;
        let seen = &agent.seen;
        let same = target.is_none_or(|target| seen.target.as_deref() == Some(target))
            && seen.notices == self.notices
            && slept <= seen.slept + ASLEEP
            && self.net.silences == seen.silences;
        let every = if seen.target.is_some() { LOOK } else { EAGER };
        while agent.running.watch < now {
            agent.running.watch += every;
        }
        (!same).then_some(agent.running.watch)
    }

    /// The target was read, but not by a look.
    pub(crate) fn seen(&mut self, target: &TargetState) {
        if let Some(agent) = &mut self.agent {
            agent.seen.target = Some(String::from(target.clone()));
        }
    }

    /// A look at metadata that shows something else than the last.
    pub(crate) fn watched(&mut self) {
        let target = self.target().map(str::to_owned);
        let (slept, silences) = (self.machine.slept, self.net.silences);
        let Some(agent) = &mut self.agent else { return };
        let mut events = Vec::new();
        if slept > agent.seen.slept + ASLEEP || silences > agent.seen.silences {
            events.push(Event::Missed);
        }
        agent.seen.slept = slept;
        agent.seen.silences = silences;
        if self.notices != agent.seen.notices {
            agent.seen.notices.clone_from(&self.notices);
            events.push(Event::Noticed(self.notices.clone()));
        }
        if target.is_some() && target != agent.seen.target {
            agent.seen.target.clone_from(&target);
            events.extend(target.map(|target| Event::Target(TargetState::from(target))));
        }
        agent.running.watch = self.now + LOOK;
        self.feed_all(events);
    }

    /// The evidence is safe.
    pub(crate) fn collected(&mut self) {
        if let Some(agent) = &mut self.agent {
            agent.running.evidence = None;
            self.feed_all(vec![Event::Collected]);
        }
    }

    /// A failed workload is stopped.
    pub(crate) fn stopped(&mut self) {
        if let Some(agent) = &mut self.agent {
            agent.running.stop = None;
            self.machine.stop_services();
            self.feed_all(vec![Event::Stopped]);
        }
    }
}
