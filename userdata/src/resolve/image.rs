//! An image with references in it: parsed again once the values are in, and what was written
//! outside a reference must keep its role. A value cannot smuggle in another registry, repository
//! or digest.

use crate::{
    reference::{Piece, Template},
    value::{
        Complaint, ImageRef,
        image::{Parts, Role},
    },
};

/// Checks an image before its values are known, with a stand-in for each.
pub(crate) fn check(template: &Template) -> Result<(), Complaint> {
    if template.as_literal().is_none() && literal_length(template) == 0 {
        return Ok(());
    }
    let (text, _) = with_stand_ins(template);
    ImageRef::parse(&text).map(|_| ()).map_err(|what| {
        // A problem in the stand-in's neighbourhood would name a text that nobody wrote.
        let what = if template.as_literal().is_some() {
            what
        } else {
            format!("`{template}` cannot become an image")
        };
        Complaint::new(what).hint("write it as in `registry/name:tag` or `name@sha256:…`")
    })
}

/// Parses an image. `values` are those of the template's references, in order.
pub(super) fn parse(template: &Template, values: &[String]) -> Result<ImageRef, Complaint> {
    let mut values = values.iter();
    let filled: Vec<&str> = template
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Reference(_) => values.next().map_or("", String::as_str),
        })
        .collect();
    let text = filled.concat();
    let image = ImageRef::parse(&text)
        .map_err(|what| Complaint::new(format!("`{template}` became `{text}`: {what}")))?;
    if literal_length(template) > 0 && !keeps_roles(template, &filled, &text) {
        return Err(Complaint::new(format!("`{template}` became `{text}`, where a value took another part of the image's name"))
            .hint("a reference stands for what its place says (a tag, a digest, a part of the name), or for the whole image"));
    }
    Ok(image)
}

/// The registry's host, where no value can change it.
pub(super) fn host(template: &Template) -> Option<String> {
    let (text, starts) = with_stand_ins(template);
    let registry = Parts::of(&text).registry();
    let open = template.pieces.iter().zip(starts).any(|(piece, start)| {
        matches!(piece, Piece::Reference(_)) && (start == 0 || start < registry)
    });
    let image = ImageRef::parse(&text).ok().filter(|_| !open)?;
    Some(image.registry().to_owned())
}

fn literal_length(template: &Template) -> usize {
    let length = |piece: &Piece| match piece {
        Piece::Literal(text) => text.len(),
        Piece::Reference(_) => 0,
    };
    template.pieces.iter().map(length).sum()
}

/// The text with a stand-in for each reference, and where each piece begins.
fn with_stand_ins(template: &Template) -> (String, Vec<usize>) {
    let mut text = String::new();
    let mut starts = Vec::new();
    for piece in &template.pieces {
        starts.push(text.len());
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Reference(_) if text.ends_with("@sha256:") => text.push_str(&"0".repeat(64)),
            Piece::Reference(_) if text.ends_with('@') => {
                text.push_str(&format!("sha256:{}", "0".repeat(64)))
            }
            // Good as a label of a host, a port, a part of a path, and a tag.
            Piece::Reference(_) => text.push('1'),
        }
    }
    (text, starts)
}

