//! What must hold in every history, whatever happens.
//!
//! To add a rule: a check here, called where it can be broken; and break the machine by hand once, to see it fail.

use firstlight::imds::TargetState;
use firstlight::lifecycle::{Kind, Recipient, Record, Settled, State, Verdict, Why, Work};
use firstlight::verdict::{LaunchError, Reason};
use firstlight_tests::stage::{Edge, Lifecycle};

use crate::counted::Counted;
use crate::machine::{Machine, Power};
use crate::world::{SECOND, World};

/// What a verdict is about.
pub(crate) type Key = (u64, Kind, String);

pub(crate) fn key(record: &Record) -> Key {
    let about = &record.transition;
    (about.epoch, about.kind, about.image_id.clone())
}

/// What was seen of a history, as far as rules ask for it.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The first rule that was broken.
    pub(crate) broken: Option<String>,
    /// Verdicts on disk: CONTINUE or not.
    decided: Vec<(Key, bool)>,
    /// Verdicts that the group counted.
    pub(crate) counted: Vec<Counted>,
    /// What was proven, and on which passage.
    pub(crate) proofs: Vec<(Kind, usize)>,
    /// Transitions in which something went wrong that an ABANDON may be for.
    excuses: Vec<Key>,
    /// Transitions whose record could not be written.
    pub(crate) unwritten: Vec<Key>,
    /// Transitions that the agent could not tell from the one before.
    pub(crate) blind: Vec<Key>,
    /// The passage on which the agent could not find out last where the group has it, or whether that waits for it.
    pub(crate) lost: Option<usize>,
    /// The passage during which a hook was made.
    hook_made: Option<usize>,
}

impl Rules {
    pub(crate) fn breaks(&mut self, rule: impl Into<String>) {
        self.broken.get_or_insert(rule.into());
    }

    /// Something went wrong in this transition.
    pub(crate) fn excused(&mut self, record: &Record) {
        self.excuses.push(key(record));
    }

    /// Work ended with its proof.
    pub(crate) fn proven(&mut self, kind: Kind, passage: Option<(usize, Edge)>) {
        let passage = passage.map(|(number, _)| (kind, number));
        self.proofs.extend(passage);
    }

    pub(crate) fn unwritten(&mut self, record: &Record) {
        self.unwritten.push(key(record));
    }

    /// The record is removed: what comes next is the first of its kind.
    pub(crate) fn forgotten(&mut self) {
        self.decided.clear();
    }

    pub(crate) fn hook_made(&mut self, passage: Option<(usize, Edge)>) {
        self.hook_made = passage.map(|(number, _)| number);
    }

