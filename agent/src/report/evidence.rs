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
use std::{collections::BTreeSet, fmt, sync::Arc};
use time::OffsetDateTime;

/// The secrets that are known, and of which resolutions they are all. The default knows none of any.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// Replaces every one of them.
    pub redactor: Arc<Redactor>,
    /// The digests of these resolutions (see [`Resolution`]).
    pub digests: BTreeSet<String>,
    /// Since when nothing was made of any other resolution, in seconds since 1970; `None`: who knows.
    pub since: Option<i64>,
}

impl Hidden {
    /// For what a container prints that is labelled with this digest; `None` when it was given values that
    /// are not known: a secret may have been changed since it was made.
    pub fn of(&self, digest: Option<&str>) -> Option<&Redactor> {
        let known = self.digests.contains(digest?);
        known.then_some(&*self.redactor)
    }

    fn learn(&mut self, resolution: &Resolution) {
        Arc::make_mut(&mut self.redactor).learn(&resolution.redactor);
        self.digests.insert(resolution.digest.clone());
    }
}

impl Report {
    /// The references are resolved: what went in, for the status, and what to keep quiet about.
    ///
    /// What holds from here on: [`Report::hidden`] knows every secret among the values, and those of
    /// every resolution before. Text of foreign origin that the launch says was freed of them by
    /// whoever said it; what is read anew for evidence must pass through it.
    pub fn resolved(&self, resolution: &Resolution) {
        let mut shown = self.shown();
        // The next whole second: journals are read from one on.
        let now = || OffsetDateTime::now_utc().unix_timestamp() + 1;
        let first = || Hidden {
            since: Some(now()),
            ..Hidden::default()
        };
        shown.hidden.get_or_insert_with(first).learn(resolution);
        shown.status.spec_digest = Some(resolution.digest.clone());
        shown.status.versions.clone_from(&resolution.versions);
        shown.save();
    }

    /// Every secret that this process resolved; `None` before it has resolved a whole spec, when text of
    /// foreign origin may hold any.
    pub fn hidden(&self) -> Option<Hidden> {
        self.shown().hidden.clone()
    }

    /// Lets go of them: whoever was given them is stopped, and what is read from now on is not to be shown.
    pub fn unhide(&self) {
        self.shown().hidden = None;
    }

    /// Ends when the group is known, or was looked for in vain. A launch may fail before.
    pub async fn group_known(&self) {
        let mut sought = {
            let shown = self.shown();
            if shown.status.group.is_some() {
                return;
            }
            shown.sought.subscribe()
        };
        // The report outlives whoever waits for it.
        drop(sought.wait_for(|sought| *sought).await);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::example;
    use std::collections::BTreeMap;

    fn resolution(digest: &str, secret: &str) -> Resolution {
        let mut redactor = Redactor::default();
        redactor.add("ssm:/key", secret);
        Resolution {
            spec: example::spec(),
            versions: BTreeMap::new(),
            digest: digest.to_owned(),
            redactor: redactor.into(),
        }
    }

    /// What becomes of both secrets in the text of a container with this digest.
    fn shown(report: &Report, digest: Option<&str>) -> Option<String> {
        let hidden = report.hidden().unwrap_or_default();
        Some(hidden.of(digest)?.redact("hunter1 hunter2"))
    }

    #[test]
    fn text_passes_only_of_a_resolution_that_is_known() {
        let report = Report::default();
        assert_eq!(shown(&report, Some("one")), None);
        report.resolved(&resolution("two", "hunter2"));
        // The secret was changed after it was made, or nobody knows with what it was.
        assert_eq!(shown(&report, Some("one")), None);
        assert_eq!(shown(&report, None), None);
        let new = shown(&report, Some("two"));
        assert_eq!(new.as_deref(), Some("hunter1 {{ssm:/key}}"));
        // Changed back, in the same process: both are known from now on.
        report.resolved(&resolution("one", "hunter1"));
        let both = Some("{{ssm:/key}} {{ssm:/key}}");
        for digest in ["one", "two"] {
            assert_eq!(shown(&report, Some(digest)).as_deref(), both);
        }
        report.unhide();
        assert_eq!(shown(&report, Some("two")), None);
        assert!(report.hidden().is_none());
    }

    #[test]
    fn the_engine_was_given_nothing_else_since_the_first() {
        let report = Report::default();
        let before = OffsetDateTime::now_utc().unix_timestamp();
        report.resolved(&resolution("one", "hunter1"));
        let since = report.hidden().and_then(|hidden| hidden.since);
        assert!(since > Some(before), "{since:?}");
        report.resolved(&resolution("two", "hunter2"));
        assert_eq!(report.hidden().and_then(|hidden| hidden.since), since);
    }
}
