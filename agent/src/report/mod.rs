//! What people see: journal, terminal, console, systemd, status file.
//!
//! Stages say what happened through [`Report`]; where it shows is decided here alone. What is said
//! holds no secret: callers have replaced every one before. Nothing here can fail a launch or hold it
//! up; what cannot be shown is not shown.
//!
//! To add something to say: a method on [`Report`] and an event in [`fields`]. To add a place where it
//! shows: a file here and a field in `Shown`.

mod console;
pub mod fields;
pub mod logger;
pub mod status;
mod systemd;
mod terminal;
pub mod words;

use crate::{
    context::Paths,
    image::Images,
    imds::Identity,
    retry::Class,
    verdict::{Exit, LaunchError, Reason, Stage},
};
use fields::{Event, Field};
use log::{Level, Record, kv::Value};
use logger::Logger;
use status::{Kind, Outcome, Status, millis};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Between two journal lines on one image's pull.
const PULL_LINES: Duration = Duration::from_secs(10);

/// A handle on everything people see. Cheap to clone. The default shows nothing but log lines.
#[derive(Debug, Clone, Default)]
pub struct Report(Arc<Mutex<Shown>>);

/// Sends log lines where they belong and gives the report of an agent that launches.
///
/// `root` is where the console is looked for: `ROOT/dev/console`.
pub fn init(root: &Path, paths: &Paths) -> Report {
    let terminal = log_lines().map(|(bars, colour)| terminal::Terminal::new(bars, colour));
    let before = status::read(&paths.var)
        .ok()
        .flatten()
        .map(|(_, status)| status);
    let before = before.map(Status::resume);
    Report(Arc::new(Mutex::new(Shown {
        earlier_stages: before.as_ref().map_or(0, |status| status.stages.len()),
        status: before.unwrap_or_default(),
        terminal,
        agent: Some(Places {
            var: paths.var.clone(),
            console: root.join("dev/console"),
        }),
        ..Shown::default()
    })))
}

/// Sends log lines where they belong and gives the report of a command that only looks.
pub fn looking() -> Report {
    log_lines();
    Report::default()
}

/// Installs the log; the bars, on a terminal.
fn log_lines() -> Option<(indicatif::MultiProgress, bool)> {
    let logger = Logger::detect();
    let bars = logger.bars();
    // A second installation is refused, and the first one serves.
    log::set_boxed_logger(Box::new(logger)).ok()?;
    log::set_max_level(log::LevelFilter::Info);
    bars
}

/// How far one image's pull is. Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullProgress {
    /// Downloaded so far.
    pub downloaded: u64,
    /// To download in all, as far as known.
    pub total: u64,
    /// Layers unpacked so far.
    pub extracted_layers: u32,
    /// Layers in all, as far as known.
    pub layers: u32,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerEvent {
    /// Made and started.
    Started,
    /// Found running with the right label, and left alone.
    Adopted,
    /// Healthy.
    Healthy,
    /// A task that exited 0.
    Finished,
    /// Stopped by the agent.
    Stopped,
}

impl ContainerEvent {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerEvent::Started => "started",
            ContainerEvent::Adopted => "adopted",
            ContainerEvent::Healthy => "healthy",
            ContainerEvent::Finished => "finished",
            ContainerEvent::Stopped => "stopped",
        }
    }
}

/// What is shown, and where.
#[derive(Debug)]
struct Shown {
    status: Status,
    /// How many of the stages the file of an earlier process told of.
    earlier_stages: usize,
    /// The stage under way.
    stage: Option<Stage>,
    /// When this process began.
    began: Instant,
    /// When each image's pull was last put into words.
    pulls: BTreeMap<String, Instant>,
    /// A verdict was reached or told by this process, so the console has news to tell.
    news: bool,
    terminal: Option<terminal::Terminal>,
    /// Where an agent shows more than log lines; `None` for commands that only look.
    agent: Option<Places>,
    /// The status file could not be written, and that was said.
    warned: bool,
}

/// Where an agent is seen beyond its log.
#[derive(Debug)]
struct Places {
    var: PathBuf,
    console: PathBuf,
}

impl Default for Shown {
    fn default() -> Shown {
        Shown {
            status: Status::default(),
            earlier_stages: 0,
            stage: None,
            began: Instant::now(),
            pulls: BTreeMap::new(),
            news: false,
            terminal: None,
            agent: None,
            warned: false,
        }
    }
}

