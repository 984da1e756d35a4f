//! gzip, base64 and MIME around a document, bounded after decompression.
//!
//! User data is a whole document, or MIME with `text/firstlight` parts, or cloud-init's alone; the
//! whole and each part may be packed. Which of these it is shows in its first bytes, and once that
//! is known a mistake is an error: nothing falls back to another reading.
//!
//! - `layers`: gzip and base64, in any order, a few deep
//! - `mime`: parts, down to the documents
//! - `headers`: what stands before a part
//! - `transfer`: `Content-Transfer-Encoding`
//! - `foreign`: what belongs to cloud-init, and documents that strayed into it
//!
//! To add a packing: a step in `layers`.

mod foreign;
mod headers;
mod layers;
mod mime;
#[cfg(test)]
mod tests;
mod transfer;

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Source, Span},
    node::{
        build::Broken,
        text::{self, LIMIT},
    },
};
use std::{borrow::Cow, ops::Range, sync::Arc};

/// What user data may be, for who sent something else.
const KINDS: &str = "user data is a YAML document with `firstlight: 1` at its top level, a MIME message with \
                     `text/firstlight` parts, or has a cloud-init header (`#!`, `#cloud-config`, …)";

/// The documents in user data, in order; none where it is empty or cloud-init's alone.
///
/// # Errors
/// [`Broken`], after every reason was reported.
pub(crate) fn open(
    name: &str,
    bytes: &[u8],
    problems: &mut Diagnostics,
) -> Result<Vec<Arc<Source>>, Broken> {
    let mut room = LIMIT;
    let bytes = layers::unpack(name, bytes, &mut room, problems)?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let body = Body::new(name, &bytes);
    if mime::is(&body) {
        return mime::documents(&body, room, problems);
    }
    if let Some(header) = foreign::header(&bytes) {
        return match foreign::Look::default().stray(&bytes) {
            Some(at) => Err(body.stop(at, foreign::in_body(header), problems)),
            None => Ok(Vec::new()),
        };
    }
    if !body.source.text.contains("firstlight") && !text::is_utf16(&bytes) {
        return Err(body.stop(
            0,
            Problem::new("this is not a firstlight document").hint(KINDS),
            problems,
        ));
    }
    Ok(vec![text::read(name, &bytes, problems).ok_or(Broken)?])
}

/// Unpacks what holds one document and no MIME: an include.
///
/// # Errors
/// [`Broken`], after the reason was reported.
pub(crate) fn unpack_one<'a>(
    name: &str,
    bytes: &'a [u8],
    problems: &mut Diagnostics,
) -> Result<Cow<'a, [u8]>, Broken> {
    layers::unpack(name, bytes, &mut { LIMIT }, problems)
}

/// Bytes with the text that problems show. Bytes that are not UTF-8 are shown as U+FFFD.
struct Body<'a> {
    bytes: &'a [u8],
    source: Arc<Source>,
}

impl<'a> Body<'a> {
    fn new(name: &str, bytes: &'a [u8]) -> Body<'a> {
        Body {
            bytes,
            source: Source::new(name, String::from_utf8_lossy(bytes)),
        }
    }

    fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// A span of the text from offsets of the bytes.
    fn span(&self, range: Range<usize>) -> Span {
        let shown = |offset: usize| {
            String::from_utf8_lossy(self.slice(0..offset.min(self.bytes.len()))).len()
        };
        self.source.span(shown(range.start)..shown(range.end))
    }

    /// Reports a problem at an offset, to the end of its line.
    fn stop(&self, at: usize, problem: Problem, problems: &mut Diagnostics) -> Broken {
        let rest = self.slice(at..self.bytes.len());
        let line = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(rest.len());
        let span = self.span(at..at + self.slice(at..at + line).trim_ascii_end().len());
        let diagnostic = Diagnostic::at(&span, problem.message);
        problems.push(match problem.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
        Broken
    }

    /// The lines of a range: where each begins, where its text ends, and where the next begins.
    fn lines(&self, range: Range<usize>) -> impl Iterator<Item = Line<'a>> {
        let bytes = self.slice(range.clone());
        let mut at = range.start;
        bytes
            .split_inclusive(|&byte| byte == b'\n')
            .map(move |line| {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                let start = at;
                at += line.len();
                Line {
                    start,
                    next: at,
                    text,
                }
            })
    }
}

/// One line of a body, without its line break.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    start: usize,
    next: usize,
    text: &'a [u8],
}

/// A problem before it has a place.
struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Problem {
        Problem {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Problem {
        Problem {
            hint: Some(hint.into()),
            ..self
        }
    }
}
