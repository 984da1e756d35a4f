//! Shapes of lists and maps.

use super::{Problems, Shape, scalar::Limit};
use crate::{
    diagnostic::quote,
    node::{Kind, Node},
    reference::Template,
    value::{Complaint, name, path, words},
};
use serde_json::{Value as Json, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

/// A list.
pub(super) struct List<T>(PhantomData<T>);
impl<T: Shape> Shape for List<T> {
    type Value = Vec<T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Vec<T::Value>> {
        match &node.kind {
            Kind::List(items) => Some(
                items
                    .iter()
                    .filter_map(|item| T::decode(item, cx))
                    .collect(),
            ),
            Kind::Scalar { text, .. } => {
                cx.wrong_kind(
                    node,
                    "a list",
                    format!("write it as [{}]", Json::from(text.as_str())),
                );
                None
            }
            Kind::Null | Kind::Empty | Kind::Map(_) => {
                cx.wrong_kind(node, "a list", "write `[…]`, or each on a line after `- `");
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// The words of a command line: always a list, for there is no shell to split a string.
pub(super) struct Words<T>(PhantomData<T>);
impl<T: Shape> Shape for Words<T> {
    type Value = Vec<T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Vec<T::Value>> {
        if let Kind::Scalar { text, .. } = &node.kind {
            cx.wrong_kind(
                node,
                "a list",
                format!("write it as {}", words::as_list(text)),
            );
            return None;
        }
        List::<T>::decode(node, cx)
    }
    fn schema() -> Json {
        List::<T>::schema()
    }
}

/// One value or a list of them.
pub(super) struct OneOrList<T>(PhantomData<T>);
impl<T: Shape> Shape for OneOrList<T> {
    type Value = Vec<T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Vec<T::Value>> {
        match &node.kind {
            Kind::List(_) => List::<T>::decode(node, cx),
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::Map(_) => {
                Some(vec![T::decode(node, cx)?])
            }
        }
    }
    fn schema() -> Json {
        json!({ "anyOf": [T::schema(), List::<T>::schema()] })
    }
}

/// A list, or one, of which none stands twice.
pub(super) struct Distinct<T>(PhantomData<T>);
impl<T: Shape> Shape for Distinct<T> {
    type Value = T::Value;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<T::Value> {
        let mut seen = BTreeSet::new();
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::Map(_) => &[],
        };
        for item in items {
            if let Kind::Scalar { text, .. } = &item.kind
                && !seen.insert(text)
            {
                let twice = format!("{} stands twice in `{}`", quote(text), cx.here());
                cx.complain(&item.span, Complaint::new(twice).hint("name each once"));
            }
        }
        T::decode(node, cx)
    }
    fn schema() -> Json {
        T::schema()
    }
}

/// What a map's keys name.
pub(super) trait Naming {
    /// Whether a key is one.
    fn check(key: &str) -> Result<(), Complaint>;
    /// An entry, as an example.
    const ENTRY: &'static str = "NAME: value";
    /// What the schema says of keys.
    fn pattern() -> &'static str {
        "."
    }
}

/// Services and tasks.
pub(super) struct Container;
impl Naming for Container {
    const ENTRY: &'static str = "NAME: {image: …}";
    fn check(key: &str) -> Result<(), Complaint> {
        name::container(key)
    }
    fn pattern() -> &'static str {
        super::scalar::NAME
    }
}

/// Environment variables.
pub(super) struct Variable;
impl Naming for Variable {
    fn check(key: &str) -> Result<(), Complaint> {
        name::variable(key)
    }
    fn pattern() -> &'static str {
        "^[!-/:-<>-~][!-<>-~]*$"
    }
}

/// Labels.
pub(super) struct Label;
impl Naming for Label {
    fn check(key: &str) -> Result<(), Complaint> {
        name::label(key)
    }
}

/// Files in the container.
pub(super) struct FilePath;
impl Naming for FilePath {
    const ENTRY: &'static str = "/PATH: {content: …}";
    fn check(key: &str) -> Result<(), Complaint> {
        path::absolute(key)?;
        if key.ends_with('/') {
            let complaint = Complaint::new(format!("`{key}` names a folder, not a file"));
            Err(complaint.hint("write the file's path, without the `/` at its end"))
        } else {
            Ok(())
        }
    }
    fn pattern() -> &'static str {
        "^/.*[^/]$"
    }
}

/// Registries.
pub(super) struct RegistryHost;
impl Naming for RegistryHost {
    const ENTRY: &'static str = "HOST: {username: …, password: …}";
    fn check(key: &str) -> Result<(), Complaint> {
        let wrong = Complaint::new(format!("`{key}` is no registry's host"));
        match crate::value::ImageRef::parse(&format!("{key}/image")) {
            Ok(image) if image.registry() == key => Ok(()),
            Ok(image) if image.registry() == "docker.io" && key.contains("docker.io") => {
                Err(wrong.hint("write `docker.io`"))
            }
            Ok(_) | Err(_) => Err(wrong
                .hint("write host and port only, as in `ghcr.io` or `registry.example.com:5000`")),
        }
    }
}