impl Shown {
    /// A log line, with the fields that every line carries.
    fn say(&self, event: Event, level: Level, fields: &[(Field, &dyn fmt::Display)], text: &str) {
        let stage = self.stage.map(Stage::as_str);
        let mut pairs = vec![
            ("MESSAGE_ID", Value::from(event.message_id())),
            (Field::Event.as_str(), Value::from(event.as_str())),
        ];
        if let Some(instance) = &self.status.instance_id {
            pairs.push((Field::Instance.as_str(), Value::from(instance.as_str())));
        }
        if let Some(stage) = stage {
            pairs.push((Field::Stage.as_str(), Value::from(stage)));
        }
        pairs.extend(
            fields
                .iter()
                .map(|(field, value)| (field.as_str(), Value::from_dyn_display(*value))),
        );
        log::logger().log(
            &Record::builder()
                .level(level)
                .target(logger::TARGET)
                .args(format_args!("{text}"))
                .key_values(&pairs)
                .build(),
        );
    }

    /// Tells systemd what is going on.
    fn doing(&self, text: &str) {
        if self.agent.is_some() {
            systemd::status(text);
        }
    }

    /// Writes the status file; the first failure is said, the rest would say the same.
    fn save(&mut self) {
        let Some(Places { var, .. }) = &self.agent else {
            return;
        };
        let Err(error) = status::write(var, &self.status) else {
            return;
        };
        if !std::mem::replace(&mut self.warned, true) {
            let path = status::path(var);
            self.say(
                Event::Warning,
                Level::Warn,
                &[(Field::Warning, &"status_unwritable")],
                &format!(
                    "{} cannot be written ({error}); the launch goes on, and `firstlight status` will not tell of it",
                    path.display()
                ),
            );
        }
    }

    /// How long the launch has taken. Within one process by the monotonic clock; across several only
    /// the wall clock is left, which may have been set in between.
    fn took(&self) -> Duration {
        let here = self.began.elapsed();
        if self.status.resumed == 0 {
            return here;
        }
        status::since(&self.status.started_at).map_or(here, |whole| whole.max(here))
    }
}

impl Report {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        // A panic elsewhere leaves what is shown no worse than stale.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent's lock and record are open: boot may go on.
    pub fn ready(&self) {
        if self.shown().agent.is_some() {
            systemd::ready();
        }
    }

    /// The agent is asked to stop, and `left` is what it may still take.
    pub fn stopping(&self, left: Duration) {
        if self.shown().agent.is_some() {
            systemd::stopping(left);
        }
    }

