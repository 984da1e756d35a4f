//! The work of a transition, step by step, with chance for how it goes.

use firstlight::image::Images;
use firstlight::lifecycle::{Event, Fact, Kind, Notice, Proof, Record, Why, Work};
use firstlight::verdict::{Reason, Stage};

use crate::agent::failed;
use crate::world::{MINUTE, SECOND, World};

/// A launch's whole time, as its spec says; less what is kept for the delivery.
const WHOLE: u64 = 15 * MINUTE;
const RESERVE: u64 = 30 * SECOND;
/// How long nothing is started while the target is not known.
const PATIENCE: u64 = 10 * SECOND;
/// How long services go on at most while the group takes the instance out.
const MOST: u64 = 65 * MINUTE;
/// How long before an interruption services are stopped at the latest, from when it was announced.
const NOTICE: u64 = 100 * SECOND;
/// How long the group may be silent before it is taken for mute.
const SILENCE: u64 = 2 * MINUTE;
/// How long services go on before they are stopped, where nobody tells that it is time.
const DELAY: u64 = 30 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Configured,
    Resolved,
    /// Nothing of ours may run while a warm pool is entered.
    Cleared,
    Pulled,
    /// The target is known, or late.
    Permitted,
    Started,
    Restarted,
    Healthy,
    Prepared,
    /// The group's balancer is done with the instance.
    Released,
    /// The same, or EC2 is about to take it.
    Leaving,
    Stopped,
    Drained,
    NotForUs,
    Failed(Stage, Reason),
}

/// Work under way.
#[derive(Debug)]
pub(crate) struct Working {
    pub(crate) work: Work,
    /// What is still to come, last first: how long it takes, and what it is.
    steps: Vec<(u64, Step)>,
    due: u64,
    began: u64,
    deadline: u64,
}

impl Working {
    pub(crate) fn due(&self) -> Option<u64> {
        let by = match self.work {
            Work::Launch | Work::Prepare => self.deadline + 1,
            Work::Drain(_) | Work::Keep => u64::MAX,
        };
        (!self.steps.is_empty()).then_some(self.due.min(by))
    }

    pub(crate) fn slept(&mut self, long: u64) {
        self.due += long;
        self.began += long;
    }
}

/// How a pipeline goes: fate 0 is well; 1 to 5 fail at that stage; others are slow.
fn pipeline(fate: usize, last: &[(u64, Step)]) -> Vec<(u64, Step)> {
    let slow = if fate == 7 { 200 * SECOND } else { 5 * SECOND };
    let mut steps = vec![
        (SECOND, Step::Configured),
        (SECOND, Step::Resolved),
        (if fate == 6 { 20 * MINUTE } else { slow }, Step::Pulled),
    ];
    steps.extend(last);
    let failure = match fate {
        1 => Some((0, Stage::Configure, Reason::SpecInvalid)),
        2 => Some((1, Stage::Resolve, Reason::ReferenceMissing)),
        3 => Some((2, Stage::Pull, Reason::ImageUnreachable)),
        4 => Some((4, Stage::Start, Reason::ServiceExited)),
        5 => Some((5, Stage::Health, Reason::Deadline)),
        _ => None,
    };
    if let Some((at, stage, reason)) = failure.filter(|(at, ..)| *at < steps.len()) {
        steps.truncate(at);
        steps.push((SECOND, Step::Failed(stage, reason)));
    }
    steps
}

