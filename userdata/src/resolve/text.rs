//! One string: its references replaced, and whether a secret may stand there.

use super::{Answer, Fetched, Text, fill::Filler, image, json};
use crate::{
    diagnostic::{Diagnostic, Span},
    reference::{Piece, Reference, Target, Template},
    value::ImageRef,
};
use std::{collections::BTreeMap, fmt::Write};

/// A key that takes references.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) key: &'static str,
    pub(super) secrets: bool,
}

/// Where a secret would be shown: everybody who may ask Docker or AWS sees it.
pub(super) const fn open(key: &'static str) -> Place {
    Place {
        key,
        secrets: false,
    }
}

/// Where a secret belongs.
pub(super) const fn closed(key: &'static str) -> Place {
    Place { key, secrets: true }
}

impl Filler<'_> {
    pub(super) fn image(&mut self, template: &Template) -> Option<ImageRef> {
        let place = open("image");
        let values: Option<Vec<String>> = template
            .references()
            .map(|reference| {
                self.value(reference, &template.span, place)
                    .map(|text| text.value)
            })
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        match image::parse(template, &values?) {
            Ok(image) => Some(image),
            Err(complaint) => {
                self.problems.push(complaint.at(&template.span));
                None
            }
        }
    }

    pub(super) fn texts(&mut self, templates: &[Template], place: Place) -> Vec<Text> {
        templates
            .iter()
            .map(|template| self.text(template, place))
            .collect()
    }

    pub(super) fn map(
        &mut self,
        templates: &BTreeMap<String, Template>,
        place: Place,
    ) -> BTreeMap<String, Text> {
        templates
            .iter()
            .map(|(name, template)| (name.clone(), self.text(template, place)))
            .collect()
    }

    pub(super) fn text(&mut self, template: &Template, place: Place) -> Text {
        let mut all = Text::plain("");
        for piece in &template.pieces {
            match piece {
                Piece::Literal(text) => all.value.push_str(text),
                Piece::Reference(reference) => {
                    if let Some(text) = self.value(reference, &template.span, place) {
                        all.value.push_str(&text.value);
                        all.secret |= text.secret;
                    }
                }
            }
        }
        if !place.secrets && all.value.contains('\0') {
            self.problems.push(Diagnostic::at(
                &template.span,
                format!("`{}` holds a NUL byte", place.key),
            ));
        }
        all
    }

    /// What one reference stands for; `None` when that was a problem.
    fn value(&mut self, reference: &Reference, span: &Span, place: Place) -> Option<Text> {
        let fetched = match self.answer(&reference.target, span)? {
            Answer::One(fetched) => fetched,
            Answer::Path(_) => {
                self.problems.push(Diagnostic::at(
                    span,
                    format!("`{}` is a path, not one value", reference.target),
                ));
                return None;
            }
        };
        if fetched.secret && !place.secrets {
            let problem = format!(
                "`{}` is a secret, and `{}` would show it",
                reference.target, place.key
            );
            let hint =
                "secrets go into `environment`, `environment_from`, `files` and `registries`";
            self.problems.push(Diagnostic::at(span, problem).hint(hint));
            return None;
        }
        let value = match reference
            .member
            .as_deref()
            .map(|member| json::member(&fetched.value, member))
        {
            None => fetched.value.clone(),
            Some(Ok(member)) => member,
            Some(Err(what)) => {
                self.problems.push(Diagnostic::at(
                    span,
                    format!("`{}` {what}", reference.target),
                ));
                return None;
            }
        };
        Some(fetched.text(if reference.urlencode {
            urlencode(&value)
        } else {
            value
        }))
    }

    /// What was fetched. Without values, only notes what is wanted.
    pub(super) fn answer(&mut self, target: &Target, span: &Span) -> Option<Answer> {
        let Some(values) = self.values else {
            self.wanted.insert(target.clone());
            return None;
        };
        let answer = values.get(target).cloned();
        if answer.is_none() {
            self.problems
                .push(Diagnostic::at(span, format!("`{target}` was not fetched")));
        }
        answer
    }
}

impl Fetched {
    /// A text made of this value, secret if this is.
    pub(super) fn text(&self, value: String) -> Text {
        Text {
            value,
            secret: self.secret,
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn urlencode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
