//! How problems are shown: to people as rustc shows its own, to editors and CI as JSON.

use super::{Diagnostic, Diagnostics, MOST, Source, Span};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// The longest line that is drawn, in bytes: a body of one huge line is shown by its place only.
const LINE: usize = 4096;

impl Diagnostics {
    /// Draws every problem: message, place, the line underlined, hint. `colour` is for a terminal.
    pub fn draw(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut drawn: Vec<String> = self
            .0
            .iter()
            .map(|problem| draw(&renderer, problem))
            .collect();
        if self.0.len() >= MOST {
            drawn.push(format!(
                "these are the first {MOST} problems; there may be more"
            ));
        }
        drawn.join("\n\n")
    }

    /// Every problem for an editor or CI, in the order drawn.
    pub fn reports(&self) -> Vec<Report<'_>> {
        self.0.iter().map(Report::of).collect()
    }
}

/// One problem as JSON. Lines and columns count from 1, columns in characters; a problem of the
/// whole has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    /// The source's name.
    pub source: Option<&'a str>,
    /// Line of the first character.
    pub line: Option<usize>,
    /// Column of the first character.
    pub column: Option<usize>,
    /// Line where it ends.
    pub end_line: Option<usize>,
    /// One past the column of the last character.
    pub end_column: Option<usize>,
    /// What is wrong.
    pub message: &'a str,
    /// What to do about it.
    pub hint: Option<&'a str>,
}

impl<'a> Report<'a> {
    fn of(problem: &'a Diagnostic) -> Report<'a> {
        let begins = problem.span.as_ref().map(Span::begins);
        let ends = problem.span.as_ref().map(Span::ends);
        Report {
            source: problem.span.as_ref().map(|span| span.source.name.as_str()),
            line: begins.map(|place| place.line),
            column: begins.map(|place| place.column),
            end_line: ends.map(|place| place.line),
            end_column: ends.map(|place| place.column),
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

fn draw(renderer: &Renderer, problem: &Diagnostic) -> String {
    let mut group =
        annotate_snippets::Group::with_title(Level::ERROR.primary_title(problem.message.as_str()));
    if let Some(span) = &problem.span {
        let line = Line::of(span);
        group = if line.text.is_empty() || line.text.len() > LINE {
            let begins = span.begins();
            group.element(
                Origin::path(span.source.name.as_str())
                    .line(begins.line)
                    .char_column(begins.column),
            )
        } else {
            group.element(
                Snippet::source(line.text)
                    .path(span.source.name.as_str())
                    .line_start(line.number)
                    .annotation(AnnotationKind::Primary.span(line.start..line.end)),
            )
        };
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The line where a span begins, and the part of it that is underlined.
struct Line<'a> {
    text: &'a str,
    number: usize,
    start: usize,
    end: usize,
}

impl Line<'_> {
    fn of(span: &Span) -> Line<'_> {
        let Source { text, .. } = span.source.as_ref();
        let (before, after) = text.split_at_checked(span.start).unwrap_or((text, ""));
        let from = before.rfind('\n').map_or(0, |newline| newline + 1);
        let to = after
            .find('\n')
            .map_or(text.len(), |newline| span.start + newline);
        let line = text.get(from..to).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let start = (span.start - from).min(line.len());
        let end = span.end.saturating_sub(from).clamp(start, line.len());
        Line {
            text: line,
            number: span.begins().line,
            start,
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use insta::assert_snapshot;

    fn problems() -> Diagnostics {
        let source = Source::new(
            "user data, part 2 (web.yaml)",
            "firstlight: 1\r\nservices:\r\n  wéb: {enviroment: {}}\r\n",
        );
        let start = source.text.find("enviroment").unwrap();
        Diagnostics(vec![
            Diagnostic::at(&source.span(start..start + 10), "unknown key `enviroment`")
                .hint("did you mean `environment`?"),
            Diagnostic::at(&source.span(15..source.text.len()), "more than a line"),
            Diagnostic::whole("no source gives `services`"),
            Diagnostic::at(
                &Source::new("user data", "").span(0..0),
                "gzip: unexpected end",
            ),
        ])
    }

    #[test]
    fn draws_as_rustc_does() {
        assert_snapshot!(problems().draw(false), @r"
        error: unknown key `enviroment`
         --> user data, part 2 (web.yaml):3:9
          |
        3 |   wéb: {enviroment: {}}
          |         ^^^^^^^^^^
          |
          = help: did you mean `environment`?

        error: more than a line
         --> user data, part 2 (web.yaml):2:1
          |
        2 | services:
          | ^^^^^^^^^

        error: no source gives `services`

        error: gzip: unexpected end
        --> user data:1:1
        ");
    }

    #[test]
    fn colour_is_only_for_terminals() {
        assert!(!problems().draw(false).contains('\u{1b}'));
        assert!(problems().draw(true).contains('\u{1b}'));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let source = Source::new("user data", "a: \u{1b}[2Jb\n");
        let drawn = Diagnostics(vec![Diagnostic::at(&source.span(3..4), "bad")]).draw(false);
        assert!(!drawn.contains('\u{1b}'), "{drawn:?}");
    }

    #[test]
    fn a_huge_line_is_named_and_not_drawn() {
        let source = Source::new("user data", "x".repeat(LINE + 1));
        let drawn = Diagnostics(vec![Diagnostic::at(&source.span(2000..2001), "bad")]).draw(false);
        assert!(
            drawn.contains("user data:1:2001") && drawn.len() < 200,
            "{drawn}"
        );
    }

    #[test]
    fn json_has_the_place_or_none() {
        let json = serde_json::to_string(&problems().reports()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            json[0],
            serde_json::json!({
                "source": "user data, part 2 (web.yaml)", "line": 3, "column": 9, "end_line": 3, "end_column": 19,
                "message": "unknown key `enviroment`", "hint": "did you mean `environment`?",
            })
        );
        assert_eq!(json[2]["line"], serde_json::Value::Null);
    }
}
