//! What comes about by itself: hooks open and time out, drains and shutdowns end.

use std::time::{Duration, Instant};

use super::Group;
use super::edge::Edge;
use super::history::{Author, Verdict};
use super::lifecycle::Lifecycle;
use super::terms::{Hook, Opens, Outcome, Pool};

/// A group's heartbeats may stretch a wait to at most this many time-outs (`GlobalTimeout` of DescribeLifecycleHooks).
const GLOBAL_TIMEOUT_FACTOR: u32 = 100;
/// …and never past this.
const GLOBAL_TIMEOUT_MOST: Duration = Duration::from_secs(172_800);

/// An open hook.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) hook: Hook,
    /// Which of the group's actions it is; its token is made of that.
    pub(super) number: usize,
    pub(super) due: Instant,
    pub(super) limit: Instant,
    pub(super) result: Option<Outcome>,
}

/// Where the instance is on its way.
#[derive(Debug)]
pub(super) enum Phase {
    /// It never was in the group.
    Outside,
    /// On an edge, before its hooks; `until` where it is time that ends it.
    Before {
        edge: Edge,
        since: Instant,
        until: Option<Instant>,
    },
    /// Held up by hooks.
    Wait {
        edge: Edge,
        since: Instant,
        actions: Vec<Action>,
    },
    /// Past the hooks, if there were any.
    Proceed {
        edge: Edge,
        held: bool,
        until: Option<Instant>,
    },
    /// At rest.
    Rest {
        state: Lifecycle,
        since: Instant,
        target: Option<&'static str>,
    },
}

impl Phase {
    pub(super) fn state(&self, pool: Pool) -> Option<Lifecycle> {
        Some(match self {
            Self::Outside => return None,
            Self::Before { edge, .. }
            | Self::Proceed {
                edge, held: false, ..
            } => edge.course(pool).before,
            Self::Wait { edge, .. } => {
                let course = edge.course(pool);
                course.held.map_or(course.before, |(_, wait, _)| wait)
            }
            Self::Proceed {
                edge, held: true, ..
            } => {
                let course = edge.course(pool);
                course.held.map_or(course.before, |(_, _, proceed)| proceed)
            }
            Self::Rest { state, .. } => *state,
        })
    }

    /// On the way, where it leads. The guide names eight targets; what metadata says while a root volume is replaced it
    /// does not tell, so the stage says what no agent can know. Out of the group there is none.
    pub(super) fn target(&self, pool: Pool) -> Option<&'static str> {
        match self {
            Self::Outside => None,
            Self::Before { edge, .. } | Self::Wait { edge, .. } | Self::Proceed { edge, .. } => {
                Some(edge.course(pool).to.name())
            }
            Self::Rest { target, .. } => *target,
        }
    }
}