fn keeps_roles(template: &Template, filled: &[&str], text: &str) -> bool {
    let (expected, starts) = with_stand_ins(template);
    let (expected, actual) = (Parts::of(&expected), Parts::of(text));
    let mut at = 0;
    template
        .pieces
        .iter()
        .zip(filled)
        .zip(starts)
        .all(|((piece, value), start)| {
            let from = at;
            at += value.len();
            match piece {
                Piece::Literal(literal) => {
                    (0..literal.len()).all(|i| expected.role(start + i) == actual.role(from + i))
                }
                Piece::Reference(_) => {
                    let role = expected.role(start);
                    let name = |role| matches!(role, Role::Registry | Role::Repository);
                    (from..at).all(|i| {
                        actual.role(i) == role || (from == 0 && name(role) && name(actual.role(i)))
                    })
                }
            }
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::diagnostic::Source;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn template(text: &str) -> Template {
        Template::parse(text, Source::new("test", text).span(0..text.len())).unwrap()
    }

    #[test]
    fn a_value_stays_in_its_role() {
        let pinned = format!("1@{DIGEST}");
        for (written, value, good) in [
            ("r.io/web:{{ssm:/v}}", "1.0", true),
            ("r.io/web:{{ssm:/v}}", pinned.as_str(), false),
            ("r.io/web:{{ssm:/v}}", "a/b", false),
            ("r.io/web:{{ssm:/v}}", "", false),
            ("r.io/web:v{{ssm:/v}}", "1", true),
            ("r.io/web@{{ssm:/v}}", DIGEST, true),
            ("r.io/web@sha256:{{ssm:/v}}", DIGEST.get(7..).unwrap(), true),
            ("r.io/web@{{ssm:/v}}", "1", false),
            ("r.io/{{ssm:/v}}:1", "a/b", true),
            ("r.io/{{ssm:/v}}:1", "a:2", false),
            ("r.io/web{{ssm:/v}}", ":2", false),
            ("r.{{ssm:/v}}.io/web:1", "eu", true),
            ("r.{{ssm:/v}}.io/web:1", "evil.com/x", false),
            ("{{ssm:/v}}/web:1", "ghcr.io/acme", true),
            ("{{ssm:/v}}/web:1", "acme", true),
            ("{{ssm:/v}}/web:1", "evil.io/x:2", false),
            ("{{ssm:/v}}", "ghcr.io/acme/web:1", true),
            ("{{ssm:/v}}", pinned.as_str(), true),
            ("{{ssm:/v}}", "no image", false),
            ("{{ssm:/v}}:5000/web", "localhost", true),
        ] {
            let parsed = parse(&template(written), &[value.to_owned()]);
            assert_eq!(parsed.is_ok(), good, "{written} with {value}: {parsed:?}");
        }
    }

    #[test]
    fn checked_before_values_are_known() {
        for (written, good) in [
            ("postgres:16", true),
            ("Postgres", false),
            ("r.io/web:{{ssm:/v}}", true),
            ("r.io/{{ssm:/a}}@{{ssm:/d}}", true),
            ("{{ssm:/image}}", true),
            ("r.io/Web:{{ssm:/v}}", false),
            ("r.io/web: {{ssm:/v}}", false),
            ("", false),
        ] {
            assert_eq!(check(&template(written)).is_ok(), good, "{written}");
        }
    }

    #[test]
    fn hosts_that_no_value_changes() {
        for (written, known) in [
            ("web", Some("docker.io")),
            ("postgres:{{ssm:/v}}", Some("docker.io")),
            ("web{{ssm:/v}}", Some("docker.io")),
            ("acme{{ssm:/v}}/web", Some("docker.io")),
            ("r.io/{{ssm:/v}}", Some("r.io")),
            ("r.io:5000/web@{{ssm:/v}}", Some("r.io:5000")),
            ("r.{{ssm:/v}}.io/web", None),
            ("r.io:{{ssm:/v}}/web", None),
            ("{{ssm:/v}}/web:1", None),
            ("{{ssm:/v}}", None),
        ] {
            assert_eq!(host(&template(written)).as_deref(), known, "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_known_host_is_the_images(value in "\\PC{0,12}|[a-z0-9.:/@]{0,40}") {
            for written in ["web{{ssm:/v}}", "acme{{ssm:/v}}/web", "r.io/{{ssm:/v}}:1", "r.io/web:{{ssm:/v}}", "a{{ssm:/v}}"] {
                let template = template(written);
                if let Ok(image) = parse(&template, std::slice::from_ref(&value)) {
                    prop_assert_eq!(host(&template), Some(image.registry().to_owned()));
                }
            }
        }

        #[test]
        fn a_tag_never_changes_the_repository(value in "\\PC{0,20}|[a-z0-9:/@.]{0,80}") {
            if let Ok(image) = parse(&template("r.io/web:{{ssm:/v}}"), &[value]) {
                prop_assert_eq!((image.registry(), image.repository(), image.digest()), ("r.io", "web", None));
            }
        }
    }
}
