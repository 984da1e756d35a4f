//! Where references begin and end, and the parts of one.

use super::{Piece, Reference, target};
use crate::{diagnostic::did_you_mean, value::Complaint};

/// Cuts a text into literals and references. Problems come beside what could be read.
pub(super) fn pieces(text: &str) -> (Vec<Piece>, Vec<Complaint>) {
    let mut pieces = Vec::new();
    let mut complaints = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest
            .strip_prefix("{{{{")
            .filter(|after| scheme(after).is_some())
        {
            literal.push_str("{{");
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("{{").and_then(scheme) {
            let Some((body, after)) = after
                .split_once("}}")
                .filter(|(body, _)| !body.contains("{{"))
            else {
                complaints.push(
                    Complaint::new(format!("`{{{{{name}:` is never closed"))
                        .hint("end the reference with `}}`"),
                );
                break;
            };
            match reference(name, body) {
                Ok(reference) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Reference(reference));
                }
                Err(complaint) => complaints.push(complaint),
            }
            rest = after;
        } else {
            literal.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    (pieces, complaints)
}

/// Splits `name:` off, spaces allowed around the name.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')?;
    let (name, after) = text.split_at(end);
    let after = after.trim_start_matches(' ').strip_prefix(':')?;
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        .then_some((name, after))
}

/// Reads what stands after `name:`.
fn reference(name: &str, body: &str) -> Result<Reference, Complaint> {
    if !target::SCHEMES.contains(&name) {
        let wrong = Complaint::new(format!("`{{{{{name}:` is no reference"));
        let near = did_you_mean(name, target::SCHEMES);
        let all = "there are `ssm`, `secretsmanager` and `imds`";
        return Err(wrong
            .hint(format!("{all}; `{{{{{{{{{name}:` writes it as it is"))
            .hint_if(near));
    }
    let (body, urlencode) = match body.rsplit_once('|') {
        None => (body, false),
        Some((body, filter)) if filter.trim() == "urlencode" => (body, true),
        Some((_, filter)) => {
            let filter = filter.trim();
            return Err(Complaint::new(format!("`| {filter}` is no filter"))
                .hint("the only one is `| urlencode`"));
        }
    };
    let (id, member) = match body.split_once('#') {
        None => (body, None),
        Some((id, member)) => (id, Some(member.trim().to_owned())),
    };
    if member.as_deref() == Some("") {
        return Err(
            Complaint::new(format!("`{{{{{name}:{body}}}}}` names no member"))
                .hint("write the JSON member's name after `#`"),
        );
    }
    let target = target::parse(name, id.trim())?;
    if member.is_some() && name == "imds" {
        return Err(Complaint::new(format!("`{target}` has no members"))
            .hint("`#` is for JSON values of `ssm` and `secretsmanager`"));
    }
    Ok(Reference {
        target,
        member,
        urlencode,
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use proptest::prelude::*;

    /// Pieces drawn as text: literals quoted, references bare.
    fn draw(text: &str) -> String {
        let (pieces, complaints) = pieces(text);
        assert_eq!(complaints, [], "{text}");
        let draw = |piece: &Piece| match piece {
            Piece::Literal(text) => format!("{text:?}"),
            Piece::Reference(reference) => reference.to_string(),
        };
        pieces.iter().map(draw).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn finds_references() {
        for (text, drawn) in [
            ("", ""),
            ("plain", r#""plain""#),
            ("{{ssm:/a}}", "ssm:/a"),
            ("{{ ssm : /a }}", "ssm:/a"),
            (
                "{{ssm:/a:3}}x{{ssm:/a:live}}",
                r#"ssm:/a:3 "x" ssm:/a:live"#,
            ),
            ("{{ssm:plain-name}}", "ssm:plain-name"),
            (
                "{{ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/a/b:7#x | urlencode}}",
                "ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/a/b:7#x | urlencode",
            ),
            (
                "{{secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf#k}}",
                "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf#k",
            ),
            ("{{imds:tags/instance/Name}}", "imds:tags/instance/Name"),
            (r#"{"a":{{ssm:/a}}}"#, r#""{\"a\":" ssm:/a "}""#),
            ("{{{ssm:/a}}}", r#""{" ssm:/a "}""#),
            (
                "{{ .Name }} {{}} {{/ssm:x}} {{",
                r#""{{ .Name }} {{}} {{/ssm:x}} {{""#,
            ),
            ("{{{{ssm:/a}}", r#""{{ssm:/a}}""#),
            ("{{{{ what:/a}}", r#""{{ what:/a}}""#),
            ("{{{{{{ssm:/a}}", r#""{{{{ssm:/a}}""#),
        ] {
            assert_eq!(draw(text), drawn, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, what, hint) in [
            (
                "{{smm:/a}}",
                "`{{smm:` is no reference",
                "did you mean `ssm`?",
            ),
            (
                "{{vault:x}}",
                "`{{vault:` is no reference",
                "`{{{{vault:` writes it as it is",
            ),
            ("{{ssm:/a", "`{{ssm:` is never closed", "end the reference"),
            (
                "{{ssm:/a {{ssm:/b}}",
                "`{{ssm:` is never closed",
                "end the reference",
            ),
            (
                "{{ssm:/a | upper}}",
                "`| upper` is no filter",
                "`| urlencode`",
            ),
            ("{{ssm:/a#}}", "names no member", "after `#`"),
            ("{{ssm:}}", "names no parameter", "Parameter Store"),
            ("{{ssm:/a/}}", "is a path", "environment_from"),
            ("{{imds:instance-id#x}}", "has no members", "`#` is for"),
        ] {
            let (_, complaints) = pieces(text);
            assert_eq!(complaints.len(), 1, "{text}: {complaints:?}");
            assert!(complaints[0].what.contains(what), "{text}: {complaints:?}");
            assert!(
                complaints[0].hint.as_ref().unwrap().contains(hint),
                "{text}: {complaints:?}"
            );
        }
        assert_eq!(pieces("{{smm:/a}} {{ssm:}}").1.len(), 2, "all at once");
    }

    /// Doubles the braces of whatever would begin a reference.
    fn escape(text: &str) -> String {
        let mut escaped = String::new();
        for (at, c) in text.char_indices() {
            if text[at..]
                .strip_prefix("{{")
                .is_some_and(|after| scheme(after).is_some())
            {
                escaped.push_str("{{");
            }
            escaped.push(c);
        }
        escaped
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}|([{}:|# a-z/]|ssm|imds|urlencode){0,30}") {
            let _ = pieces(&text);
        }

        #[test]
        fn escapes_round_trip(text in "\\PC{0,40}|([{}: a/]|ssm:|foo:){0,20}") {
            let (pieces, complaints) = pieces(&escape(&text));
            prop_assert_eq!(complaints, vec![]);
            match pieces.as_slice() {
                [] => prop_assert_eq!(text, ""),
                [Piece::Literal(literal)] => prop_assert_eq!(literal, &text),
                other => panic!("{other:?}"),
            }
        }

        #[test]
        fn what_it_prints_it_reads(name in "/[a-z]{1,8}", version in proptest::option::of(1u32..99), member in proptest::option::of("[a-z. -]{0,6}[a-z]"), urlencode: bool) {
            let member = member.map(|member| member.trim().to_owned());
            let target = super::super::Target::Ssm { name, selector: version.map(|version| version.to_string()) };
            let reference = Reference { target, member, urlencode };
            prop_assert_eq!(pieces(&format!("{{{{{reference}}}}}")).0, vec![Piece::Reference(reference)]);
        }
    }
}
