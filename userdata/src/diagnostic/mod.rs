//! A problem in a source: which source, where, what, and what to do about it.
//!
//! Everything that reads collects [`Diagnostic`]s instead of stopping at the first, so that one
//! `firstlight check` shows them all. How they are shown is in [`draw`].
//!
//! A problem shows the offending line as it was written. A document holds a secret only where
//! somebody wrote one into it instead of a reference; whoever reads the problem reads the document.

pub mod draw;

use std::{cmp::Ordering, fmt, ops::Range, sync::Arc};

/// The most problems that are kept. Past it, one more would not help anyone, and memory is bounded.
pub const MOST: usize = 200;

/// The most characters of a person's text that a message repeats.
const QUOTED: usize = 60;

/// One text that problems can point into: a file, a MIME part, an include.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// What a person calls it: `/etc/firstlight/launch.d/10-web.yaml`, `user data`,
    /// `user data, part 2 (web.yaml)`, `include s3://bucket/key`.
    pub name: String,
    /// The decoded text, whole, for the line that is underlined.
    pub text: String,
}

impl Source {
    /// A source to point into.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        Arc::new(Source {
            name: name.into(),
            text: text.into(),
        })
    }

    /// A stretch of this source, moved onto character boundaries and into the text.
    pub fn span(self: &Arc<Source>, range: Range<usize>) -> Span {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.ceil_char_boundary(range.end.max(start));
        Span {
            source: Arc::clone(self),
            start,
            end,
        }
    }
}

/// A stretch of one source. Offsets are bytes into [`Source::text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text it points into.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A place for people: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Span {
    /// Where it begins.
    pub fn begins(&self) -> Place {
        place(&self.source.text, self.start)
    }

    /// Where it ends: one past its last character.
    pub fn ends(&self) -> Place {
        place(&self.source.text, self.end)
    }

    /// What stands there.
    pub fn text(&self) -> &str {
        self.source
            .text
            .get(self.start..self.end)
            .unwrap_or_default()
    }
}

/// `user data, line 3, column 5`
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.begins();
        write!(f, "{}, line {line}, column {column}", self.source.name)
    }
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    Place { line, column }
}

/// One problem, with everything a person needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where. `None` only for a problem of the whole (a required key that no source gives).
    pub span: Option<Span>,
    /// What is wrong: a lowercase fragment naming the operand, ``unknown key `enviroment` ``.
    pub message: String,
    /// What to do, as a sentence fragment: ``did you mean `environment`?``.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A problem at a place.
    pub fn at(span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            span: Some(span.clone()),
            message: message.into(),
            hint: None,
        }
    }

    /// A problem of the whole.
    pub fn whole(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            span: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Diagnostic {
        Diagnostic {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Every problem of every source, never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a problem, up to [`MOST`].
    pub fn push(&mut self, problem: Diagnostic) {
        self.push_with(|| problem);
    }

    /// The same for a problem that takes long to put into words: it is made only if it is kept.
    pub fn push_with(&mut self, problem: impl FnOnce() -> Diagnostic) {
        if !self.is_full() {
            self.0.push(problem());
        }
    }

    /// True when no more problems are kept.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Orders by the rank of the source, then by place; problems of the whole come last.
    pub(crate) fn sort(&mut self, rank: &[Arc<Source>]) {
        let rank_of = |span: &Span| {
            rank.iter()
                .position(|source| Arc::ptr_eq(source, &span.source))
                .unwrap_or(rank.len())
        };
        self.0.sort_by(|a, b| match (&a.span, &b.span) {
            (Some(a), Some(b)) => (rank_of(a), a.start, a.end).cmp(&(rank_of(b), b.start, b.end)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
    }
}

/// One line a problem, for a log: place, message and hint.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, problem) in self.0.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            if let Some(span) = &problem.span {
                write!(f, "{span}: ")?;
            }
            f.write_str(&problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "; {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A person's text inside a message: in back-quotes, on one line, cut where it is long.
pub fn quote(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED).flat_map(quoted_char).collect();
    let more = if text.chars().nth(QUOTED).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{shown}{more}`")
}

fn quoted_char(c: char) -> Vec<char> {
    if c.is_control() {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

/// The known name that was probably meant: ``did you mean `environment`?``.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = |name: &&str| strsim::damerau_levenshtein(written, name);
    let allowed = 1 + written.chars().count().min(20) / 4;
    if written.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (near(&name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("s", "äb\r\ncd\n");
        for (offset, line, column) in [
            (0, 1, 1),
            (2, 1, 2),
            (3, 1, 3),
            (5, 2, 1),
            (8, 3, 1),
            (99, 3, 1),
        ] {
            let begins = source.span(offset..offset).begins();
            assert_eq!(
                (begins.line, begins.column),
                (line, column),
                "offset {offset}"
            );
        }
    }

    #[test]
    fn a_span_never_splits_a_character() {
        let source = Source::new("s", "äb");
        assert_eq!(source.span(1..1).text(), "ä");
        assert_eq!(source.span(1..900).text(), "äb");
    }

    #[test]
    fn order_is_by_rank_then_place_and_the_whole_is_last() {
        let (low, high) = (Source::new("low", "abc"), Source::new("high", "abc"));
        let mut problems = Diagnostics::default();
        problems.push(Diagnostic::whole("4"));
        problems.push(Diagnostic::at(&high.span(0..1), "3"));
        problems.push(Diagnostic::at(&low.span(2..3), "2"));
        problems.push(Diagnostic::at(&low.span(0..1), "1"));
        problems.sort(&[low, high]);
        let said: String = problems
            .0
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert_eq!(said, "1234");
    }

    #[test]
    fn past_the_most_no_problem_is_put_into_words() {
        let (mut problems, mut made) = (Diagnostics::default(), 0);
        for _ in 0..MOST + 50 {
            problems.push_with(|| {
                made += 1;
                Diagnostic::whole("x")
            });
        }
        assert_eq!((made, problems.0.len()), (MOST, MOST));
    }

    #[test]
    fn quoting_is_one_bounded_line() {
        assert_eq!(quote("a\nb\u{1b}[0m"), "`a\\nb\\u{1b}[0m`");
        assert_eq!(quote(&"x".repeat(61)).chars().count(), 63);
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let known = ["environment", "environment_from", "image"];
        assert_eq!(
            did_you_mean("enviroment", known).as_deref(),
            Some("did you mean `environment`?")
        );
        assert_eq!(
            did_you_mean("imgae", known).as_deref(),
            Some("did you mean `image`?")
        );
        assert_eq!(did_you_mean("replicas", known), None);
    }
}