impl World<'_> {
    pub(crate) fn begin_work(&mut self, work: Work) {
        let mut steps = match work {
            Work::Launch | Work::Prepare if self.setup.not_for_us => {
                vec![(SECOND, Step::NotForUs)]
            }
            Work::Launch => pipeline(
                self.tape.draw(16),
                &[
                    (0, Step::Permitted),
                    (2 * SECOND, Step::Started),
                    (5 * SECOND, Step::Healthy),
                ],
            ),
            Work::Prepare => {
                let mut steps = pipeline(self.tape.draw(16), &[(0, Step::Prepared)]);
                if steps.len() > 2 {
                    steps.insert(2, (SECOND, Step::Cleared));
                }
                steps
            }
            Work::Drain(why) => {
                let serves = self
                    .agent
                    .as_ref()
                    .is_some_and(|a| a.record.facts.served.is_some());
                let waits = match why {
                    _ if !serves => (0, Step::Stopped),
                    Why::Group { .. } => (SECOND, Step::Released),
                    Why::Notice {
                        notice: Notice::Spot,
                        ..
                    } => (SECOND, Step::Leaving),
                    Why::Notice { .. } => (DELAY, Step::Stopped),
                    Why::Shutdown => (0, Step::Stopped),
                };
                vec![waits, (5 * SECOND, Step::Stopped), (0, Step::Drained)]
            }
            // Whatever an interrupted drain has stopped serves again.
            Work::Keep if !self.machine.serving => vec![(2 * SECOND, Step::Restarted)],
            Work::Keep => vec![],
        };
        steps.reverse();
        self.check_begun(work);
        let now = self.now;
        let clock = self.machine.clock(now);
        let Some(agent) = &mut self.agent else { return };
        let facts = &agent.record.facts;
        let used = match agent.record.verdict() {
            Some(_) => 0,
            None => u64::try_from(facts.began.elapsed(&clock).as_millis()).unwrap_or(WHOLE),
        };
        let due = now + steps.last().map_or(0, |(long, _)| *long);
        agent.running.work = Some(Working {
            work,
            steps,
            due,
            began: now,
            deadline: now + (WHOLE - RESERVE).saturating_sub(used),
        });
    }

    /// The work's next step is done, or its time is up.
    pub(crate) fn work_on(&mut self) {
        let now = self.now;
        let Some(agent) = &mut self.agent else { return };
        let permitted = agent.running.permit;
        let Some(working) = &mut agent.running.work else {
            return;
        };
        let late = now > working.deadline && matches!(working.work, Work::Launch | Work::Prepare);
        let waits = working.steps.last().map(|(_, step)| *step);
        if late {
            let stage = Stage::Health;
            working.steps = vec![(0, Step::Failed(stage, Reason::Deadline))];
        } else if waits == Some(Step::Permitted) && !permitted && now < working.began + PATIENCE {
            working.due = now + SECOND;
            return;
        }
        let most = match waits {
            Some(Step::Released) => Some(MOST),
            Some(Step::Leaving) => Some(NOTICE),
            _ => None,
        };
        if most.is_some_and(|most| !self.is_released(most)) {
            return;
        }
        let Some(working) = self
            .agent
            .as_mut()
            .and_then(|agent| agent.running.work.as_mut())
        else {
            return;
        };
        let Some((_, step)) = working.steps.pop() else {
            return;
        };
        working.due = now + working.steps.last().map_or(0, |(long, _)| *long);
        self.tell(|| format!("   {step:?}"));
        self.stepped(step);
    }

    /// Whether the services may stop: the group says so, or it tells nothing for long.
    fn is_released(&mut self, most: u64) -> bool {
        let now = self.now;
        let described = self.described();
        let Some(working) = self
            .agent
            .as_mut()
            .and_then(|agent| agent.running.work.as_mut())
        else {
            return false;
        };
        working.due = now + 5 * SECOND;
        if now >= working.began + most {
            return true;
        }
        match described {
            Some(Some(state)) => {
                let hooked = state.ends_with(":Wait") || state.ends_with(":Proceed");
                let (pending, rests) = (state.starts_with("Pending"), state.starts_with("Warmed:"));
                // Else load balancers may still send requests.
                (hooked && !pending) || (rests && !state.ends_with("ing"))
            }
            Some(None) => true,
            None => now >= working.began + SILENCE + DELAY,
        }
    }

    fn stepped(&mut self, step: Step) {
        let wish = self.setup.wish.clone();
        let conduct = self.setup.conduct.clone();
        let event = match step {
            Step::Configured => Event::Learned(Fact::Configured {
                document: "services: …".to_owned(),
                timeout_ms: WHOLE,
                conduct,
            }),
            Step::Resolved => Event::Learned(Fact::Resolved(wish)),
            Step::Pulled => {
                self.machine.pulled = true;
                let mut events = vec![Event::Learned(Fact::Pulled(Images::new()))];
                // Nothing takes time after the last pull of a warm pool: the driver hears of both at once.
                if self.work_ends_with(Step::Prepared) {
                    events.push(self.proven(Kind::WarmEnter));
                }
                return self.feed_all(events);
            }
            Step::Cleared | Step::Stopped => return self.machine.stop_services(),
            Step::Permitted | Step::Released | Step::Leaving => return,
            Step::Started => {
                self.check_started();
                self.machine.serving = true;
                return;
            }
            Step::Restarted => return self.machine.serving = true,
            Step::Healthy => {
                self.machine.proven = true;
                self.machine.was_proven = true;
                if let Some(agent) = &mut self.agent {
                    agent.running.in_vain = false;
                }
                self.proven(Kind::Launch)
            }
            Step::Prepared => self.proven(Kind::WarmEnter),
            Step::Drained => self.proven(Kind::Terminate),
            Step::NotForUs => {
                self.end_work();
                Event::NotForUs
            }
            Step::Failed(stage, reason) => {
                self.end_work();
                // What was healthy before is started until it is again.
                let decided = |record: &Record| record.verdict().is_some();
                if let Some(agent) = self.agent.as_mut().filter(|a| decided(&a.record)) {
                    agent.running.in_vain = true;
                    self.die();
                    return self.begin_work(Work::Launch);
                }
                if let Some(agent) = &self.agent {
                    self.rules.excused(&agent.record);
                }
                Event::Worked(Err(failed(stage, reason)))
            }
        };
        self.feed_all(vec![event]);
    }

    fn end_work(&mut self) {
        if let Some(agent) = &mut self.agent {
            agent.running.work = None;
        }
    }

    fn work_ends_with(&self, step: Step) -> bool {
        let working = self
            .agent
            .as_ref()
            .and_then(|agent| agent.running.work.as_ref());
        working
            .is_some_and(|working| matches!(working.steps.as_slice(), [(0, last)] if *last == step))
    }

    fn proven(&mut self, kind: Kind) -> Event {
        self.end_work();
        let passage = self.group.passage(self.instant());
        self.rules.proven(kind, passage);
        Event::Worked(Ok(proof(kind)))
    }
}

/// What only the work itself can make, read as from a record.
fn proof(kind: Kind) -> Proof {
    let word = match kind {
        Kind::Launch => r#""healthy""#,
        Kind::WarmEnter => r#""prepared""#,
        Kind::WarmReturn | Kind::Terminate => r#""drained""#,
    };
    serde_json::from_str(word).expect("a proof's word in the record")
}
