//! What only the whole shows: names, circles, clashes.
//!
//! - `names`: that every name means one thing, and no circle is among them
//! - `places`: ports, mounts and networks that cannot be together

mod names;
mod places;

use super::{Problems, collection};
use crate::{
    diagnostic::{Diagnostic, Span},
    node::Node,
    spec::{Spec, Unresolved},
    value::Complaint,
};

/// The most services and tasks together: more than an instance is for, and it bounds the checks.
const MOST: usize = 100;

/// Checks a spec against itself. `root` says where things were written.
pub(super) fn all(spec: &Spec<Unresolved>, root: &Node, cx: &mut Problems<'_>) {
    if spec.services.is_empty() && spec.tasks.is_empty() && !cx.any {
        let nothing = Diagnostic::whole(
            "there are neither `services` nor `tasks`, so there is nothing to run",
        );
        cx.push(nothing.hint("write `services: {web: {image: …}}`"));
    }
    let written = |kind| collection::names(root.get(kind)).len();
    if written("services") + written("tasks") > MOST {
        let too_many = Diagnostic::whole(format!("there are more than {MOST} services and tasks"));
        return cx.push(too_many.hint("an instance is for one application; use more groups"));
    }
    let mut whole = Whole { spec, root, cx };
    whole.names();
    whole.places();
}

/// What the checks share.
struct Whole<'a, 'p> {
    spec: &'a Spec<Unresolved>,
    root: &'a Node,
    cx: &'a mut Problems<'p>,
}

impl Whole<'_, '_> {
    /// Where a key of a service or task was written, or else the nearest thing above it.
    fn span(&self, name: &str, key: &str) -> Span {
        let container = ["services", "tasks"]
            .into_iter()
            .find_map(|kind| self.root.get(kind)?.get(name));
        let node = container.and_then(|container| container.get(key));
        node.or(container).unwrap_or(self.root).span.clone()
    }

    fn complain(&mut self, name: &str, key: &str, complaint: Complaint) {
        let span = self.span(name, key);
        self.cx.complain(&span, complaint);
    }
}
