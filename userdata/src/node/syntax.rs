//! What a syntax error probably means: the parser knows the grammar, people know their mistake.
//!
//! To add a cause: an arm in [`hint`], and a row in the table of `tests.rs`.

use crate::diagnostic::{Diagnostic, Source, Span, quote};
use granit_parser::{ErrorKind, ScanError, Tag};
use std::sync::Arc;

/// CloudFormation's short forms, which its own YAML reader replaces.
const CLOUDFORMATION: &[&str] = &[
    "Ref",
    "Sub",
    "GetAtt",
    "Join",
    "FindInMap",
    "Base64",
    "ImportValue",
    "Select",
    "If",
];

/// A syntax error with its probable cause.
pub(super) fn explain(source: &Arc<Source>, error: &ScanError) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(source.text.len());
    let span = source.span(at..at + 1);
    let line = line_of(source, at);
    let problem = Diagnostic::at(&span, format!("not valid YAML: {}", error.kind()));
    match hint(error.kind(), line) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn line_of(source: &Source, at: usize) -> &str {
    let (before, after) = source
        .text
        .split_at_checked(at)
        .unwrap_or((&source.text, ""));
    let from = before.rfind('\n').map_or(0, |newline| newline + 1);
    let to = at + after.find('\n').unwrap_or(after.len());
    source.text.get(from..to).unwrap_or_default()
}

fn hint(kind: &ErrorKind, line: &str) -> Option<&'static str> {
    let mut indentation = line.chars().take_while(|c| c.is_whitespace());
    if is_tab(kind) || indentation.any(|c| c == '\t') {
        return Some("YAML does not take tabs here: indent with spaces");
    }
    if line.contains("{{") {
        return Some(
            "quote a value that begins with `{{`, and one that holds `{{` inside `{…}` or `[…]`: \"{{…}}\"",
        );
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's list is open, and most kinds say enough"
    )]
    match kind {
        ErrorKind::UnknownAnchor => Some("quote a value that begins with `*`"),
        ErrorKind::MappingValueNotAllowed => {
            Some("is a space missing after a `:` before? a value that holds `: ` must be quoted")
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::UnexpectedEof => Some("is a quote not closed?"),
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::InvalidColonPlacement => {
            Some("is a bracket not closed?")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            Some("inside single quotes a backslash stands for itself")
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::SimpleKeyExpected => {
            Some("is the line indented as its neighbours are, and is there a space after the `:`?")
        }
        _ => None,
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// A tag that is not one of YAML's own.
pub(super) fn refused(tag: &Tag, span: &Span) -> Diagnostic {
    let problem = Diagnostic::at(
        span,
        format!("the tag {} is not taken here", quote(&tag.original())),
    );
    match tag.suffix() {
        suffix if CLOUDFORMATION.contains(&suffix) => problem.hint(
            "CloudFormation has to replace it before this is user data: `Fn::Base64: !Sub |`",
        ),
        "binary" => problem.hint("in `files`, base64 is written with `encoding: base64`"),
        _ => problem.hint("quote a value that begins with `!`"),
    }
}
