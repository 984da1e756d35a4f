//! What evidence of a failure needs of the report, and what the report says of it.

use super::{
    Report, console,
    fields::{Event, Field},
    page,
    status::{Evidence, LastLines, Status},
    story,
};
use crate::references::Resolution;
use firstlight_userdata::redact::Redactor;
use log::Level;
use std::{fmt, sync::Arc};

impl Report {
    /// The references are resolved: what went in, for the status, and what to keep quiet about.
    ///
    /// What holds from here on: [`Report::hidden`] knows every secret among the values, and those of
    /// every resolution before. Text of foreign origin that the launch says was freed of them by
    /// whoever said it; what is read anew for evidence must pass through it.
    pub fn resolved(&self, resolution: &Resolution) {
        let mut shown = self.shown();
        shown.hidden = Some(match shown.hidden.take() {
            None => Arc::clone(&resolution.redactor),
            Some(mut known) => {
                Arc::make_mut(&mut known).learn(&resolution.redactor);
                known
            }
        });
        shown.status.spec_digest = Some(resolution.digest.clone());
        shown.status.versions.clone_from(&resolution.versions);
        shown.save();
    }

    /// Replaces every secret that this process resolved; `None` before it has resolved a whole spec, when
    /// text of foreign origin may hold any.
    pub fn hidden(&self) -> Option<Arc<Redactor>> {
        self.shown().hidden.clone()
    }

    /// The last lines that this process said, oldest first.
    pub fn said(&self) -> String {
        self.shown().ring.borrow().text()
    }

    /// What the status file says.
    pub fn status(&self) -> Status {
        self.shown().status.clone()
    }

    /// What containers printed last, secrets replaced.
    pub fn last_lines(&self, last: Vec<LastLines>) {
        self.shown().status.last_lines = last;
    }

    /// Where the evidence of a failure lies. All that can be told of it is known now: the console gets its
    /// page.
    pub fn evidence(&self, evidence: Evidence) {
        let mut shown = self.shown();
        let at: &dyn fmt::Display = match &evidence {
            Evidence::Stored { at } => at,
            Evidence::NotAsked | Evidence::Missing { .. } => &"",
        };
        let level = match &evidence {
            Evidence::Stored { .. } | Evidence::NotAsked => Level::Info,
            Evidence::Missing { .. } => Level::Warn,
        };
        let text = format!("evidence: {}", story::evidence(&evidence));
        shown.say(Event::Evidence, level, &[(Field::Evidence, at)], &text);
        shown.doing(&text);
        shown.status.evidence = Some(evidence);
        shown.save();
        if let Some(error) = shown.status.error.clone() {
            let line = console::line(&shown.status, error.exit());
            let page = page::page(&shown.status);
            shown.page(&page, line);
        }
    }
}
