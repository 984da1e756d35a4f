//! Compose's list forms, `environment: ["A=b"]`, as the maps that they mean, so that they merge by
//! key.

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span, quote},
    node::{Key, Kind, Node, map::twice},
};
use std::collections::{HashMap, hash_map::Entry};

/// Makes maps of the lists under `environment` and `labels` of every service and task.
pub(super) fn to_maps(root: &mut Node, problems: &mut Diagnostics) {
    for (_, containers) in
        entries(root).filter(|(key, _)| matches!(key.text.as_str(), "services" | "tasks"))
    {
        for (_, container) in entries(containers) {
            for (key, value) in entries(container) {
                match key.text.as_str() {
                    "environment" => to_map(value, None, problems),
                    "labels" => to_map(value, Some(""), problems),
                    _ => {}
                }
            }
        }
    }
}

fn entries(node: &mut Node) -> impl Iterator<Item = &mut (Key, Node)> {
    match &mut node.kind {
        Kind::Map(entries) => entries.iter_mut(),
        Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) => [].iter_mut(),
    }
}

/// `unsaid` is the value of an item without `=`, where that is allowed.
fn to_map(node: &mut Node, unsaid: Option<&str>, problems: &mut Diagnostics) {
    let Kind::List(items) = &node.kind else {
        return;
    };
    let mut map: Vec<(Key, Node)> = Vec::new();
    let mut places: HashMap<String, Span> = HashMap::new();
    for item in items {
        match pair(item, unsaid) {
            Ok((key, value)) => match places.entry(key.text.clone()) {
                Entry::Occupied(first) => {
                    problems.push_with(|| twice(&key.span, &key.text, first.get()));
                }
                Entry::Vacant(place) => {
                    place.insert(key.span.clone());
                    map.push((key, value));
                }
            },
            Err(problem) => problems.push(problem),
        }
    }
    node.kind = Kind::Map(map);
}

fn pair(item: &Node, unsaid: Option<&str>) -> Result<(Key, Node), Diagnostic> {
    let Kind::Scalar { text, .. } = &item.kind else {
        let problem = Diagnostic::at(
            &item.span,
            format!(
                "a list here takes `NAME=value`, and this is {}",
                item.what()
            ),
        );
        return Err(problem.hint("write a map, `NAME: value` without the `-`"));
    };
    let (name, value) = match (text.split_once('='), unsaid) {
        (Some((name, value)), _) => (name, value),
        (None, Some(unsaid)) => (text.as_str(), unsaid),
        (None, None) => {
            let problem = Diagnostic::at(&item.span, format!("{} has no value", quote(text)));
            return Err(problem.hint(
                "write `NAME=value`; nothing is passed on from the instance's own environment",
            ));
        }
    };
    let key = Key {
        span: item.span.clone(),
        text: name.to_owned(),
    };
    let kind = Kind::Scalar {
        text: value.to_owned(),
        plain: false,
    };
    Ok((
        key,
        Node {
            span: item.span.clone(),
            kind,
        },
    ))
}
