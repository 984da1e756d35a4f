//! What stands before a MIME part: fields, folded or not, up to an empty line.

use super::{Body, Problem};
use crate::{
    diagnostic::{Diagnostics, quote},
    node::build::Broken,
};
use std::ops::Range;

/// Top-level keys of a document, which read like fields where the empty line is missing.
const KEYS: [&str; 7] = [
    "firstlight",
    "services",
    "tasks",
    "registries",
    "include",
    "signal",
    "timeout",
];

const EMPTY_LINE: &str = "headers end with an empty line";

/// The fields of a part, and where its content begins.
#[derive(Debug)]
pub(super) struct Headers {
    fields: Vec<Field>,
    pub(super) content: usize,
}

/// One field, unfolded.
#[derive(Debug)]
pub(super) struct Field {
    /// In lower case.
    name: String,
    pub(super) value: String,
    /// Where it begins in the body.
    pub(super) at: usize,
}

impl Headers {
    /// Reads the fields at the beginning of a range. A line `From …`, as mailboxes have, may stand
    /// first.
    pub(super) fn read(
        body: &Body<'_>,
        range: Range<usize>,
        problems: &mut Diagnostics,
    ) -> Result<Headers, Broken> {
        let mut fields: Vec<Field> = Vec::new();
        let mut last = range.start;
        for line in body.lines(range.clone()) {
            let text = String::from_utf8_lossy(line.text);
            last = line.start;
            if text.is_empty() {
                return Ok(Headers {
                    fields,
                    content: line.next,
                });
            }
            let problem = if text.trim().is_empty() {
                Problem::new("this line holds blanks and does not end the headers")
            } else if text.starts_with([' ', '\t']) {
                match fields.last_mut() {
                    Some(field) => {
                        field.value.push(' ');
                        field.value.push_str(text.trim());
                        continue;
                    }
                    None => Problem::new("the first header is indented"),
                }
            } else if line.start == range.start && text.starts_with("From ") {
                continue;
            } else if let Some((name, value)) = field(&text) {
                fields.push(Field {
                    name,
                    value: value.trim().to_owned(),
                    at: line.start,
                });
                continue;
            } else {
                Problem::new(format!("{} is not a MIME header", quote(text.trim_end())))
            };
            return Err(body.stop(line.start, problem.hint(EMPTY_LINE), problems));
        }
        if range.is_empty() {
            return Ok(Headers {
                fields,
                content: range.end,
            });
        }
        Err(body.stop(
            last,
            Problem::new("the headers of this part do not end").hint(EMPTY_LINE),
            problems,
        ))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// `text/plain` where none is given, as RFC 2045 section 5.2 has it.
    pub(super) fn content_type(&self) -> String {
        let written = self
            .get("content-type")
            .map(|field| field.value.split(';').next().unwrap_or_default());
        written.map_or("text/plain".to_owned(), |written| {
            written.trim().to_ascii_lowercase()
        })
    }

    /// What a part calls itself.
    pub(super) fn file_name(&self) -> Option<String> {
        let disposition = self
            .get("content-disposition")
            .and_then(|field| field.parameter("filename"));
        disposition.or_else(|| {
            self.get("content-type")
                .and_then(|field| field.parameter("name"))
        })
    }
}

/// A field's name in lower case, and its value. A document's keys are no fields.
fn field(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once(':')?;
    let name = name.to_ascii_lowercase();
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    (valid && !KEYS.contains(&name.as_str())).then_some((name, value))
}

impl Field {
    /// A parameter's value, unquoted: `boundary="=="`.
    pub(super) fn parameter(&self, wanted: &str) -> Option<String> {
        let mut rest = self.value.split_once(';')?.1;
        loop {
            let (name, value) = rest.split_once('=')?;
            let (value, after) = parameter_value(value.trim_start());
            if name.trim().eq_ignore_ascii_case(wanted) {
                return Some(value);
            }
            rest = after.trim_start().strip_prefix(';')?;
        }
    }
}

/// A value and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| c == ';' || c.is_whitespace())
            .unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}