    /// A stage begins.
    pub fn stage_started(&self, stage: Stage) {
        let mut shown = self.shown();
        shown.stage = Some(stage);
        shown.status.stage_started(stage);
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
        let (size, took) = (words::bytes(progress.downloaded), words::duration(took));
        let text = format!("{image} is {pinned}: {size} in {took}");
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

    /// The instance knows who it is. Another instance's status, baked into the image, is forgotten.
    pub fn identified(&self, me: &Identity) {
        let mut shown = self.shown();
        let status = &shown.status;
        let differs = |known: &Option<String>, is: &str| known.as_deref().is_some_and(|k| k != is);
        if differs(&status.instance_id, &me.instance_id) || differs(&status.image_id, &me.image_id)
        {
            shown.forget();
        }
        shown.status.instance_id = Some(me.instance_id.clone());
        shown.status.image_id = Some(me.image_id.clone());
        let Identity {
            instance_id,
            image_id,
            region,
            instance_type,
            ..
        } = me;
        let text = format!("{instance_id}, {instance_type} in {region}, from {image_id}");
        shown.say(Event::Identified, Level::Info, &[], &text);
    }

    /// Which transition of the instance this launch is. An earlier one's status is forgotten.
    pub fn began(&self, epoch: u64, boot_id: &str) {
        let mut shown = self.shown();
        if shown.status.epoch.is_some_and(|known| known != epoch) {
            let (instance, image) = (
                shown.status.instance_id.take(),
                shown.status.image_id.take(),
            );
            shown.forget();
            shown.status.instance_id = instance;
            shown.status.image_id = image;
        }
        shown.status.epoch = Some(epoch);
        shown.status.boot_id = Some(boot_id.into());
        let again = match shown.status.resumed {
            0 => String::new(),
            times => format!(", resumed {times} times"),
        };
        shown.say(
            Event::Began,
            Level::Info,
            &[(Field::Epoch, &epoch), (Field::Boot, &boot_id)],
            &format!("launch {epoch} of this instance{again}"),
        );
        shown.save();
    }

    /// Which group the verdict goes to, and through which hooks.
    pub fn group(&self, name: &str, hooks: &[impl AsRef<str>]) {
        let mut shown = self.shown();
        shown.status.group = Some(name.into());
        let hooks: Vec<&str> = hooks.iter().map(AsRef::as_ref).collect();
        let hooks = hooks.join(", ");
        let text = if hooks.is_empty() {
            format!("group {name} has no launch hook; nobody waits for the verdict")
        } else {
            format!("group {name} waits for the verdict through {hooks}")
        };
        let fields: [(Field, &dyn fmt::Display); 2] =
            [(Field::Group, &name), (Field::Hook, &hooks)];
        shown.say(Event::Group, Level::Info, &fields, &text);
    }

    /// The instance is in no group, so no hook is told.
    pub fn outside_group(&self) {
        let mut shown = self.shown();
        shown.status.group = None;
        let text = "this instance is in no Auto Scaling group; no hook is told";
        shown.say(Event::Group, Level::Info, &[], text);
    }

    /// A heartbeat was sent, or could not be.
    pub fn heartbeat(&self, hook: &str, sent: bool) {
        let mut shown = self.shown();
        let (level, text) = if sent {
            shown.status.heartbeats = shown.status.heartbeats.saturating_add(1);
            (Level::Debug, format!("heartbeat for {hook}"))
        } else {
            (
                Level::Warn,
                format!("heartbeat for {hook} was not taken; the next one may be"),
            )
        };
        shown.say(Event::Heartbeat, level, &[(Field::Hook, &hook)], &text);
    }

    /// The verdict is decided; `error` says why it is an ABANDON, or why there is none.
    pub fn verdict(&self, kind: Kind, error: Option<&LaunchError>) {
        let mut shown = self.shown();
        let took = shown.took();
        let reason = error.map(|error| error.reason);
        shown.news = true;
        shown.status.error = error.map(status::bounded);
        shown.status.verdict = status::Verdict {
            kind,
            reason,
            milliseconds: millis(took),
        };
        let ms = millis(took);
        let mut fields: Vec<(Field, &dyn fmt::Display)> = vec![(Field::Milliseconds, &ms)];
        let name = kind.as_str();
        fields.push((Field::Verdict, &name));
        if let Some(reason) = &reason {
            fields.push((Field::Reason, reason));
        }
        let (level, text) = decided(kind, reason, took);
        shown.say(Event::Verdict, level, &fields, &text);
        shown.doing(&text);
        shown.save();
    }

    /// Somebody was told the verdict, or could not be: `web/web-launch`, `stack web/Group`.
    pub fn delivered(&self, target: &str, outcome: Outcome) {
        let mut shown = self.shown();
        shown.news = true;
        shown.status.delivered(target, outcome);
        let (level, text) = match outcome {
            Outcome::Delivered => (Level::Info, format!("told {target}")),
            Outcome::Settled => (
                Level::Info,
                format!("{target} waits for no verdict any more"),
            ),
            Outcome::Denied => (Level::Error, format!("{target} could not be told: denied")),
            Outcome::Undelivered => (Level::Error, format!("{target} could not be told in time")),
        };
        let name = outcome.as_str();
        let fields: [(Field, &dyn fmt::Display); 2] =
            [(Field::Target, &target), (Field::Outcome, &name)];
        shown.say(Event::Delivered, level, &fields, &text);
        shown.save();
    }

    /// The agent's work on this launch is over. Once, as the last thing said of it.
    pub fn ended(&self, exit: Exit) {
        let mut shown = self.shown();
        shown.status.cut_off();
        shown.status.exit_code = Some(exit.code());
        if let Some(terminal) = &mut shown.terminal {
            terminal.ended();
        }
        shown.stage = None;
        let line = console::line(&shown.status, exit);
        let text = line.trim_end().trim_start_matches("firstlight: ");
        let level = if exit == Exit::Done {
            Level::Info
        } else {
            Level::Error
        };
        shown.say(Event::Ended, level, &[(Field::Exit, &exit.code())], text);
        shown.doing(text);
        shown.save();
        // A start after everything was said before (a reboot, a second run) is not the launch's end.
        if let Some(Places { console, .. }) = &shown.agent
            && (shown.news || shown.status.verdict.kind == Kind::None)
        {
            console::write(console, &line);
        }
    }

    /// Something to know, in words.
    pub fn info(&self, message: &str) {
        self.shown().say(Event::Info, Level::Info, &[], message);
    }

    /// Something to worry about, with a stable name.
    pub fn warn(&self, what: &'static str, message: &str) {
        self.shown().say(
            Event::Warning,
            Level::Warn,
            &[(Field::Warning, &what)],
            message,
        );
    }
}

impl Shown {
    /// What an earlier process told was another launch's.
    fn forget(&mut self) {
        self.status.restart(self.earlier_stages);
        self.earlier_stages = 0;
    }
}

/// The verdict as a line, and how loud.
fn decided(kind: Kind, reason: Option<Reason>, took: Duration) -> (Level, String) {
    let took = words::duration(took);
    match (kind, reason) {
        (Kind::Continue, _) => (Level::Info, format!("CONTINUE after {took}")),
        (Kind::Abandon, Some(reason)) => (Level::Error, format!("ABANDON after {took}: {reason}")),
        (Kind::Abandon, None) => (Level::Error, format!("ABANDON after {took}")),
        (Kind::None, Some(reason)) => (Level::Warn, format!("undecided after {took}: {reason}")),
        (Kind::None, None) => (Level::Info, "nothing to decide".into()),
    }
}

#[cfg(test)]
mod tests;