/// Anything that is written without spaces.
pub(super) struct Anything;
impl Naming for Anything {
    fn check(key: &str) -> Result<(), Complaint> {
        let valid = !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
        if valid {
            Ok(())
        } else {
            Err(Complaint::new(format!("`{key}` is no name")).hint("use visible ASCII, no blanks"))
        }
    }
}

/// A map.
pub(super) struct Map<N, T>(PhantomData<(N, T)>);
impl<N: Naming, T: Shape> Shape for Map<N, T> {
    type Value = BTreeMap<String, T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Self::Value> {
        let Kind::Map(entries) = &node.kind else {
            let hint = format!("write `{}: {{{}}}`", cx.here(), N::ENTRY);
            cx.wrong_kind(node, "a map", hint);
            return None;
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            cx.check(
                &key.span,
                key_without_reference(&key.text).and_then(|()| N::check(&key.text)),
            );
            if let Some(value) = cx.below(&key.text, |cx| T::decode(value, cx)) {
                map.insert(key.text.clone(), value);
            }
        }
        Some(map)
    }
    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": N::pattern() },
            "additionalProperties": T::schema(),
        })
    }
}

fn key_without_reference(key: &str) -> Result<(), Complaint> {
    let span = crate::diagnostic::Source::new("key", key).span(0..key.len());
    match Template::parse(key, span) {
        Ok(template) if template.as_literal().is_some() => Ok(()),
        Ok(_) | Err(_) => Err(Complaint::new("a key holds no references").hint("only values do")),
    }
}

/// A map whose values may be null in one source to remove what an earlier one said.
pub(super) struct Merged<T>(PhantomData<T>);
impl<N: Naming, T: Shape> Shape for Merged<Map<N, T>> {
    type Value = BTreeMap<String, T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Self::Value> {
        Map::<N, T>::decode(node, cx)
    }
    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": N::pattern() },
            "additionalProperties": { "anyOf": [T::schema(), { "type": "null" }] },
        })
    }
}

/// A merged map, or Compose's list of `NAME=value`, which is a map by the time it is decoded.
pub(super) struct Pairs<T>(PhantomData<T>);
impl<N: Naming, T: Shape> Shape for Pairs<Map<N, T>> {
    type Value = BTreeMap<String, T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Self::Value> {
        Map::<N, T>::decode(node, cx)
    }
    fn schema() -> Json {
        json!({ "anyOf": [Merged::<Map<N, T>>::schema(), { "type": "array", "items": { "type": "string" } }] })
    }
}

/// A map, or a list of `NAME=VALUE` that is not merged by key.
pub(super) struct MapOrList<T>(PhantomData<T>);
impl<N: Naming, T: Shape> Shape for MapOrList<Map<N, T>> {
    type Value = BTreeMap<String, T::Value>;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Self::Value> {
        let Kind::List(items) = &node.kind else {
            return Map::<N, T>::decode(node, cx);
        };
        let mut map = BTreeMap::new();
        for item in items {
            let (name, value) = split(item, cx)?;
            cx.check(&item.span, N::check(&name));
            if let Some(value) = T::decode(&value, cx) {
                map.insert(name, value);
            }
        }
        Some(map)
    }
    fn schema() -> Json {
        json!({ "anyOf": [Map::<N, T>::schema(), { "type": "array", "items": { "type": "string", "pattern": "=" } }] })
    }
}

fn split(item: &Node, cx: &mut Problems<'_>) -> Option<(String, Node)> {
    let Kind::Scalar { text, .. } = &item.kind else {
        cx.wrong_kind(item, "`NAME=VALUE`", "write `NAME=VALUE`, or a map");
        return None;
    };
    let Some((name, value)) = text.split_once('=') else {
        cx.complain(
            &item.span,
            Complaint::new(format!("`{text}` has no `=`")).hint("write `NAME=VALUE`, or a map"),
        );
        return None;
    };
    let kind = Kind::Scalar {
        text: value.to_owned(),
        plain: false,
    };
    Some((
        name.to_owned(),
        Node {
            span: item.span.clone(),
            kind,
        },
    ))
}

/// One ulimit: a number, or a soft and a hard one.
pub(super) struct Ulimit;
impl Shape for Ulimit {
    type Value = (i64, i64);
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<(i64, i64)> {
        let (soft, hard) = match &node.kind {
            Kind::Scalar { .. } => {
                let both = Limit::decode(node, cx)?;
                (both, both)
            }
            Kind::Map(_) | Kind::Null | Kind::Empty | Kind::List(_) => {
                super::container::SoftAndHard::decode(node, cx)?
            }
        };
        if hard != -1 && (soft == -1 || soft > hard) {
            cx.complain(
                &node.span,
                Complaint::new("the soft limit is above the hard one")
                    .hint("raise `hard`, or lower `soft`"),
            );
        }
        Some((soft, hard))
    }
    fn schema() -> Json {
        json!({ "anyOf": [Limit::schema(), super::container::SoftAndHard::schema()] })
    }
}

/// The keys of a map, if it is there and is one.
pub(super) fn names(node: Option<&Node>) -> Vec<&str> {
    match node.map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|(key, _)| key.text.as_str()).collect(),
        Some(Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_)) | None => Vec::new(),
    }
}
