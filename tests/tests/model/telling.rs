//! Whom to tell, keeping them waiting, and telling them: what `signal` does over a network that chance rules.

use firstlight::imds::TargetState;
use firstlight::lifecycle::{Event, Fact, Joined, Kind, Recipient, Settled, Unjoined};
use firstlight::signal::reconcile::{Next, leads_to, next, next_unsaid};
use firstlight::verdict::{Reason, Stage};
use firstlight_tests::stage::{
    Hook, Outcome,
    group::terms::{Subject, Transition},
};

use crate::agent::failed;
use crate::world::{MINUTE, SECOND, World};

/// Between two attempts.
pub(crate) const PAUSE: u64 = 5 * SECOND;
/// After that long a refusal counts as a sign that the hook is done.
pub(crate) const PATIENCE: u64 = 2 * MINUTE;
/// How long is tried.
const DEADLINE: u64 = 15 * MINUTE;
/// The same on a way out, whose hooks open after load balancers are done.
const MOST: u64 = 65 * MINUTE;

/// Finding out whom to tell.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) due: u64,
    until: u64,
}

impl Joining {
    pub(crate) const fn at(now: u64) -> Self {
        Self {
            due: now + 200,
            until: now + DEADLINE,
        }
    }
}

/// Heartbeats to one hook.
#[derive(Debug)]
pub(crate) struct Beat {
    pub(crate) due: u64,
    hook: String,
}

impl Beat {
    pub(crate) fn of(recipients: &[Recipient], now: u64) -> Vec<Self> {
        let hooks = recipients.iter().filter_map(|recipient| match recipient {
            Recipient::Hook { hook, .. } => Some(hook.clone()),
            Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => None,
        });
        hooks.map(|hook| Self { due: now, hook }).collect()
    }
}

/// A verdict on its way to one recipient.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) to: Recipient,
    pub(crate) due: u64,
    go: bool,
    kind: Kind,
    /// It may have arrived.
    sent: bool,
    /// Since when, while the group says where it has the instance, or while it does not.
    refused: Option<(bool, u64)>,
    deadline: u64,
}

impl Telling {
    pub(crate) fn slept(&mut self, long: u64) {
        self.due += long;
        self.deadline += long;
        if let Some((_, since)) = &mut self.refused {
            *since += long;
        }
    }
}

pub(crate) fn me() -> Subject {
    Subject::Instance("i-1".to_owned())
}

fn recipient(hook: &str) -> Recipient {
    Recipient::Hook {
        group: "web".to_owned(),
        hook: hook.to_owned(),
    }
}

