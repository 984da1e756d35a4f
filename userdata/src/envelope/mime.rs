//! MIME (RFC 2045, 2046): parts within parts, down to the documents.

use super::{Body, Problem, foreign, headers::Headers, layers, transfer::Encoding};
use crate::{
    diagnostic::{Diagnostics, Source, quote},
    node::{build::Broken, text},
};
use std::{ops::Range, sync::Arc};

/// The type of a part that holds a document.
const TYPE: &str = "text/firstlight";

/// The deepest nesting of multiparts.
const DEPTH: usize = 8;

/// The most parts that are no multiparts: more than any launch needs, and it bounds what reading and
/// merging them takes.
const PARTS: usize = 256;

/// cloud-init looks for `MIME-Version:` no further.
const VERSION_WITHIN: usize = 4096;

/// Whether a body is meant as MIME: one of the lines before the first empty one says so.
pub(super) fn is(body: &Body<'_>) -> bool {
    let lead = body.bytes.len() - body.bytes.trim_ascii_start().len();
    let line_start = body
        .slice(0..lead)
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let indentation = lead - line_start;
    let block = body
        .lines(line_start..body.bytes.len())
        .take_while(|line| !line.text.trim_ascii().is_empty());
    block.into_iter().any(|line| {
        let text = line
            .text
            .get(indentation..)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let multipart = text.windows(10).any(|window| window == b"multipart/")
            || text.ends_with(TYPE.as_bytes());
        text.starts_with(b"mime-version:") || (text.starts_with(b"content-type:") && multipart)
    })
}

/// The documents among a body's parts. `room` is what they may unpack to.
pub(super) fn documents(
    body: &Body<'_>,
    room: usize,
    problems: &mut Diagnostics,
) -> Result<Vec<Arc<Source>>, Broken> {
    check_start(body, problems)?;
    let whole = 0..body.bytes.len();
    let headers = Headers::read(body, whole.clone(), problems)?;
    let version = headers
        .get("mime-version")
        .filter(|field| field.at < VERSION_WITHIN);
    if version.is_none() {
        let problem = Problem::new("`MIME-Version: 1.0` is missing from the first 4096 bytes");
        let hint = "without it cloud-init does not read this as MIME; put it first";
        return Err(body.stop(0, problem.hint(hint), problems));
    }
    let mut walk = Walk {
        body,
        room,
        look: foreign::Look::default(),
        problems,
        parts: 0,
        documents: Vec::new(),
    };
    walk.entity(&headers, whole.end, 0)?;
    Ok(walk.documents)
}

/// A blank line first ends the headers before they begin, which cloud-init takes for plain text.
fn check_start(body: &Body<'_>, problems: &mut Diagnostics) -> Result<(), Broken> {
    let blank = body.bytes.len() - body.bytes.trim_ascii_start().len();
    if blank == 0 {
        return Ok(());
    }
    let problem = Problem::new("blanks stand before the first MIME header");
    Err(body.stop(
        blank,
        problem
            .hint("begin user data with `MIME-Version: 1.0`, without empty lines or indentation"),
        problems,
    ))
}

struct Walk<'a> {
    body: &'a Body<'a>,
    room: usize,
    look: foreign::Look,
    problems: &'a mut Diagnostics,
    /// How many parts that are no multiparts were seen.
    parts: usize,
    documents: Vec<Arc<Source>>,
}

