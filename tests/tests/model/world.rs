//! The world of a history, and its time: what is due next happens next, unless chance has another idea.

use std::time::{Duration, Instant};

use firstlight::lifecycle::Notices;
use firstlight_tests::stage::{Edge, Group, Lifecycle, group::terms::Refusal};

use crate::agent::{Agent, LOOK};
use crate::cover::Cover;
use crate::machine::{Machine, Power};
use crate::rules::Rules;
use crate::setup::{Entry, OTHER, Setup, setup};
use crate::tape::Tape;

/// Milliseconds, as all time here.
pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;

/// More happenings than any history needs that comes to rest.
const LONGEST: usize = 4000;

/// What reaches what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    /// Auto Scaling can be reached.
    pub(crate) aws: bool,
    /// …and answers.
    pub(crate) throttled: bool,
    /// …and tells where the instance stands.
    pub(crate) describe: bool,
    pub(crate) metadata: bool,
    /// Since when metadata answers, or does not.
    pub(crate) metadata_since: u64,
    /// How often it did not, and the agent saw that.
    pub(crate) silences: u32,
}

impl Net {
    const GOOD: Self = Self {
        aws: true,
        throttled: false,
        describe: true,
        metadata: true,
        metadata_since: 0,
        silences: 0,
    };

    /// Metadata is silent from now on, or answers again; whether a short silence was `seen` is chance.
    pub(crate) fn turn_metadata(&mut self, now: u64, seen: bool) {
        let long = now > self.metadata_since + 2 * LOOK;
        self.silences += u32::from(!self.metadata && (long || seen));
        self.metadata = !self.metadata;
        self.metadata_since = now;
    }
}

/// What can be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Group,
    /// Somebody else completes a hook that is not ours.
    Other,
    Machine,
    Start,
    Work,
    Join,
    Beat(usize),
    Signal,
    Evidence,
    Stop,
    Look,
    Watch,
}

pub(crate) struct World<'a> {
    pub(crate) tape: Tape,
    pub(crate) now: u64,
    epoch: Instant,
    pub(crate) setup: Setup,
    pub(crate) group: Group,
    pub(crate) net: Net,
    pub(crate) notices: Notices,
    pub(crate) machine: Machine,
    pub(crate) agent: Option<Agent>,
    /// When the agent is started next.
    pub(crate) start_at: Option<u64>,
    /// Starts that soon ended, one after the other.
    pub(crate) in_vain: u32,
    /// When somebody else completes what is not ours.
    other_at: Option<u64>,
    cured: bool,
    pub(crate) rules: Rules,
    pub(crate) cover: &'a mut Cover,
    story: Option<Vec<String>>,
}

impl<'a> World<'a> {
    /// Plays a history; with `tell`, it is told step by step.
    ///
    /// # Errors
    /// The rule that it broke, and the story.
    pub(crate) fn play(
        choices: &[u16],
        cover: &'a mut Cover,
        tell: bool,
    ) -> Result<(), (String, Vec<String>)> {
        let mut tape = Tape::new(choices.to_vec());
        let setup = setup(&mut tape);
        let epoch = Instant::now();
        let mut world = World {
            group: Group::new(setup.plan.clone(), "i-1", epoch),
            tape,
            now: 0,
            epoch,
            setup,
            net: Net::GOOD,
            notices: Notices::new(),
            machine: Machine::new(),
            agent: None,
            start_at: Some(2 * SECOND),
            in_vain: 0,
            other_at: None,
            cured: false,
            rules: Rules::default(),
            cover,
            story: tell.then(Vec::new),
        };
        let ended = world.history();
        ended.map_err(|broken| (broken, world.story.unwrap_or_default()))
    }

    fn history(&mut self) -> Result<(), String> {
        self.tell_setup();
        match self.setup.entry {
            Entry::Launched => self.order("the group launches the instance", Group::launch),
            Entry::Warmed => self.order("the group launches it into its warm pool", Group::warm),
            Entry::Outside => {}
        }
        for _ in 0..LONGEST {
            if let Some(broken) = self.rules.broken.take() {
                return Err(broken);
            }
            if self.perform_next() {
                continue;
            }
            self.ec2();
            self.check_idle();
            if self.tape.is_over() {
                self.cure();
            } else if self.chaos() {
                continue;
            }
            match self.next() {
                Some((at, due)) if !(self.cured && self.rests()) => {
                    self.now = self.now.max(at);
                    self.happen(due);
                }
                Some(_) | None if self.cured => return self.check_end(),
                // Nothing is due, but chance may still have ideas.
                Some(_) | None => {}
            }
        }
        Err("the history does not come to rest".to_owned())
    }

