//! Shapes of strings that may hold references.

use super::{
    Problems, Shape,
    scalar::{IN_QUOTES, empty},
};
use crate::{
    node::{Kind, Node},
    reference::{Target, Template},
    resolve::image,
    value::{Complaint, name},
};
use serde_json::{Value as Json, json};

/// Where secrets may stand too.
pub(super) struct Secret;
impl Shape for Secret {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        let Kind::Scalar { text, .. } = &node.kind else {
            cx.wrong_kind(node, "text", IN_QUOTES);
            return None;
        };
        match Template::parse(text, node.span.clone()) {
            Ok(template) => Some(template),
            Err(problems) => {
                problems.0.into_iter().for_each(|problem| cx.push(problem));
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A variable's value. Values that are fetched are looked at when they are there.
pub(super) struct VariableValue;
impl Shape for VariableValue {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        let template = Secret::decode(node, cx)?;
        refuse_nul(&template, node, cx, "put it into `files`");
        Some(template)
    }
    fn schema() -> Json {
        Secret::schema()
    }
}

/// The kernel ends arguments and variables at the first NUL.
fn refuse_nul(template: &Template, node: &Node, cx: &mut Problems<'_>, hint: &'static str) {
    if template
        .as_literal()
        .is_some_and(|text| text.contains('\0'))
    {
        let complaint = Complaint::new("a NUL byte may not stand here");
        cx.complain(&node.span, complaint.hint(hint));
    }
}

/// Where a secret would be shown.
pub(super) struct Open;
impl Shape for Open {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        let template = Secret::decode(node, cx)?;
        if template
            .references()
            .any(|reference| matches!(reference.target, Target::Secret(_)))
        {
            let complaint = Complaint::new(format!("`{}` would show a secret", cx.here()));
            cx.complain(
                &node.span,
                complaint.hint(
                    "secrets go into `environment`, `environment_from`, `files` and `registries`",
                ),
            );
        }
        refuse_nul(&template, node, cx, "take it out");
        Some(template)
    }
    fn schema() -> Json {
        Secret::schema()
    }
}

/// An open text that is checked at once where it holds no reference.
fn checked(
    node: &Node,
    cx: &mut Problems<'_>,
    check: impl FnOnce(&str) -> Result<(), Complaint>,
) -> Option<Template> {
    let template = Open::decode(node, cx)?;
    let result = template.as_literal().map_or(Ok(()), check);
    cx.check(&node.span, result);
    Some(template)
}

/// The name of something of AWS's.
pub(super) struct Named;
impl Shape for Named {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        checked(node, cx, |text| match text.trim() {
            "" => Err(empty()),
            _ => Ok(()),
        })
    }
    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"], "minLength": 1 })
    }
}

/// A host name.
pub(super) struct Host;
impl Shape for Host {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        checked(node, cx, name::host)
    }
    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// A place in S3.
pub(super) struct S3Url;
impl Shape for S3Url {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        checked(node, cx, |text| {
            match text
                .strip_prefix("s3://")
                .and_then(|rest| rest.split_once('/'))
            {
                Some((bucket, _)) if !bucket.is_empty() => Ok(()),
                Some(_) | None => Err(Complaint::new(format!("`{text}` is no place in S3"))
                    .hint("write it as in `s3://bucket/prefix/`")),
            }
        })
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(s3://[^/]+/|.*\\{\\{)" })
    }
}

/// An image.
pub(super) struct Image;
impl Shape for Image {
    type Value = Template;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Template> {
        let template = Open::decode(node, cx)?;
        cx.check(&node.span, image::check(&template));
        Some(template)
    }
    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