impl Group {
    /// When something next comes about by itself, if nobody does anything.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Outside => None,
            Phase::Before { until, since, .. } => match self.plan.opens {
                Opens::AfterCompletions(count) if until.is_none() => {
                    (self.early >= count).then_some(*since)
                }
                Opens::After(_) | Opens::AfterCompletions(_) => *until,
            },
            Phase::Wait { actions, .. } => {
                let open = actions.iter().filter(|action| action.result.is_none());
                open.map(|action| action.due).min()
            }
            Phase::Proceed { until, .. } => *until,
            Phase::Rest { .. } => self.condemned,
        }
    }

    /// Carries out what time has brought about up to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(at) = self.due().filter(|at| *at <= now) {
            match &self.phase {
                Phase::Outside => return,
                // Completions that were too early open it when they come, not when it began.
                Phase::Before { edge, until, .. } => self.wait(*edge, until.unwrap_or(now)),
                Phase::Wait { .. } => self.time_out(at),
                Phase::Proceed { edge, .. } => self.arrive(*edge, at),
                Phase::Rest { .. } => self.begin(Edge::Terminate, at),
            }
        }
    }

    /// Sets out on an edge. Whatever held the instance up until now holds it no more.
    pub(super) fn begin(&mut self, edge: Edge, at: Instant) {
        let served = self.phase.state(self.plan.pool()) == Some(Lifecycle::InService);
        let lasts = match self.plan.opens {
            Opens::After(time) if edge.is_entry() => Some(time),
            Opens::AfterCompletions(_) if edge.is_entry() && self.holds(edge) => None,
            Opens::After(_) | Opens::AfterCompletions(_) if served => Some(self.plan.deregister),
            Opens::After(_) | Opens::AfterCompletions(_) => Some(Duration::ZERO),
        };
        self.early = 0;
        self.condemned = None;
        self.passages
            .push((at.saturating_duration_since(self.began), edge));
        self.phase = Phase::Before {
            edge,
            since: at,
            until: lasts.and_then(|time| at.checked_add(time)),
        };
    }

    fn holds(&self, edge: Edge) -> bool {
        edge.course(self.plan.pool()).held.is_some()
    }

    /// Opens the edge's hooks.
    fn wait(&mut self, edge: Edge, at: Instant) {
        let opened = self.passages.len() * self.plan.hooks.len();
        let held = edge.course(self.plan.pool()).held;
        let hooks = self.plan.hooks.iter().enumerate();
        let actions: Vec<Action> = hooks
            .filter(|(_, hook)| held.is_some_and(|(transition, ..)| hook.transition == transition))
            .map(|(number, hook)| Action {
                number: opened + number,
                due: at + hook.heartbeat_timeout,
                limit: at
                    + (hook.heartbeat_timeout * GLOBAL_TIMEOUT_FACTOR).min(GLOBAL_TIMEOUT_MOST),
                result: None,
                hook: hook.clone(),
            })
            .collect();
        if actions.is_empty() {
            self.proceed(edge, false, at);
        } else {
            self.phase = Phase::Wait {
                edge,
                since: at,
                actions,
            };
        }
    }

    /// Goes on when no hook holds the instance up any more, or one of them has abandoned it.
    pub(super) fn settle(&mut self, at: Instant) {
        let Phase::Wait { edge, actions, .. } = &self.phase else {
            return;
        };
        let edge = *edge;
        let abandoned = actions.iter().any(|a| a.result == Some(Outcome::Abandon));
        let open = actions.iter().any(|a| a.result.is_none());
        match (abandoned, edge.abandoned()) {
            (true, Some(other)) => self.begin(other, at),
            (true, None) => self.proceed(edge, true, at),
            (false, _) if open => {}
            (false, _) => self.proceed(edge, true, at),
        }
    }

    fn proceed(&mut self, edge: Edge, held: bool, at: Instant) {
        let lasts = match (edge.is_end(), held) {
            (true, _) => self.plan.shutdown,
            (false, true) => self.plan.proceed,
            (false, false) => Duration::ZERO,
        };
        self.phase = Phase::Proceed {
            edge,
            held,
            until: at.checked_add(lasts),
        };
    }

    fn time_out(&mut self, at: Instant) {
        let passage = self.passages.len().checked_sub(1);
        if let Phase::Wait { actions, .. } = &mut self.phase
            && let Some(action) = actions
                .iter_mut()
                .find(|action| action.result.is_none() && action.due <= at)
        {
            action.result = Some(action.hook.default_result);
            self.verdicts.push(Verdict {
                at: at.saturating_duration_since(self.began),
                hook: action.hook.name.clone(),
                outcome: action.hook.default_result,
                author: Author::TimeOut,
                refused: None,
                passage,
            });
        }
        self.settle(at);
    }

    fn arrive(&mut self, edge: Edge, at: Instant) {
        let to = edge.course(self.plan.pool()).to;
        self.rest(to, (to != Lifecycle::Detached).then_some(to.name()), at);
    }

    pub(super) fn rest(&mut self, state: Lifecycle, target: Option<&'static str>, at: Instant) {
        self.condemned = None;
        self.phase = Phase::Rest {
            state,
            since: at,
            target,
        };
    }
}
