//! A task's keys out of its service's: merged on the tree, as sources are.

use super::{Problems, collection};
use crate::{
    diagnostic::quote,
    node::{
        Key, Kind, Node,
        build::{Budget, cost},
    },
    value::Complaint,
};
use std::collections::HashSet;

/// What a task does not take from its service.
const LEFT: [&str; 4] = ["ports", "health", "restart", "depends_on"];
/// What is merged by key between the two.
const BY_KEY: [&str; 3] = ["environment", "files", "labels"];

/// The tree with every task's `extends` carried out.
pub(super) fn apply(root: &Node, cx: &mut Problems<'_>) -> Node {
    let mut root = root.clone();
    let services = root.get("services").cloned();
    let Kind::Map(entries) = &mut root.kind else {
        return root;
    };
    let Some((_, tasks)) = entries.iter_mut().find(|(key, _)| key.text == "tasks") else {
        return root;
    };
    let Kind::Map(tasks) = &mut tasks.kind else {
        return root;
    };
    let mut budget = Budget::default();
    let names: HashSet<String> = tasks.iter().map(|(key, _)| key.text.clone()).collect();
    for (_, task) in tasks {
        let Some(extends) = task.get("extends").cloned() else {
            continue;
        };
        let Some(service) = service(&extends, services.as_ref(), &names, cx) else {
            continue;
        };
        let (nodes, bytes, _) = cost(service);
        if !budget.spend(nodes, bytes) {
            let complaint = Complaint::new("the tasks take too much from here on");
            cx.complain(
                &extends.span,
                complaint.hint("give large services fewer tasks that extend them"),
            );
            break;
        }
        inherit(task, service);
    }
    root
}

/// The service that `extends` names.
fn service<'a>(
    extends: &Node,
    services: Option<&'a Node>,
    tasks: &HashSet<String>,
    cx: &mut Problems<'_>,
) -> Option<&'a Node> {
    let Kind::Scalar { text, .. } = &extends.kind else {
        return None;
    };
    match services.and_then(|services| services.get(text)) {
        Some(service) => Some(service),
        None if tasks.contains(text) => {
            let complaint = Complaint::new(format!("{} is a task, not a service", quote(text)));
            let hint = "only a service is extended; YAML anchors share keys between tasks";
            cx.complain(&extends.span, complaint.hint(hint));
            None
        }
        // The source that could not be read may have it.
        None if cx.partial => None,
        None => {
            let names = collection::names(services);
            let complaint =
                Complaint::new(format!("there is no service {} to extend", quote(text)));
            cx.complain(
                &extends.span,
                complaint
                    .hint("name a service, or leave it out")
                    .hint_if(cx.near(text, names)),
            );
            None
        }
    }
}

fn inherit(task: &mut Node, service: &Node) {
    let (Kind::Map(own), Kind::Map(theirs)) = (&mut task.kind, &service.kind) else {
        return;
    };
    for (key, own) in own.iter_mut() {
        if BY_KEY.contains(&key.text.as_str())
            && let (Some(theirs), Kind::Map(own)) = (service.get(&key.text), &mut own.kind)
            && let Kind::Map(theirs) = &theirs.kind
        {
            add_missing(own, theirs, &[]);
        }
    }
    add_missing(own, theirs, &LEFT);
}

fn add_missing(own: &mut Vec<(Key, Node)>, theirs: &[(Key, Node)], left: &[&str]) {
    let there: HashSet<String> = own.iter().map(|(key, _)| key.text.clone()).collect();
    let missing = theirs
        .iter()
        .filter(|(key, _)| !there.contains(&key.text) && !left.contains(&key.text.as_str()));
    own.extend(missing.cloned());
}
