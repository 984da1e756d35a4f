//! What is said while a launch goes on: stages, calls that fail, pulls, containers, probes.

use super::{
    ContainerEvent, PullProgress, Report,
    fields::{Event, Field},
    status::{self, millis},
    words,
};
use crate::{
    image::Images,
    retry::Class,
    verdict::{LaunchError, Stage},
};
use log::Level;
use std::{fmt, time::Duration};
use tokio::time::Instant;

/// Between two journal lines on one image's pull.
const PULL_LINES: Duration = Duration::from_secs(10);

impl Report {
    /// A stage begins.
    pub fn stage_started(&self, stage: Stage) {
        let mut shown = self.shown();
        shown.stage = Some(stage);
        let dropped = shown.status.stage_started(stage);
        shown.earlier_stages = shown.earlier_stages.saturating_sub(dropped);
        shown.doing(stage.as_str());
        match &mut shown.terminal {
            Some(terminal) => terminal.stage_started(stage),
            None => shown.say(Event::StageStarted, Level::Info, &[], "started"),
        }
        shown.save();
    }

    /// A stage is over.
    pub fn stage_ended(&self, stage: Stage, took: Duration, error: Option<&LaunchError>) {
        let mut shown = self.shown();
        shown.stage = Some(stage);
        shown.status.stage_ended(stage, took, error);
        if let Some(terminal) = &mut shown.terminal {
            terminal.stage_ended(stage, took, error);
        } else {
            let (ms, said) = (millis(took), words::duration(took));
            match error {
                None => {
                    let text = format!("done in {said}");
                    shown.say(
                        Event::StageEnded,
                        Level::Info,
                        &[(Field::Milliseconds, &ms)],
                        &text,
                    );
                }
                Some(LaunchError {
                    reason, message, ..
                }) => shown.say(
                    Event::StageFailed,
                    Level::Error,
                    &[(Field::Milliseconds, &ms), (Field::Reason, reason)],
                    &format!("failed after {said} ({reason}): {message}"),
                ),
            }
        }
        shown.stage = None;
        shown.save();
    }

    /// A call failed and will be tried again, `left` before its deadline.
    pub fn retrying(
        &self,
        what: &str,
        class: Class,
        attempt: u32,
        error: &dyn fmt::Display,
        left: Duration,
    ) {
        let mut shown = self.shown();
        let time = words::duration(left);
        let (event, text) = match class {
            Class::Throttled => {
                let count = shown.status.throttles.entry(what.into()).or_default();
                *count = count.saturating_add(1);
                let text = format!("throttled by {what}, attempt {attempt}, {time} left");
                (Event::Throttled, text)
            }
            Class::Transient | Class::Fatal => {
                let text = format!("{what} failed, attempt {attempt}, {time} left: {error}");
                (Event::Retrying, text)
            }
        };
        let left = millis(left);
        let fields: [(Field, &dyn fmt::Display); 3] = [
            (Field::Call, &what),
            (Field::Attempt, &attempt),
            (Field::LeftMilliseconds, &left),
        ];
        shown.say(event, Level::Warn, &fields, &text);
        shown.doing(&text);
    }

    /// How far a pull is. Call it as often as there is news.
    pub fn pull(&self, image: &str, progress: PullProgress) {
        let mut shown = self.shown();
        if let Some(terminal) = &mut shown.terminal {
            terminal.pull(image, progress);
            return;
        }
        let now = Instant::now();
        let last = *shown.pulls.entry(image.into()).or_insert(now);
        if now.duration_since(last) < PULL_LINES {
            return;
        }
        shown.pulls.insert(image.into(), now);
        let PullProgress {
            downloaded,
            total,
            extracted_layers,
            layers,
        } = progress;
        let text = format!(
            "{image}: {} of {}, {extracted_layers} of {layers} layers unpacked",
            words::bytes(downloaded),
            words::bytes(total)
        );
        let fields: [(Field, &dyn fmt::Display); 3] = [
            (Field::Image, &image),
            (Field::Bytes, &downloaded),
            (Field::BytesTotal, &total),
        ];
        shown.say(Event::Pulling, Level::Info, &fields, &text);
        shown.doing(&format!("pull {text}"));
    }

    /// A pull is over; `pinned` names the digest.
    pub fn pulled(&self, image: &str, pinned: &str, progress: PullProgress, took: Duration) {
        let mut shown = self.shown();
        shown.pulls.remove(image);
        if let Some(terminal) = &mut shown.terminal {
            terminal.pulled(image, progress, took);
            return;
        }
        let ms = millis(took);
        let fields: [(Field, &dyn fmt::Display); 4] = [
            (Field::Image, &image),
            (Field::Digest, &pinned),
            (Field::Bytes, &progress.downloaded),
            (Field::Milliseconds, &ms),
        ];
        let took = words::duration(took);
        // Of layers that are quickly here the engine says no sizes.
        let text = match progress.downloaded {
            0 => format!("{image} is {pinned}: pulled in {took}"),
            size => format!("{image} is {pinned}: {} in {took}", words::bytes(size)),
        };
        shown.say(Event::Pulled, Level::Info, &fields, &text);
    }

    /// Every container's image is here.
    pub fn images(&self, images: &Images) {
        let mut shown = self.shown();
        let named = images.iter().map(|(container, image)| status::Image {
            container: container.clone(),
            reference: image.reference.clone(),
            pinned: image.pinned.clone(),
        });
        shown.status.images = named.collect();
        shown.save();
    }

    /// A container was made, started, adopted, or became healthy.
    pub fn container(&self, name: &str, id: &str, what: ContainerEvent) {
        let mut shown = self.shown();
        shown.status.container(name, id, what);
        let fields: [(Field, &dyn fmt::Display); 2] =
            [(Field::Container, &name), (Field::ContainerId, &id)];
        let text = format!("{name} {}", what.as_str());
        shown.say(Event::Container, Level::Info, &fields, &text);
        shown.doing(&text);
    }

    /// A line that a task printed, secrets already replaced.
    pub fn task_line(&self, task: &str, line: &str) {
        let text = format!("{task}: {}", line.trim_end());
        self.shown().say(
            Event::Task,
            Level::Info,
            &[(Field::Container, &task)],
            &text,
        );
    }

    /// What a probe saw, when it differs from what the last one saw.
    pub fn probe(&self, service: &str, saw: &str) {
        let shown = self.shown();
        let text = format!("{service}: {saw}");
        shown.say(
            Event::Probe,
            Level::Info,
            &[(Field::Container, &service)],
            &text,
        );
        shown.doing(&text);
    }
}
