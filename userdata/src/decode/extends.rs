//! A task's keys out of its service's: merged on the tree, as sources are.

use super::{Problems, collection};
use crate::{
    diagnostic::{did_you_mean, quote},
    node::{Key, Kind, Node},
    value::Complaint,
};

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
    for (_, task) in tasks {
        let Some(extends) = task.get("extends").cloned() else {
            continue;
        };
        if let Some(service) = service(&extends, services.as_ref(), cx) {
            inherit(task, service);
        }
    }
    root
}

/// The service's keys that `extends` names.
fn service<'a>(
    extends: &Node,
    services: Option<&'a Node>,
    cx: &mut Problems<'_>,
) -> Option<&'a [(Key, Node)]> {
    let Kind::Scalar { text, .. } = &extends.kind else {
        return None;
    };
    match services
        .and_then(|services| services.get(text))
        .map(|service| &service.kind)
    {
        Some(Kind::Map(entries)) => Some(entries),
        Some(Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_)) => None,
        None => {
            let names = collection::names(services);
            let complaint =
                Complaint::new(format!("there is no service {} to extend", quote(text)));
            cx.complain(&extends.span, complaint.hint_if(did_you_mean(text, names)));
            None
        }
    }
}

fn inherit(task: &mut Node, service: &[(Key, Node)]) {
    let Kind::Map(own) = &mut task.kind else {
        return;
    };
    for (key, theirs) in service
        .iter()
        .filter(|(key, _)| !LEFT.contains(&key.text.as_str()))
    {
        match own.iter_mut().find(|(own, _)| own.text == key.text) {
            None => own.push((key.clone(), theirs.clone())),
            Some((_, own)) if BY_KEY.contains(&key.text.as_str()) => inherit_entries(own, theirs),
            Some(_) => {}
        }
    }
}

fn inherit_entries(own: &mut Node, theirs: &Node) {
    if let (Kind::Map(own), Kind::Map(theirs)) = (&mut own.kind, &theirs.kind) {
        for entry in theirs {
            if own.iter().all(|(key, _)| key.text != entry.0.text) {
                own.push(entry.clone());
            }
        }
    }
}