    pub(crate) fn instant(&self) -> Instant {
        self.epoch + Duration::from_millis(self.now)
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let (minutes, seconds) = (self.now / MINUTE, self.now % MINUTE);
            story.push(format!(
                "{minutes:>4}:{:06.3}  {}",
                seconds as f64 / 1000.0,
                what()
            ));
        }
    }

    pub(crate) const fn story_is_told(&self) -> bool {
        self.story.is_some()
    }

    fn tell_setup(&mut self) {
        if self.story_is_told() {
            let setup = format!("{:?}", self.setup);
            self.tell(|| setup);
        }
    }

    pub(crate) fn state(&mut self) -> Option<Lifecycle> {
        self.group.state(self.instant())
    }

    pub(crate) fn edge(&mut self) -> Option<Edge> {
        self.group.passage(self.instant()).map(|(_, edge)| edge)
    }

    /// What metadata tells of the target, if it answers.
    pub(crate) fn target(&mut self) -> Option<&'static str> {
        self.group.target(self.instant())
    }

    /// Gives the group an order; one that it refuses is none.
    pub(crate) fn order(
        &mut self,
        what: &str,
        order: impl FnOnce(&mut Group, Instant) -> Result<(), Refusal>,
    ) {
        let now = self.instant();
        if order(&mut self.group, now).is_ok() {
            self.tell(|| what.to_owned());
            if let Some(edge) = self.edge() {
                self.cover.edge(edge);
            }
        }
    }

    /// Chaos is over: what was broken is mended.
    fn cure(&mut self) {
        if !std::mem::replace(&mut self.cured, true) {
            self.tell(|| "from here on all is well".to_owned());
            if !self.net.metadata {
                self.net.turn_metadata(self.now, true);
            }
            self.net = Net {
                metadata_since: self.net.metadata_since,
                silences: self.net.silences,
                ..Net::GOOD
            };
            self.machine.disk_full = false;
        }
    }

    /// Whether nothing goes on but waiting.
    fn rests(&mut self) -> bool {
        let waits = self.group.open_hooks().next().is_some();
        let dues = self.dues();
        dues.into_iter()
            .flatten()
            .all(|(_, due)| matches!(due, Due::Beat(_)) || (waits && due == Due::Group))
    }

    pub(crate) fn next(&mut self) -> Option<(u64, Due)> {
        self.dues().into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn dues(&mut self) -> [Option<(u64, Due)>; 12] {
        let group = self.group.due().map(|at| {
            let at = at.saturating_duration_since(self.epoch).as_millis();
            (u64::try_from(at).unwrap_or(u64::MAX), Due::Group)
        });
        let (other, watch) = (self.other_due(), self.watch_due());
        let awake = self.machine.power == Power::On;
        let running = self
            .agent
            .as_ref()
            .filter(|_| awake)
            .map(|agent| &agent.running);
        let soonest = running.and_then(|running| {
            let beats = running.beats.iter().enumerate();
            beats
                .map(|(number, beat)| (beat.due, Due::Beat(number)))
                .min_by_key(|(at, _)| *at)
        });
        let of = |at: Option<u64>, due| at.map(|at| (at, due));
        [
            group,
            of(other, Due::Other),
            self.machine_due(),
            of(self.start_at.filter(|_| awake), Due::Start),
            of(running.and_then(|r| r.work.as_ref()?.due()), Due::Work),
            of(running.and_then(|r| Some(r.join.as_ref()?.due)), Due::Join),
            soonest,
            of(
                running.and_then(|r| Some(r.signal.as_ref()?.due)),
                Due::Signal,
            ),
            of(running.and_then(|r| r.evidence), Due::Evidence),
            of(running.and_then(|r| r.stop), Due::Stop),
            of(running.and_then(|r| Some(r.look.as_ref()?.due)), Due::Look),
            of(watch, Due::Watch),
        ]
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Group => {
                let before = self.group.passage(self.instant());
                let state = self.state();
                if let Some(state) = state {
                    self.tell(|| format!("the group: {state}"));
                }
                let after = self.group.passage(self.instant());
                if let Some((_, edge)) = after.filter(|_| after != before) {
                    self.cover.edge(edge);
                }
            }
            Due::Other => self.complete_other(),
            Due::Machine => self.switched(),
            Due::Start => self.start(),
            Due::Work => self.work_on(),
            Due::Join => self.join_on(),
            Due::Beat(number) => self.beat(number),
            Due::Signal => self.signal_on(),
            Due::Evidence => self.collected(),
            Due::Stop => self.stopped(),
            Due::Look => self.look_on(),
            Due::Watch => self.watched(),
        }
    }

    /// Whether the spec would have us complete this hook.
    pub(crate) fn is_ours(&self, hook: &str) -> bool {
        let wish = &self.setup.wish;
        let named = match hook {
            "up" | OTHER => &wish.launching,
            _ => &wish.terminating,
        };
        named.is_empty() || named.iter().any(|name| name == hook)
    }

    fn others(&self) -> Option<String> {
        let mut open = self.group.open_hooks();
        open.find(|name| !self.is_ours(name)).map(str::to_owned)
    }

    fn other_due(&mut self) -> Option<u64> {
        if self.others().is_none() {
            self.other_at = None;
        } else if self.other_at.is_none() {
            self.other_at = Some(self.now + 20 * SECOND);
        }
        self.other_at
    }

    fn complete_other(&mut self) {
        self.other_at = None;
        if let Some(hook) = self.others() {
            self.tell(|| format!("somebody else completes {hook}"));
            self.complete_as_other(&hook);
        }
    }
}
