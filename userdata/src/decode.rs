//! From a merged tree to a spec, with every problem reported at once.
//!
//! A key is declared once: its [`Record`] names it, its shape and its meaning, and from that come
//! the decoder, the names for "did you mean" and the JSON Schema, so that they cannot drift.
//!
//! - `keys`: what a record may hold
//! - `scalar`, `text`, `collection`: shapes of single values, strings with references, lists and maps
//! - `top`, `container`, `health`: the records
//! - `compose`: what to say to Compose keys that are not taken
//! - `extends`: a task's keys out of its service's
//! - `check`: what only the whole shows: names, cycles, clashes
//!
//! To add a key: a line in its record; the reference and `launch.schema.json` follow.

mod check;
mod collection;
mod compose;
mod container;
mod extends;
mod health;
mod keys;
mod scalar;
mod text;
mod top;

#[cfg(test)]
mod tests;

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean},
    node::Node,
    spec::{Spec, Unresolved},
    value::Complaint,
};
use keys::{Keys, Record};
use serde_json::Value as Json;

/// Reads a merged tree; `document` is kept with the spec. `None` when it had problems.
pub(crate) fn decode(
    node: &Node,
    document: String,
    problems: &mut Diagnostics,
) -> Option<Spec<Unresolved>> {
    let mut cx = Problems::of(problems, false);
    let node = extends::apply(node, &mut cx);
    let spec = top::Top::decode(&node, &mut cx).map(|spec| Spec { document, ..spec });
    if let Some(spec) = &spec {
        check::all(spec, &node, &mut cx);
    }
    spec.filter(|_| !cx.any)
}

/// Reads what is left of a tree when a source could not be read: every problem that is none of what
/// that source may have said.
pub(crate) fn look(node: &Node, problems: &mut Diagnostics) {
    let mut cx = Problems::of(problems, true);
    let node = extends::apply(node, &mut cx);
    top::Top::decode(&node, &mut cx);
}

/// The JSON Schema of the top level, without what `sources` takes out of it.
pub(crate) fn schema() -> Json {
    top::Top::schema()
}

/// A kind of value: how it is read, and what the schema says of it.
trait Shape {
    /// What it becomes.
    type Value;
    /// Reads it. Problems go to `cx`; `None` when there is nothing worth having.
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<Self::Value>;
    /// Its JSON Schema.
    fn schema() -> Json;
}

/// A record is a map with declared keys.
impl<R: Record> Shape for R {
    type Value = R::Value;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<R::Value> {
        let mut keys = Keys::of::<R>(node, cx)?;
        let value = R::read(&mut keys);
        keys.report_unknown(R::advice);
        value
    }
    fn schema() -> Json {
        keys::describe::<R>()
    }
}

/// What is wrong so far, and where in the tree the reading is.
struct Problems<'a> {
    found: &'a mut Diagnostics,
    path: Vec<String>,
    any: bool,
    /// A source is missing, so that nothing can be said to be.
    partial: bool,
}

impl<'a> Problems<'a> {
    fn of(found: &'a mut Diagnostics, partial: bool) -> Problems<'a> {
        Problems {
            found,
            path: Vec::new(),
            any: false,
            partial,
        }
    }
}

impl Problems<'_> {
    /// Adds a problem once: what a task takes from its service is read twice.
    fn push(&mut self, problem: Diagnostic) {
        self.any = true;
        if !self.found.is_full() && !self.found.0.contains(&problem) {
            self.found.push(problem);
        }
    }
    /// The known name that was probably meant; not searched for once nobody would be told.
    fn near<'a>(&self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
        (!self.found.is_full())
            .then(|| did_you_mean(written, known))
            .flatten()
    }
    /// Adds a problem of a value.
    fn complain(&mut self, span: &Span, complaint: Complaint) {
        self.push(complaint.at(span));
    }
    /// Adds a value's problem, if it has one.
    fn check<T>(&mut self, span: &Span, checked: Result<T, Complaint>) -> Option<T> {
        checked
            .map_err(|complaint| self.complain(span, complaint))
            .ok()
    }
    /// Says that a value is of the wrong kind.
    fn wrong_kind(&mut self, node: &Node, wanted: &str, hint: impl Into<String>) {
        // An empty value was reported when its document was read.
        self.any = true;
        if node.kind != crate::node::Kind::Empty {
            let complaint = Complaint::new(format!(
                "`{}` takes {wanted}, and this is {}",
                self.here(),
                node.what()
            ));
            self.complain(&node.span, complaint.hint(hint));
        }
    }
    /// Reads one step further down.
    fn below<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let value = read(self);
        self.path.pop();
        value
    }
    /// The key that is being read.
    fn here(&self) -> &str {
        self.path.last().map_or("the document", String::as_str)
    }
}
