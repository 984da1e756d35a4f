//! A container's output, cut into lines: the last ones are kept, for its last words.
//!
//! Bytes in, whole lines out, without I/O. Memory is bounded whatever a container prints.

use firstlight_userdata::redact::Redactor;
use std::collections::VecDeque;

/// How many lines are kept of a container that is watched.
pub(super) const KEPT: usize = 20;
/// How much of a line is shown, in bytes.
const SHOWN: usize = 4 * 1024;
/// How much of a line is read, in bytes: what is shown and the largest secret (64 KiB in Secrets
/// Manager), so that a secret at the end of what is shown is whole when it is looked for.
const READ: usize = SHOWN + 64 * 1024;

/// The two streams, and the last lines of both.
#[derive(Debug)]
pub(super) struct Lines {
    out: Unfinished,
    err: Unfinished,
    last: VecDeque<String>,
    kept: usize,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::keeping(KEPT)
    }
}

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

impl Lines {
    /// Keeps that many, one at least.
    pub(super) fn keeping(kept: usize) -> Lines {
        Lines {
            out: Unfinished::default(),
            err: Unfinished::default(),
            last: VecDeque::new(),
            kept,
        }
    }

    /// Takes what was read from one stream and says each line that it finishes.
    pub(super) fn feed(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        redact: &Redactor,
        mut say: impl FnMut(&str),
    ) {
        let (last, kept) = (&mut self.last, self.kept);
        let unfinished = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        unfinished.feed(bytes, |line| keep(last, kept, line, redact, &mut say));
    }

    /// The streams are over: what has no newline is a line too.
    pub(super) fn end(&mut self, redact: &Redactor, mut say: impl FnMut(&str)) {
        for unfinished in [&mut self.out, &mut self.err] {
            if !unfinished.line.is_empty() {
                let (last, line) = (&mut self.last, &unfinished.line);
                keep(last, self.kept, line, redact, &mut say);
                unfinished.line.clear();
            }
        }
    }

    /// The last lines, oldest first.
    pub(super) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

fn keep(
    last: &mut VecDeque<String>,
    kept: usize,
    line: &[u8],
    redact: &Redactor,
    say: &mut impl FnMut(&str),
) {
    let line = shown(line, redact);
    say(&line);
    if last.len() >= kept {
        last.pop_front();
    }
    last.push_back(line);
}

/// A line fit for people: secrets out, nothing that steers a terminal, not too long.
fn shown(line: &[u8], redact: &Redactor) -> String {
    let text = String::from_utf8_lossy(line);
    let text = redact.redact(text.trim_end_matches('\r'));
    let mut text: String = text
        .chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN));
        text.push('…');
    }
    text
}

/// The beginning of a line whose end was not read yet.
#[derive(Debug, Default)]
struct Unfinished {
    line: Vec<u8>,
}

impl Unfinished {
    fn feed(&mut self, bytes: &[u8], mut finish: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ended) = match piece.strip_suffix(b"\n") {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            let room = READ.saturating_sub(self.line.len());
            self.line.extend(piece.iter().take(room));
            if ended {
                finish(&self.line);
                self.line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, redact) = (Lines::default(), Redactor::default());
        let mut said = Vec::new();
        for piece in pieces {
            lines.feed(Stream::Out, piece, &redact, |line| {
                said.push(line.to_owned())
            });
        }
        lines.end(&redact, |line| said.push(line.to_owned()));
        said
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        for (pieces, want) in [
            (&[&b"one\ntwo\n"[..]][..], &["one", "two"][..]),
            (&[b"on", b"e\r\nt", b"wo"], &["one", "two"]),
            (&[b"caf\xc3", b"\xa9\n"], &["café"]),
            (&[b"\n\n"], &["", ""]),
            (&[b"\x1b[31mred\n"], &["\u{fffd}[31mred"]),
            (&[b"\xff\n"], &["\u{fffd}"]),
            (&[], &[]),
        ] {
            assert_eq!(said(pieces), want, "{pieces:?}");
        }
    }

    #[test]
    fn streams_do_not_mix_within_a_line() {
        let (mut lines, redact) = (Lines::default(), Redactor::default());
        lines.feed(Stream::Out, b"ou", &redact, |_| {});
        lines.feed(Stream::Err, b"err\n", &redact, |_| {});
        lines.feed(Stream::Out, b"t\n", &redact, |_| {});
        assert_eq!(lines.last(), ["err", "out"]);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut lines, redact) = (Lines::default(), Redactor::default());
        for _ in 0..100 {
            lines.feed(Stream::Out, &[b'x'; 10_000], &redact, |_| {});
        }
        assert_eq!(lines.out.line.len(), READ);
        lines.end(&redact, |_| {});
        assert_eq!(lines.last().concat().len(), SHOWN + '…'.len_utf8());
        for n in 0..100 {
            lines.feed(Stream::Out, format!("{n}\n").as_bytes(), &redact, |_| {});
        }
        assert_eq!(lines.last().len(), KEPT);
        assert_eq!(lines.last().last().map(String::as_str), Some("99"));
    }
}
