//! What is said of the time after a verdict: what the agent watches for, what EC2 announces, services
//! that exit, draining.

use super::{
    Report,
    fields::{Event, Field},
    status::{self, Dead, Noticed, millis},
    story, words,
};
use crate::{lifecycle::Notice, verdict::Exit};
use log::Level;
use std::{fmt, time::Duration};

/// The most notices that are kept, the newest.
const NOTICES: usize = 16;

impl Report {
    /// The work of this transition is over, and the agent stays. `exit` is what it would leave with.
    pub fn resting(&self, exit: Exit) {
        self.over(exit);
        let mut shown = self.shown();
        shown.status.exit_code = None;
        shown.status.resting = true;
        let text = story::resting(&shown.status);
        shown.say(Event::Resting, Level::Info, &[], text);
        shown.doing(text);
        shown.save();
    }

    /// EC2 announced something, for a time in milliseconds since 1970 where that is told. Said once, however
    /// often it is heard.
    pub fn notice(&self, notice: Notice, at_ms: Option<u64>) {
        let mut shown = self.shown();
        let at = at_ms.and_then(status::at_millis);
        let known = |known: &Noticed| (known.notice, &known.at) == (notice, &at);
        if shown.status.notices.iter().any(known) {
            return;
        }
        let noticed = Noticed {
            notice,
            heard_at: status::now(),
            at,
        };
        let (name, text) = (notice.as_str(), story::notice(&noticed));
        shown.say(Event::Notice, Level::Warn, &[(Field::Notice, &name)], &text);
        shown.doing(&text);
        shown.status.notices.push(noticed);
        let surplus = shown.status.notices.len().saturating_sub(NOTICES);
        shown.status.notices.drain(..surplus);
        shown.save();
    }

    /// A service exited, with these words for how, and was started again: the how-manieth time since its
    /// launch.
    pub fn restarted(&self, service: &str, how: &str, times: u64) {
        let mut shown = self.shown();
        let dead = Dead {
            restarts: times,
            last_exit: words::cut(how, status::EXIT_WORDS).into_owned(),
            last_at: status::now(),
            keeps_dying: shown.status.keeps_dying(service),
        };
        let fields: [(Field, &dyn fmt::Display); 2] =
            [(Field::Container, &service), (Field::Times, &times)];
        let text = format!("{service} was started again, for the {times}. time: it {how}");
        shown.say(Event::Restarted, Level::Warn, &fields, &text);
        shown.status.dead.insert(service.into(), dead);
        shown.save();
    }

    /// A service exits again and again: so many times within so long.
    pub fn keeps_dying(&self, service: &str, exits: u64, within: Duration) {
        let mut shown = self.shown();
        let fields: [(Field, &dyn fmt::Display); 2] =
            [(Field::Container, &service), (Field::Times, &exits)];
        let text = format!(
            "{service} keeps dying: {exits} exits within {}",
            words::duration(within)
        );
        shown.say(Event::KeepsDying, Level::Error, &fields, &text);
        shown.doing(&text);
        if let Some(dead) = shown.status.dead.get_mut(service) {
            dead.keeps_dying = true;
        }
        shown.save();
    }

    /// The services are stopped, after that long.
    pub fn drained(&self, took: Duration) {
        let mut shown = self.shown();
        let ms = millis(took);
        let text = format!("drained in {}", words::duration(took));
        let fields: [(Field, &dyn fmt::Display); 1] = [(Field::Milliseconds, &ms)];
        shown.say(Event::Drained, Level::Info, &fields, &text);
        shown.doing(&text);
        shown.status.drained_at = Some(status::now());
        shown.save();
    }
}
