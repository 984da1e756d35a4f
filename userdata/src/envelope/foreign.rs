//! What belongs to cloud-init, and documents that strayed into it.

use super::{Problem, layers};
use crate::{
    diagnostic::{Diagnostics, Source},
    node::{
        Kind, Node,
        build::{Budget, build},
    },
};

/// What cloud-init knows a text by (its `INCLUSION_TYPES_MAP`); letters of either case, after blanks.
const HEADERS: [&str; 10] = [
    "#!",
    "#cloud-config-archive",
    "#cloud-config-jsonp",
    "#cloud-config",
    "#cloud-boothook",
    "#include-once",
    "#include",
    "#part-handler",
    "#upstart-job",
    "## template: jinja",
];

/// Headers of texts that are no YAML, where a line `firstlight: 1` may well be somebody's data.
const SCRIPTS: [&str; 6] = [
    "#!",
    "#cloud-boothook",
    "#include-once",
    "#include",
    "#part-handler",
    "#upstart-job",
];

/// How much of another part is unpacked to look for a stray document.
const LOOK: usize = 64 << 10;

/// The cloud-init header that a body begins with.
pub(super) fn header(bytes: &[u8]) -> Option<&'static str> {
    HEADERS.into_iter().find(|header| begins(bytes, header))
}

fn begins(bytes: &[u8], header: &str) -> bool {
    let start = bytes.trim_ascii_start().get(..header.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(header.as_bytes()))
}

/// Where a firstlight document begins in a text that firstlight does not read.
pub(super) fn stray(bytes: &[u8]) -> Option<usize> {
    if SCRIPTS.iter().any(|header| begins(bytes, header)) {
        return None;
    }
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.contains("firstlight"))?;
    let key = ["firstlight:", "\"firstlight\":"];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if key.iter().any(|key| line.starts_with(key)) {
            return Some(at);
        }
        at += line.len();
    }
    match (
        begins(bytes, "#cloud-config-archive"),
        text.trim_start().starts_with('{'),
    ) {
        (true, _) => in_archive(&tree(text)?),
        (false, true) => tree(text)?.get("firstlight").map(|node| node.span.start),
        (false, false) => None,
    }
}

/// The same for another part's content, which may be packed.
pub(super) fn stray_in_part(bytes: &[u8]) -> bool {
    let unpacked = layers::unpack("", bytes, &mut { LOOK }, &mut Diagnostics::default());
    unpacked.is_ok_and(|bytes| stray(&bytes).is_some())
}

fn in_archive(archive: &Node) -> Option<usize> {
    let Kind::List(entries) = &archive.kind else {
        return None;
    };
    entries.iter().find_map(|entry| {
        let content = entry.get("content").unwrap_or(entry);
        match &content.kind {
            // Its own archive would nest without end; an entry is never one.
            Kind::Scalar { text, .. } if !begins(text.as_bytes(), "#cloud-config-archive") => {
                stray(text.as_bytes()).map(|_| content.span.start)
            }
            Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) | Kind::Map(_) => None,
        }
    })
}

fn tree(text: &str) -> Option<Node> {
    build(
        &Source::new("", text),
        &mut Budget::default(),
        &mut Diagnostics::default(),
    )
    .ok()?
}

/// A document in a body that is cloud-init's.
pub(super) fn in_body(header: &str) -> Problem {
    Problem::new(format!("a firstlight document stands in a `{header}` body, which firstlight does not read")).hint(
        "send it as a MIME part of type `text/firstlight`, or let cloud-config's `write_files` put it into /etc/firstlight/launch.d",
    )
}

/// A document in a part that is cloud-init's.
pub(super) fn in_part(content_type: &str) -> Problem {
    Problem::new(format!("a firstlight document stands in a part of type `{content_type}`, which firstlight does not read"))
        .hint("give the part the type `text/firstlight`")
}
