//! What is said of the launch as a whole: whose it is, what was decided, who was told, how it ended.

use super::{
    Report, console,
    fields::{Event, Field},
    status::{self, Kind, Outcome, millis},
    story, words,
};
use crate::{
    imds::Identity,
    lifecycle,
    verdict::{Exit, LaunchError, Reason},
};
use log::Level;
use std::{fmt, time::Duration};

impl Report {
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

    /// Which transition of the instance this is. What was said so far is history if it was of another: in
    /// this process, if [`Report::began`] was said before, else in an earlier one.
    pub fn began(&self, kind: lifecycle::Kind, epoch: u64, boot_id: &str) {
        let mut shown = self.shown();
        if shown.status.epoch.is_some_and(|known| known != epoch) {
            shown.next();
        }
        shown.begun = true;
        shown.status.epoch = Some(epoch);
        shown.status.transition = Some(kind);
        shown.status.boot_id = Some(boot_id.into());
        let again = match shown.status.resumed {
            0 => String::new(),
            times => format!(", resumed {times} times"),
        };
        let name = story::transition_name(kind);
        let fields: [(Field, &dyn fmt::Display); 3] = [
            (Field::Epoch, &epoch),
            (Field::Boot, &boot_id),
            (Field::Transition, &name),
        ];
        let what = story::transition(kind);
        let text = format!("{what}: transition {epoch} of this instance{again}");
        shown.say(Event::Began, Level::Info, &fields, &text);
        shown.save();
    }

    /// The instance's group was looked for: which it is, if that was found. Nothing is said of it before it is
    /// known who waits.
    pub fn group_sought(&self, found: Option<&str>) {
        let mut shown = self.shown();
        if let Some(name) = found {
            shown.status.group = Some(name.into());
        }
        shown.sought.send_replace(true);
    }

    /// Which group the verdict goes to, and through which hooks: `way` says of which kind, as in "launch".
    pub fn group(&self, name: &str, way: &str, hooks: &[impl AsRef<str>]) {
        let mut shown = self.shown();
        shown.status.group = Some(name.into());
        let hooks: Vec<&str> = hooks.iter().map(AsRef::as_ref).collect();
        let hooks = hooks.join(", ");
        let text = if hooks.is_empty() {
            format!("group {name} has no {way} hook; nobody waits for the verdict")
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

    /// An effect of the state machine was performed, or begun.
    pub fn performed(&self, effect: &'static str) {
        let text = format!("effect {effect}");
        self.shown().say(Event::Effect, Level::Debug, &[], &text);
    }

    /// A heartbeat was taken.
    pub fn heartbeat(&self, hook: &str) {
        let mut shown = self.shown();
        shown.status.heartbeats = shown.status.heartbeats.saturating_add(1);
        let text = format!("heartbeat for {hook}");
        shown.say(
            Event::Heartbeat,
            Level::Debug,
            &[(Field::Hook, &hook)],
            &text,
        );
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
        // Once the group has heard it, the instance may be gone at any moment.
        if let (Kind::Abandon, Some(error)) = (kind, error) {
            let line = console::line(&shown.status, error.exit());
            shown.console(line);
        }
    }

    /// This process could decide nothing, and why. What an earlier one decided stands.
    pub fn undecided(&self, error: &LaunchError) {
        if self.shown().status.verdict.kind == Kind::None {
            return self.verdict(Kind::None, Some(error));
        }
        let mut shown = self.shown();
        shown.news = true;
        shown.status.error = Some(status::bounded(error));
        let fields: [(Field, &dyn fmt::Display); 1] = [(Field::Reason, &error.reason)];
        shown.say(
            Event::StageFailed,
            Level::Error,
            &fields,
            &error.to_string(),
        );
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

    /// The agent's work is over, and it leaves. Once, as the last thing said.
    pub fn ended(&self, exit: Exit) {
        let text = self.over(exit);
        let mut shown = self.shown();
        shown.status.resting = false;
        shown.doing(&text);
        shown.save();
    }

    /// A transition is over; how, in a line.
    pub(super) fn over(&self, exit: Exit) -> String {
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
        let text = text.to_owned();
        // A start after everything was said before (a reboot, a second run) is not the launch's end.
        if shown.news || shown.status.verdict.kind == Kind::None {
            shown.console(line);
        }
        text
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