    /// A record is about to be on disk.
    pub(crate) fn persisted(&mut self, record: &Record, machine: &Machine) {
        let key = key(record);
        if record.transition.image_id != machine.identity().image_id {
            self.breaks("the record is another image's");
        }
        let before = self
            .decided
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, go)| *go);
        let go = record
            .verdict()
            .map(|verdict| matches!(verdict, Verdict::Continue(_)));
        match (before, go) {
            (Some(_), None) => self.breaks("a verdict on disk was forgotten"),
            (Some(before), Some(go)) if before != go => {
                self.breaks("a verdict on disk became the other one");
            }
            (None, Some(go)) => {
                self.first_decided(record, go, machine);
                self.decided.push((key, go));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn first_decided(&mut self, record: &Record, go: bool, machine: &Machine) {
        let kind = record.transition.kind;
        if go && !proven(kind, machine) {
            self.breaks(format!(
                "CONTINUE of {kind:?} was decided without its proof"
            ));
        }
        if !go && !kind.is_entry() {
            self.breaks("a way out was refused");
        }
        if !go && !reclaimed(record) && !self.excuses.contains(&key(record)) {
            self.breaks("ABANDON was decided, and nothing had gone wrong");
        }
    }

    /// A signal is about to be sent.
    pub(crate) fn signals(
        &mut self,
        record: &Record,
        to: &Recipient,
        go: bool,
        disk: Option<&Record>,
    ) {
        let own = disk.filter(|disk| disk.transition == record.transition);
        let written = own.and_then(|disk| disk.verdict());
        let written = written.is_some_and(|verdict| matches!(verdict, Verdict::Continue(_)) == go);
        let may = !go || !record.transition.kind.is_entry();
        let may = may && self.unwritten.contains(&key(record));
        if !written && !may {
            self.breaks("a signal came before its verdict was on disk");
        }
        if delivered(own, to) {
            self.breaks("who had taken the verdict was told again");
        }
    }
}

/// EC2 takes the instance back, and that is what the verdict says.
fn reclaimed(record: &Record) -> bool {
    let says = |error: &LaunchError| error.reason == Reason::Reclaimed;
    let Some(Verdict::Abandon(error)) = record.verdict() else {
        return false;
    };
    says(error) && !record.facts.notices.is_empty()
}

/// What the machine shows for a CONTINUE.
pub(crate) fn proven(kind: Kind, machine: &Machine) -> bool {
    match kind {
        Kind::Launch => machine.proven,
        Kind::WarmEnter => machine.pulled && !machine.serving,
        Kind::WarmReturn | Kind::Terminate => !machine.serving,
    }
}

fn delivered(record: Option<&Record>, to: &Recipient) -> bool {
    let Some(State::Decided {
        deliveries: Some(deliveries),
        ..
    }) = record.map(|r| &r.state)
    else {
        return false;
    };
    let told = deliveries.iter().find(|delivery| delivery.to == *to);
    told.is_some_and(|told| told.settled == Some(Settled::Delivered))
}

impl World<'_> {
    /// The record that the agent starts on.
    pub(crate) fn check_opened(&mut self, record: &Record) {
        let me = self.machine.identity();
        if !record.is_of(&me) {
            self.rules
                .breaks("another instance's or image's record was taken up");
        }
        let own = self.machine.disk.as_ref().filter(|left| left.is_of(&me));
        let least = own.map_or(1, |left| left.transition.epoch);
        if record.transition.epoch < least || (own.is_none() && record.verdict().is_some()) {
            self.rules
                .breaks("a start forgot what it knew, or knew what it could not");
        }
    }

    /// Work begins that fits the transition.
    pub(crate) fn check_begun(&mut self, work: Work) {
        let Some(agent) = &self.agent else { return };
        let kind = agent.record.transition.kind;
        let go = matches!(agent.record.verdict(), Some(Verdict::Continue(_)));
        let fits = match work {
            Work::Launch => kind == Kind::Launch,
            Work::Prepare => kind == Kind::WarmEnter,
            Work::Keep => kind == Kind::Launch && go,
            Work::Drain(Why::Group { .. }) => !kind.is_entry(),
            Work::Drain(Why::Notice { .. }) => !agent.record.facts.notices.is_empty(),
            Work::Drain(Why::Shutdown) => self.machine.stopping.is_some(),
        };
        let undecided = agent.record.verdict().is_none();
        if !fits {
            self.rules.breaks(format!("{work:?} was begun in {kind:?}"));
        }
        let passage = self.group.passage(self.instant());
        let counted = |passage| {
            self.rules
                .counted
                .iter()
                .any(|c| c.passage == passage && c.go)
        };
        let taken = passage.is_some_and(|(number, _)| counted(number));
        if work == Work::Launch && undecided && taken && self.rules.unwritten.is_empty() {
            self.rules
                .breaks("a launch that the group had taken was begun again");
        }
    }

    /// Containers are about to be started.
    pub(crate) fn check_started(&mut self) {
        let patience = 12 * SECOND;
        let warm = self.edge() == Some(Edge::WarmEnter);
        let told = self.target().is_some() && self.net.metadata;
        let told = told && self.net.metadata_since + patience < self.now;
        let Some(agent) = &self.agent else { return };
        if warm && told && agent.since + patience < self.now {
            self.rules
                .breaks("something was started on the way into a warm pool");
        }
        if self.machine.stopping.is_some() {
            self.rules
                .breaks("something was started while the machine was shut down");
        }
    }

    /// With no effect left to perform, whoever waits is kept waiting.
    pub(crate) fn check_idle(&mut self) {
        let Some(agent) = &self.agent else { return };
        let waits = |to: &Recipient| agent.running.kept.contains(to);
        let kept = match &agent.record.state {
            State::Undecided { recipients } => recipients.iter().flatten().all(waits),
            State::Decided { deliveries, .. } => {
                let untold = deliveries.iter().flatten().filter(|d| d.settled.is_none());
                untold.into_iter().all(|delivery| waits(&delivery.to))
            }
        };
        let given_up = agent.running.in_vain
            || agent.record.is_drained() && agent.record.transition.kind == Kind::Launch;
        if !kept && !given_up {
            self.rules.breaks("somebody waits and gets no heartbeat");
        }
    }

    /// Chaos was over long ago, and nothing goes on any more.
    pub(crate) fn check_end(&mut self) -> Result<(), String> {
        let (state, edge) = (self.state(), self.group.passage(self.instant()));
        let open: Vec<String> = self.group.open_hooks().map(str::to_owned).collect();
        for hook in open {
            if !self.is_excused(&hook, edge) {
                return Err(format!("nobody ever completes {hook} on {edge:?}"));
            }
        }
        let on = self.machine.power == Power::On;
        let Some(agent) = self.agent.as_ref().filter(|_| on) else {
            return Ok(());
        };
        let record = &agent.record;
        let launched = record.transition.kind == Kind::Launch
            && matches!(record.verdict(), Some(Verdict::Continue(_)));
        let noticed = record
            .facts
            .notices
            .keys()
            .any(|n| record.facts.conduct.drain_on.contains(n));
        if state == Some(Lifecycle::InService) && launched && !noticed && !self.machine.serving {
            return Err("the instance is in service, and does not serve".to_owned());
        }
        Ok(())
    }

    /// Why a hook of ours may stay open for ever: the record says so.
    fn is_excused(&self, hook: &str, passage: Option<(usize, Edge)>) -> bool {
        let Some((number, edge)) = passage else {
            return true;
        };
        if edge == Edge::ReplaceRoot
            || self.machine.power != Power::On
            || !self.is_ours(hook)
            || self.rules.hook_made == Some(number)
            || self.setup.not_for_us
            // What it could not write down it does not know.
            || !self.rules.unwritten.is_empty()
            // It asked where it stands, and nobody told.
            || self.rules.lost == Some(number)
        {
            return true;
        }
        let Some(record) = self
            .agent
            .as_ref()
            .map(|a| &a.record)
            .or(self.machine.disk.as_ref())
        else {
            return false;
        };
        let riddle = matches!(record.facts.target, Some(TargetState::Unknown(_)));
        let kind = record.transition.kind;
        let idle = matches!(edge, Edge::Terminate | Edge::WarmTerminate)
            && kind != Kind::Terminate
            && !record.facts.conduct.drain_on_terminate;
        let State::Decided { deliveries, .. } = &record.state else {
            return riddle || idle;
        };
        let told = deliveries
            .iter()
            .flatten()
            .find(|delivery| match &delivery.to {
                Recipient::Hook { hook: name, .. } => name == hook,
                Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => true,
            });
        let failed = told.is_none_or(|told| matches!(told.settled, Some(Settled::Failed(_))));
        let drained = kind == Kind::Launch && record.is_drained();
        // The verdict was CONTINUE, and could not be made true again before anybody heard it.
        let lapsed = kind == Kind::Launch && self.agent.is_none() && !self.machine.proven;
        riddle || idle || failed || drained || (lapsed && edge != Edge::Terminate)
    }
}
