//! What a map may hold: declared, read and described by the same lines.

use super::{Problems, Shape};
use crate::{
    diagnostic::{Diagnostic, Source, Span, quote},
    node::{Key, Kind, Node},
    value::Complaint,
};
use serde_json::{Value as Json, json};

/// A map with declared keys.
pub(super) trait Record {
    /// What it becomes.
    type Value;
    /// True where sources merge by key, so that one of them may say only a part, and null removes.
    const MERGES: bool = false;
    /// Takes every key, each by one line. Without a value (see [`Keys`]) it only declares them.
    fn read(keys: &mut Keys<'_, '_>) -> Option<Self::Value>;
    /// What to say to a key that is known elsewhere.
    fn advice(_key: &str) -> Option<&'static str> {
        None
    }
}

/// A declared key.
struct Declared {
    name: &'static str,
    about: &'static str,
    default: Option<&'static str>,
    required: bool,
    schema: fn() -> Json,
}

/// The keys of one map, or of none while they are only being described.
pub(super) struct Keys<'a, 'p> {
    node: &'a Node,
    entries: &'a [(Key, Node)],
    declared: Vec<Declared>,
    cx: &'a mut Problems<'p>,
    describing: bool,
}

impl<'a, 'p> Keys<'a, 'p> {
    /// The keys of `node`, if it is a map.
    pub(super) fn of<R: Record>(node: &'a Node, cx: &'a mut Problems<'p>) -> Option<Keys<'a, 'p>> {
        match &node.kind {
            Kind::Map(entries) => Some(Keys {
                node,
                entries,
                declared: Vec::new(),
                cx,
                describing: false,
            }),
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) => {
                let names: Vec<&str> = declared::<R>().iter().map(|key| key.name).collect();
                let hint = listed(&names)
                    .map_or(ELSEWHERE.to_owned(), |all| format!("write a map of {all}"));
                cx.wrong_kind(node, "a map", hint);
                None
            }
        }
    }

    /// An optional key.
    pub(super) fn take<T: Shape>(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<T::Value> {
        self.declare::<T>(name, about, None, false);
        self.read::<T>(name)
    }

    /// A key with a default, written as a person would.
    pub(super) fn or<T: Shape>(
        &mut self,
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Option<T::Value> {
        self.declare::<T>(name, about, Some(default), false);
        self.read::<T>(name).or_else(|| {
            let span = Source::new("default", default).span(0..default.len());
            T::decode(
                &Node {
                    span,
                    kind: Kind::Scalar {
                        text: default.to_owned(),
                        plain: true,
                    },
                },
                self.cx,
            )
        })
    }

    /// A key that must be there (once all sources are merged).
    pub(super) fn required<T: Shape>(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<T::Value> {
        self.declare::<T>(name, about, None, true);
        if !self.describing && !self.cx.partial && self.node.get(name).is_none() {
            let what = Complaint::new(format!("{} needs `{name}`", quote(&self.cx.path.join("."))));
            self.cx.complain(&self.node.span, what.hint(about));
        }
        self.read::<T>(name)
    }

    /// Says that something is wrong with these keys together.
    pub(super) fn complain(&mut self, complaint: Complaint) {
        if !self.describing {
            self.cx.complain(&self.node.span, complaint);
        }
    }

    /// Which of `names` are there.
    pub(super) fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names
            .iter()
            .copied()
            .filter(|name| self.node.get(name).is_some())
            .collect()
    }

    /// Where the map stands.
    pub(super) fn span(&self) -> Span {
        self.node.span.clone()
    }

    fn declare<T: Shape>(
        &mut self,
        name: &'static str,
        about: &'static str,
        default: Option<&'static str>,
        required: bool,
    ) {
        self.declared.push(Declared {
            name,
            about,
            default,
            required,
            schema: T::schema,
        });
    }

    fn read<T: Shape>(&mut self, name: &str) -> Option<T::Value> {
        let node = self.node.get(name)?;
        self.cx.below(name, |cx| T::decode(node, cx))
    }

    /// Reports every key that was not taken.
    pub(super) fn report_unknown(self, advice: fn(&str) -> Option<&'static str>) {
        let known = || self.declared.iter().map(|declared| declared.name);
        let all = listed(&known().collect::<Vec<_>>());
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| known().all(|name| name != key.text))
        {
            let hint = advice(&key.text)
                .map(str::to_owned)
                .or_else(|| self.cx.near(&key.text, known()))
                .or_else(|| all.as_ref().map(|all| format!("it takes {all}")))
                .or_else(|| Some(ELSEWHERE.to_owned()));
            let problem = Diagnostic::at(&key.span, format!("unknown key {}", quote(&key.text)));
            self.cx.push(Diagnostic { hint, ..problem });
        }
    }
}

/// The most keys that a hint lists.
const LISTED: usize = 8;

/// What a hint says instead.
const ELSEWHERE: &str =
    "the keys there are stand in the reference's tables under Containers, Services and Tasks";

/// The names for a hint, if they are few: `` `a`, `b` and `c` ``.
fn listed(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => Some(last.clone()),
        Some((last, others)) if names.len() <= LISTED => {
            Some(format!("{} and {last}", others.join(", ")))
        }
        Some(_) | None => None,
    }
}

/// What a record declares.
fn declared<R: Record>() -> Vec<Declared> {
    let nothing = Node {
        span: Source::new("schema", "").span(0..0),
        kind: Kind::Map(Vec::new()),
    };
    let mut found = crate::diagnostic::Diagnostics::default();
    let mut cx = Problems::of(&mut found, false);
    let mut keys = Keys {
        node: &nothing,
        entries: &[],
        declared: Vec::new(),
        cx: &mut cx,
        describing: true,
    };
    R::read(&mut keys);
    keys.declared
}

/// The JSON Schema of a record.
pub(super) fn describe<R: Record>() -> Json {
    let declared = declared::<R>();
    let properties: serde_json::Map<String, Json> = declared
        .iter()
        .map(|declared| (declared.name.to_owned(), property(declared, R::MERGES)))
        .collect();
    let mut schema =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let required: Vec<&str> = declared
        .iter()
        .filter(|declared| declared.required)
        .map(|declared| declared.name)
        .collect();
    if let (false, false, Some(schema)) = (R::MERGES, required.is_empty(), schema.as_object_mut()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn property(declared: &Declared, merges: bool) -> Json {
    let mut schema = (declared.schema)();
    if merges {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(declared.about));
        if let Some(default) = declared.default {
            schema.insert("default".to_owned(), json!(default));
        }
    }
    schema
}