impl World<'_> {
    /// Looks who is to be told, until there is an answer.
    pub(crate) fn join_on(&mut self) {
        let listed = self.state().is_some_and(|state| state.is_listed());
        let target = self.target().is_some() && self.net.metadata;
        let (now, hooks) = (self.now, self.group.hooks().to_vec());
        let reached = self.net.aws && !self.net.throttled;
        let fate = self.tape.draw(24);
        let Some(agent) = &mut self.agent else { return };
        let running = &mut agent.running;
        let Some(joining) = &mut running.join else {
            return;
        };
        // What had no target when it was looked for was looked for too early.
        if matches!(running.member, Some(None)) && agent.record.facts.target.is_some() {
            running.member = None;
        }
        if running.member.is_none() {
            match (reached, listed, target) {
                (true, true, _) => running.member = Some(Some(hooks)),
                (true, false, false) => running.member = Some(None),
                _ if now < joining.until => {
                    joining.due = now + PAUSE;
                    return;
                }
                _ => {}
            }
        }
        running.join = None;
        let all = |kind: Kind| -> Vec<Recipient> {
            let way = if kind.is_entry() {
                Transition::Launching
            } else {
                Transition::Terminating
            };
            let known = running.member.iter().flatten().flatten();
            let held = known.filter(|hook| hook.transition == way);
            held.map(|hook| recipient(&hook.name)).collect()
        };
        let kind = agent.record.transition.kind;
        let all = all(kind);
        let wish = agent.record.facts.signal.as_ref();
        let named = wish.map(|wish| {
            if kind.is_entry() {
                &wish.launching
            } else {
                &wish.terminating
            }
        });
        let error = failed(Stage::Signal, Reason::HookUnknown);
        let joined = match (&running.member, fate) {
            (None, _) => Err(Unjoined {
                error,
                waiting: None,
            }),
            (Some(_), 1) => Err(Unjoined {
                error,
                waiting: Some(all),
            }),
            (Some(_), 2) => {
                running.member = None;
                Err(Unjoined {
                    error,
                    waiting: None,
                })
            }
            (Some(Some(_)), 3) => Ok(vec![Recipient::Unknown { why: String::new() }]),
            (Some(None), _) => Ok(vec![]),
            (Some(Some(_)), _) => match named {
                Some(named) if !named.is_empty() => {
                    Ok(named.iter().map(|n| recipient(n)).collect())
                }
                Some(_) if all.len() > 1 => Err(Unjoined {
                    error,
                    waiting: Some(all),
                }),
                Some(_) | None => Ok(all),
            },
        };
        if joined.is_err() {
            self.rules.excused(&agent.record);
        }
        let member = matches!(running.member, Some(Some(_)));
        let joined = joined.map(|recipients| Joined { recipients, member });
        self.feed_all(vec![Event::Joined(joined)]);
    }

    /// A heartbeat; refused, it is tried again soon.
    pub(crate) fn beat(&mut self, number: usize) {
        let (now, instant, reached) = (
            self.now,
            self.instant(),
            self.net.aws && !self.net.throttled,
        );
        let Some(beat) = self
            .agent
            .as_mut()
            .and_then(|agent| agent.running.beats.get_mut(number))
        else {
            return;
        };
        let taken = reached
            && !self.setup.mute
            && self
                .group
                .heartbeat("web", &beat.hook, &me(), instant)
                .is_ok();
        let time_out = self
            .group
            .hooks()
            .iter()
            .find(|hook| hook.name == beat.hook);
        let time_out = time_out.map_or(180, |hook: &Hook| hook.heartbeat_timeout.as_secs());
        let regular = (time_out * SECOND / 3).min(5 * MINUTE);
        beat.due = now
            + if taken {
                regular
            } else {
                regular.min(10 * SECOND)
            };
        if taken {
            self.cover.beats += 1;
        }
    }

    pub(crate) fn signal(&mut self, to: Recipient, go: bool, again: bool) {
        let Some(agent) = &self.agent else { return };
        self.rules
            .signals(&agent.record, &to, go, self.machine.disk.as_ref());
        let kind = agent.record.transition.kind;
        let now = self.now;
        if let Some(agent) = &mut self.agent {
            agent.running.signal = Some(Telling {
                to,
                due: now,
                go,
                kind,
                sent: again,
                refused: None,
                deadline: now + if kind.is_entry() { DEADLINE } else { MOST },
            });
        }
    }

    /// An attempt to tell, and what comes of it.
    pub(crate) fn signal_on(&mut self) {
        let Some((settled, elsewhere)) = self.attempt() else {
            return;
        };
        let Some(telling) = self
            .agent
            .as_mut()
            .and_then(|agent| agent.running.signal.take())
        else {
            return;
        };
        self.tell(|| format!("   {}: {settled:?}", telling.to));
        let target = elsewhere.map(|target| {
            self.seen(&target);
            Event::Target(target)
        });
        let told = Event::Signalled(telling.to, settled);
        self.feed_all([told].into_iter().chain(target).collect());
    }

    fn attempt(&mut self) -> Option<(Settled, Option<TargetState>)> {
        let target = self.target().filter(|_| self.net.metadata);
        let target = target.map(|target| TargetState::from(target.to_owned()));
        let described = self.described();
        let ended = |settled| Some((settled, None));
        let fate = self.tape.draw(12);
        let (now, denied, told) = (self.now, self.setup.denied, self.net.metadata);
        let reached = self.net.aws;
        let throttled = self.net.throttled || fate == 3;
        let telling = self.agent.as_mut()?.running.signal.as_mut()?;
        let Recipient::Hook { hook, .. } = &telling.to else {
            return ended(Settled::Failed(failed(Stage::Signal, Reason::SignalDenied)));
        };
        if now > telling.deadline {
            return ended(Settled::Failed(failed(
                Stage::Signal,
                Reason::SignalUndelivered,
            )));
        }
        telling.due = now + PAUSE;
        let riddle = matches!(target, Some(TargetState::Unknown(_)));
        let elsewhere = target.filter(|target| !riddle && !leads_to(telling.kind, target));
        if elsewhere.is_some() {
            return Some((Settled::Needless("elsewhere".to_owned()), elsewhere));
        }
        if !told || riddle {
            return None;
        }
        if !reached || fate == 1 {
            telling.sent = true;
            return None;
        }
        if throttled {
            return None;
        }
        if denied {
            return ended(Settled::Failed(failed(Stage::Signal, Reason::SignalDenied)));
        }
        let (hook, go, kind, sent) = (hook.clone(), telling.go, telling.kind, telling.sent);
        let since = telling
            .refused
            .filter(|(said, _)| *said == described.is_some());
        let taken = self.complete(&hook, go);
        let telling = self.agent.as_mut()?.running.signal.as_mut()?;
        if fate == 2 {
            telling.sent = true;
            return None;
        }
        if taken {
            return ended(Settled::Delivered);
        }
        let since = since.unwrap_or((described.is_some(), now));
        telling.refused = Some(since);
        let waited = now - since.1 >= PATIENCE;
        let next = match described {
            Some(state) => next(kind, state.as_deref(), sent, waited),
            None => next_unsaid(kind, waited),
        };
        match next {
            Next::Again => None,
            Next::Early => {
                telling.sent = false;
                telling.refused = None;
                None
            }
            Next::Settled(why) => ended(Settled::Needless(why.to_owned())),
        }
    }

    /// CompleteLifecycleAction, by the agent.
    fn complete(&mut self, hook: &str, go: bool) -> bool {
        let outcome = if go {
            Outcome::Continue
        } else {
            Outcome::Abandon
        };
        let now = self.instant();
        let passage = self.group.passage(now);
        let taken = self
            .group
            .complete("web", hook, &me(), outcome, now)
            .is_ok();
        self.tell(|| {
            format!(
                "   {outcome} for {hook}: {}",
                if taken { "counted" } else { "refused" }
            )
        });
        if let (true, Some((number, edge))) = (taken, passage) {
            self.check_counted(hook, go, number, edge);
            self.cover.counted(edge, go);
        }
        taken
    }

    /// The same, by somebody else.
    pub(crate) fn complete_as_other(&mut self, hook: &str) {
        let now = self.instant();
        drop(
            self.group
                .complete("web", hook, &me(), Outcome::Continue, now),
        );
    }

    /// SetInstanceHealth.
    pub(crate) fn report_unhealthy(&mut self) {
        if self.net.aws && !self.net.throttled {
            let now = self.instant();
            self.group.set_health("Unhealthy", Some(false), now);
        }
    }

    /// A service exits again and again.
    pub(crate) fn die(&mut self) {
        self.feed_all(vec![Event::Learned(Fact::Dying("web".to_owned()))]);
    }
}
