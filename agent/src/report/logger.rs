//! Where log lines go: the journal under systemd, else a person's log on stderr.
//!
//! Only the agent's own lines pass. Those of libraries stay out at every level: an HTTP or Docker
//! client may put a header or a body, and so a secret, into any of them.

use super::{fields::Field, words};
use indicatif::MultiProgress;
use log::{Level, LevelFilter, Log, Metadata, Record, kv::Key};
use std::io::{IsTerminal, Write};
use systemd_journal_logger::JournalLog;
use time::OffsetDateTime;

/// The target of the agent's lines; modules' own are below it.
pub(super) const TARGET: &str = "firstlight";

/// Where lines go.
pub(super) enum Logger {
    /// systemd's journal, with fields.
    Journal(JournalLog),
    /// stderr, plain: a file, a pipe.
    Plain,
    /// A terminal, above the bars of whatever is under way.
    Terminal {
        /// The bars.
        bars: MultiProgress,
        /// Whether colours are welcome.
        colour: bool,
    },
}

impl Logger {
    /// The right one for this process's stderr.
    pub(super) fn detect() -> Logger {
        if systemd_journal_logger::connected_to_journal()
            && let Ok(journal) = JournalLog::empty()
        {
            return Logger::Journal(journal.with_syslog_identifier(TARGET.into()));
        }
        let bars = MultiProgress::new();
        // Hidden bars swallow the lines above them: a dumb terminal gets plain lines.
        if std::io::stderr().is_terminal() && !bars.is_hidden() {
            return Logger::Terminal {
                bars,
                colour: colour_welcome(),
            };
        }
        Logger::Plain
    }

    /// The finest lines that are worth keeping there.
    pub(super) fn finest(&self) -> LevelFilter {
        match self {
            Logger::Journal(_) => LevelFilter::Debug,
            Logger::Plain | Logger::Terminal { .. } => LevelFilter::Info,
        }
    }

    /// The bars that lines must stay above, on a terminal.
    pub(super) fn bars(&self) -> Option<(MultiProgress, bool)> {
        match self {
            Logger::Terminal { bars, colour } => Some((bars.clone(), *colour)),
            Logger::Journal(_) | Logger::Plain => None,
        }
    }
}

/// Whether a terminal may be coloured: <https://no-color.org>, and `TERM=dumb`.
pub fn colour_welcome() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().strip_prefix(TARGET);
        // Here, too: what is said of a launch passes by the macros, which know the finest level.
        metadata.level() <= self.finest()
            && ours.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match self {
            Logger::Journal(journal) => journal.log(record),
            // A closed pipe is no reason to stop a launch.
            Logger::Plain => drop(writeln!(std::io::stderr(), "{}", line(record, false))),
            Logger::Terminal { bars, colour } => drop(bars.println(line(record, *colour))),
        }
    }

    fn flush(&self) {}
}

/// `12:01:02 pull: …`; further lines of a message are indented.
fn line(record: &Record<'_>, colour: bool) -> String {
    let (hour, minute, second) = OffsetDateTime::now_utc().to_hms();
    let stage = record
        .key_values()
        .get(Key::from_str(Field::Stage.as_str()));
    let stage = stage.map(|stage| format!("{stage}: ")).unwrap_or_default();
    let message = record.args().to_string();
    let message = words::tame(message.trim_end()).replace('\n', "\n         ");
    let (start, end) = match (colour, record.level()) {
        (true, Level::Error) => ("\u{1b}[31m", "\u{1b}[0m"),
        (true, Level::Warn) => ("\u{1b}[33m", "\u{1b}[0m"),
        (_, Level::Error | Level::Warn | Level::Info | Level::Debug | Level::Trace) => ("", ""),
    };
    format!("{hour:02}:{minute:02}:{second:02} {start}{stage}{message}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_time_and_stage_and_indents_the_rest() {
        let fields = [(Field::Stage.as_str(), "pull")];
        let said = |colour| {
            let record = Record::builder()
                .level(Level::Error)
                .args(format_args!("one\ntwo\u{1b}[2J\n"))
                .key_values(&fields)
                .build();
            line(&record, colour).split_off("12:01:02 ".len())
        };
        assert_eq!(said(false), "pull: one\n         two\u{fffd}[2J");
        assert_eq!(
            said(true),
            "\u{1b}[31mpull: one\n         two\u{fffd}[2J\u{1b}[0m"
        );
    }

    #[test]
    fn libraries_are_not_heard() {
        for (target, heard) in [
            ("firstlight", true),
            ("firstlight::report", true),
            ("firstlight_other", false),
            ("bollard::docker", false),
            ("hyper", false),
        ] {
            let metadata = Metadata::builder()
                .target(target)
                .level(Level::Error)
                .build();
            assert_eq!(Logger::Plain.enabled(&metadata), heard, "{target}");
        }
        let detail = Metadata::builder()
            .target(TARGET)
            .level(Level::Debug)
            .build();
        assert!(!Logger::Plain.enabled(&detail), "detail is the journal's");
    }
}
