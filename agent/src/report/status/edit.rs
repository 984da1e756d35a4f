//! How a status changes as a launch goes on.

use super::{
    Container, Delivery, Kind, Outcome, SCHEMA, StageOutcome, StageStatus, Status, Verdict,
    bounded, millis, now,
};
use crate::{
    report::ContainerEvent,
    verdict::{LaunchError, Stage},
};
use std::{collections::BTreeMap, time::Duration};

/// The most stages that are kept, the newest. Only an agent that is started over and over has more.
const STAGES: usize = 64;

/// A launch of which nothing is known yet.
impl Default for Status {
    fn default() -> Status {
        Status {
            schema: SCHEMA,
            agent_version: env!("CARGO_PKG_VERSION").into(),
            instance_id: None,
            image_id: None,
            boot_id: None,
            epoch: None,
            transition: None,
            started_at: now(),
            resumed: 0,
            group: None,
            stages: Vec::new(),
            spec_digest: None,
            versions: BTreeMap::new(),
            images: Vec::new(),
            containers: Vec::new(),
            heartbeats: 0,
            throttles: BTreeMap::new(),
            error: None,
            last_lines: Vec::new(),
            evidence: None,
            verdict: Verdict {
                kind: Kind::None,
                reason: None,
                milliseconds: 0,
            },
            delivery: Vec::new(),
            exit_code: None,
            resting: false,
            notices: Vec::new(),
            drained_at: None,
            dead: BTreeMap::new(),
            history: Vec::new(),
        }
    }
}

impl Status {
    /// The same launch in a new process: what was running was cut off.
    pub(in crate::report) fn resume(self) -> Status {
        let mut status = Status {
            agent_version: env!("CARGO_PKG_VERSION").into(),
            resumed: self.resumed.saturating_add(1),
            exit_code: None,
            resting: false,
            ..self
        };
        status.cut_off();
        status
    }

    /// Whatever still runs has been cut off.
    pub(in crate::report) fn cut_off(&mut self) {
        for stage in &mut self.stages {
            if stage.outcome == StageOutcome::Running {
                stage.outcome = StageOutcome::CutOff;
            }
        }
    }

    /// The stages of this process alone: its launch turned out to be another than the file's.
    pub(in crate::report) fn restart(&mut self, before: usize) {
        *self = Status {
            stages: self.stages.split_off(before.min(self.stages.len())),
            ..Status::default()
        };
        if let Some(first) = self.stages.first() {
            self.started_at.clone_from(&first.started_at);
        }
    }

    /// How many of the oldest stages made room for it.
    pub(in crate::report) fn stage_started(&mut self, stage: Stage) -> usize {
        self.resting = false;
        self.stages.push(StageStatus {
            stage,
            started_at: now(),
            milliseconds: None,
            outcome: StageOutcome::Running,
        });
        let surplus = self.stages.len().saturating_sub(STAGES);
        self.stages.drain(..surplus);
        surplus
    }

    pub(in crate::report) fn stage_ended(
        &mut self,
        stage: Stage,
        took: Duration,
        error: Option<&LaunchError>,
    ) {
        let running = |s: &&mut StageStatus| s.stage == stage && s.outcome == StageOutcome::Running;
        if let Some(ended) = self.stages.iter_mut().rev().find(running) {
            ended.milliseconds = Some(millis(took));
            ended.outcome = StageOutcome::of(error);
        }
        if let Some(error) = error {
            self.error = Some(bounded(error));
        }
    }

    pub(in crate::report) fn container(&mut self, name: &str, id: &str, state: ContainerEvent) {
        self.containers
            .retain(|container| container.name != name || container.id == id);
        if let Some(known) = self.containers.iter_mut().find(|known| known.name == name) {
            known.state = state;
        } else {
            self.containers.push(Container {
                name: name.into(),
                id: id.into(),
                state,
            });
        }
    }

    pub(in crate::report) fn delivered(&mut self, target: &str, outcome: Outcome) {
        self.delivery.retain(|delivery| delivery.target != target);
        self.delivery.push(Delivery {
            target: target.into(),
            outcome,
        });
    }
}