impl Walk<'_> {
    /// A part with its headers read; its content ends at `end`.
    fn entity(&mut self, headers: &Headers, end: usize, depth: usize) -> Result<(), Broken> {
        let content = headers.content.min(end)..end;
        let content_type = headers.content_type();
        let at = headers
            .get("content-type")
            .map_or(content.start, |field| field.at);
        if content_type.starts_with("multipart/") {
            return self.multipart(headers, content, at, depth);
        }
        self.parts += 1;
        if self.parts > PARTS {
            let problem = Problem::new(format!("there are more than {PARTS} parts"));
            return Err(self.stop(at, problem.hint("put several into one, or into an include")));
        }
        if content_type == TYPE {
            return self.document(headers, content);
        }
        let decoded = encoding(headers)
            .and_then(|encoding| encoding.decode(self.body.slice(content.clone())).ok());
        if content_type.contains("firstlight") {
            let problem = Problem::new(format!(
                "firstlight does not read the type {}",
                quote(&content_type)
            ));
            return Err(self.stop(at, problem.hint("a document's type is `text/firstlight`")));
        }
        match decoded.filter(|decoded| self.look.stray_in_part(decoded)) {
            Some(_) => Err(self.stop(at, foreign::in_part(&content_type))),
            None => Ok(()),
        }
    }

    fn multipart(
        &mut self,
        headers: &Headers,
        content: Range<usize>,
        at: usize,
        depth: usize,
    ) -> Result<(), Broken> {
        if depth == DEPTH {
            return Err(self.stop(
                at,
                Problem::new(format!("multiparts are more than {DEPTH} deep")),
            ));
        }
        let boundary = headers
            .get("content-type")
            .and_then(|field| field.parameter("boundary"));
        let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
            let problem = Problem::new("this multipart has no boundary");
            return Err(self.stop(
                at,
                problem.hint("write `Content-Type: multipart/mixed; boundary=\"BOUNDARY\"`"),
            ));
        };
        for part in self.split(content, &boundary, at)? {
            let headers = Headers::read(self.body, part.clone(), self.problems)?;
            self.entity(&headers, part.end, depth + 1)?;
        }
        Ok(())
    }

    /// The parts between a boundary's lines, each without the line break before the next one.
    fn split(
        &mut self,
        content: Range<usize>,
        boundary: &str,
        at: usize,
    ) -> Result<Vec<Range<usize>>, Broken> {
        let mut parts = Vec::new();
        let mut open: Option<usize> = None;
        let mut closed = false;
        let mut last = content.start;
        for line in self.body.lines(content.clone()) {
            let delimiter = delimiter(line.text, boundary);
            if delimiter.is_some() && closed {
                let problem = Problem::new("the boundary was closed before this");
                return Err(self.stop(
                    line.start,
                    problem.hint(format!("only the last one is `--{boundary}--`")),
                ));
            }
            if let (Some(start), Some(_)) = (open, delimiter) {
                parts.push(start..before_break(self.body, start, line.start));
            }
            match delimiter {
                Some(Delimiter::Open) => open = Some(line.next),
                Some(Delimiter::Close) => (open, closed) = (None, true),
                None => {}
            }
            last = line.start;
        }
        if closed {
            return Ok(parts);
        }
        Err(match open {
            None => self.stop(
                at,
                Problem::new(format!("the boundary {} never comes", quote(boundary)))
                    .hint(format!("a part begins with `--{boundary}`")),
            ),
            Some(_) => self.stop(
                last,
                Problem::new(format!("the boundary {} is not closed", quote(boundary)))
                    .hint(format!("end with `--{boundary}--`; was this cut short?")),
            ),
        })
    }

    fn document(&mut self, headers: &Headers, content: Range<usize>) -> Result<(), Broken> {
        let name = self.name(headers);
        let Some(encoding) = encoding(headers) else {
            let field = headers.get("content-transfer-encoding");
            let (at, value) = field.map_or((content.start, ""), |field| {
                (field.at, field.value.as_str())
            });
            let problem = Problem::new(format!("unknown transfer encoding {}", quote(value)));
            return Err(self.stop(
                at,
                problem.hint("it may be 7bit, 8bit, binary, base64 or quoted-printable"),
            ));
        };
        let bytes = match encoding.decode(self.body.slice(content.clone())) {
            Ok(bytes) => bytes,
            Err((at, problem)) => return Err(self.stop(content.start + at, problem)),
        };
        let bytes = layers::unpack(&name, &bytes, &mut self.room, self.problems)?;
        self.check_charset(headers, &bytes)?;
        let source = text::read(&name, &bytes, self.problems).ok_or(Broken)?;
        self.documents.push(source);
        Ok(())
    }

    fn name(&self, headers: &Headers) -> String {
        let part = format!("{}, part {}", self.body.source.name, self.parts);
        match headers.file_name() {
            Some(file) => format!("{part} ({})", quote(&file).trim_matches('`')),
            None => part,
        }
    }

    /// ASCII is the same in all of them; past it only UTF-8 is read.
    fn check_charset(&mut self, headers: &Headers, bytes: &[u8]) -> Result<(), Broken> {
        let Some(field) = headers.get("content-type") else {
            return Ok(());
        };
        let charset = field
            .parameter("charset")
            .unwrap_or_default()
            .to_ascii_lowercase();
        if bytes.is_ascii() || matches!(charset.as_str(), "" | "utf-8" | "utf8" | "us-ascii") {
            return Ok(());
        }
        let problem = Problem::new(format!("the character set {} is not read", quote(&charset)));
        Err(self.stop(
            field.at,
            problem.hint("write the part in UTF-8, and `charset=\"utf-8\"`"),
        ))
    }

    fn stop(&mut self, at: usize, problem: Problem) -> Broken {
        self.body.stop(at, problem, self.problems)
    }
}

fn encoding(headers: &Headers) -> Option<Encoding> {
    Encoding::named(
        headers
            .get("content-transfer-encoding")
            .map_or("", |field| field.value.as_str()),
    )
}

/// A boundary's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Open,
    Close,
}

fn delimiter(line: &[u8], boundary: &str) -> Option<Delimiter> {
    match line
        .strip_prefix(b"--")?
        .strip_prefix(boundary.as_bytes())?
        .trim_ascii_end()
    {
        b"" => Some(Delimiter::Open),
        b"--" => Some(Delimiter::Close),
        _ => None,
    }
}

fn before_break(body: &Body<'_>, start: usize, end: usize) -> usize {
    let part = body.slice(start..end);
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    start + part.strip_suffix(b"\r").unwrap_or(part).len()
}
