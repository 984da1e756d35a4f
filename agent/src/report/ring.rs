//! The last lines that were said, kept in memory: evidence that needs neither journal nor disk.

use super::{fields::Event, status, words};
use crate::verdict::Stage;
use log::Level;
use std::collections::VecDeque;

/// The most that is kept, in lines.
const LINES: usize = 1000;
/// The most that is kept, in bytes.
const BYTES: usize = 256 * 1024;
/// The longest line, in bytes: an error that lists much is whole in the status.
const LINE: usize = 4 * 1024;

/// The newest lines, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Ring {
    /// `2026-11-21T01:02:03.004Z warn throttled resolve: …`; further lines of a text are indented.
    pub(super) fn push(&mut self, level: Level, event: Event, stage: Option<Stage>, text: &str) {
        let (level, event) = (level.as_str().to_lowercase(), event.as_str());
        let stage = stage.map(|stage| format!(" {stage}")).unwrap_or_default();
        let text = words::cut(text.trim_end(), LINE).replace('\n', "\n  ");
        let line = format!("{} {level} {event}{stage}: {text}", status::now());
        self.bytes = self.bytes.saturating_add(line.len());
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > BYTES {
            let gone = self.lines.pop_front().unwrap_or_default();
            self.bytes = self.bytes.saturating_sub(gone.len());
        }
    }

    /// All of them, each with its line end.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes.saturating_add(self.lines.len()));
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_when_how_loud_and_where() {
        let mut ring = Ring::default();
        ring.push(
            Level::Warn,
            Event::Throttled,
            Some(Stage::Resolve),
            "one\ntwo\n",
        );
        ring.push(Level::Info, Event::Info, None, "three");
        let text = ring.text();
        let mut lines = text
            .lines()
            .map(|line| line.split_once("Z ").unwrap_or(("", line)).1);
        assert_eq!(lines.next(), Some("warn throttled resolve: one"));
        assert_eq!(lines.next(), Some("  two"));
        assert_eq!(lines.next(), Some("info info: three"));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stays() {
        let mut ring = Ring::default();
        for nth in 0..LINES * 2 {
            ring.push(Level::Info, Event::Info, None, &format!("line {nth}"));
        }
        assert_eq!(ring.lines.len(), LINES);
        let long = "x".repeat(LINE * 2);
        for _ in 0..LINES {
            ring.push(Level::Info, Event::Info, None, &long);
        }
        ring.push(Level::Info, Event::Info, None, "the end");
        assert!(
            ring.bytes <= BYTES && ring.lines.len() < LINES,
            "{}",
            ring.bytes
        );
        assert_eq!(
            ring.bytes,
            ring.lines.iter().map(String::len).sum::<usize>()
        );
        assert!(ring.text().ends_with("the end\n"));
    }
}
