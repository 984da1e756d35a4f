//! What is shown and where: the state behind every [`super::Report`].

use super::{
    console,
    evidence::Hidden,
    fields::{Event, Field},
    logger,
    ring::Ring,
    status::{self, Status},
    systemd, terminal,
};
use crate::verdict::Stage;
use log::{Level, Record, kv::Value};
use std::{cell::RefCell, collections::BTreeMap, fmt, io, path::PathBuf, time::Duration};
use tokio::{sync::watch, time::Instant};

/// What is shown, and where.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) status: Status,
    /// How many of the stages the file of an earlier process told of.
    pub(super) earlier_stages: usize,
    /// The stage under way.
    pub(super) stage: Option<Stage>,
    /// When this process began, or the transition if that was later.
    pub(super) began: Instant,
    /// This process has said which transition it is at.
    pub(super) begun: bool,
    /// The group of this transition was looked for.
    pub(super) sought: watch::Sender<bool>,
    /// The last lines that were said.
    pub(super) ring: RefCell<Ring>,
    /// Every secret that was resolved in this process, until nobody has them any more.
    pub(super) hidden: Option<Hidden>,
    /// When each image's pull was last put into words.
    pub(super) pulls: BTreeMap<String, Instant>,
    /// A verdict was reached or told by this process, so the console has news to tell.
    pub(super) news: bool,
    /// What the console was told last.
    pub(super) consoled: Option<String>,
    pub(super) terminal: Option<terminal::Terminal>,
    /// Where an agent shows more than log lines; `None` for commands that only look.
    pub(super) agent: Option<Places>,
    /// The status file could not be written, and that was said.
    pub(super) warned: bool,
}

/// Where an agent is seen beyond its log.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) var: PathBuf,
    pub(super) console: PathBuf,
}

impl Default for Shown {
    fn default() -> Shown {
        Shown {
            status: Status::default(),
            earlier_stages: 0,
            stage: None,
            began: Instant::now(),
            begun: false,
            sought: watch::Sender::new(false),
            ring: RefCell::default(),
            hidden: None,
            pulls: BTreeMap::new(),
            news: false,
            consoled: None,
            terminal: None,
            agent: None,
            warned: false,
        }
    }
}

impl Shown {
    /// A log line, with the fields that every line carries.
    pub(super) fn say(
        &self,
        event: Event,
        level: Level,
        fields: &[(Field, &dyn fmt::Display)],
        text: &str,
    ) {
        self.ring.borrow_mut().push(level, event, self.stage, text);
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

    /// A line for the serial console, unless it is what was said there last.
    pub(super) fn console(&mut self, line: String) {
        let Some(Places { console, .. }) = &self.agent else {
            return;
        };
        if self.consoled.as_ref() != Some(&line) {
            self.unheard("the console", console::write(console, &line));
            self.consoled = Some(line);
        }
    }

    /// A page for the serial console, and below it the line, which stays the last there.
    pub(super) fn page(&mut self, page: &str, line: String) {
        let Some(Places { console, .. }) = &self.agent else {
            return;
        };
        let written = console::write(console, &format!("{page}{line}"));
        self.unheard("the console", written);
        self.consoled = Some(line);
    }

    /// Tells systemd what is going on.
    pub(super) fn doing(&self, text: &str) {
        if self.agent.is_some() {
            self.unheard("systemd", systemd::status(text));
        }
    }

    /// That somebody could not be told what is shown elsewhere too: detail, which holds nothing up.
    pub(super) fn unheard(&self, who: &str, told: io::Result<()>) {
        if let Err(error) = told {
            let text = format!("{who} could not be told: {error}");
            self.say(Event::Info, Level::Debug, &[], &text);
        }
    }

    /// Writes the status file; the first failure is said, the rest would say the same.
    pub(super) fn save(&mut self) {
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
    pub(super) fn took(&self) -> Duration {
        let here = self.began.elapsed();
        if self.status.resumed == 0 {
            return here;
        }
        status::since(&self.status.started_at).map_or(here, |whole| whole.max(here))
    }

    /// What an earlier process told was another instance's.
    pub(super) fn forget(&mut self) {
        self.status.restart(self.earlier_stages);
        self.earlier_stages = 0;
    }

    /// Another transition of this instance begins.
    pub(super) fn next(&mut self) {
        let before = if self.begun {
            self.began = Instant::now();
            self.status.stages.len()
        } else {
            self.earlier_stages
        };
        self.status.next(before);
        self.earlier_stages = 0;
        self.sought.send_replace(false);
        self.news = false;
        self.consoled = None;
    }
}
