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

/// And of all other parts of a message together.
const LOOK_IN_ALL: usize = 8 * LOOK;

/// Looks for stray documents, as far as that is worth it: what a message packs into little costs no
/// more than what it says at length. A document that lies too deep for that goes unseen.
#[derive(Debug)]
pub(super) struct Look {
    /// What other parts may still be unpacked to.
    pub(super) room: usize,
    /// What the trees of all texts may still take.
    budget: Budget,
}

impl Default for Look {
    fn default() -> Look {
        Look {
            room: LOOK_IN_ALL,
            budget: Budget::default(),
        }
    }
}

/// The cloud-init header that a body begins with.
pub(super) fn header(bytes: &[u8]) -> Option<&'static str> {
    HEADERS.into_iter().find(|header| begins(bytes, header))
}

fn begins(bytes: &[u8], header: &str) -> bool {
    let start = bytes.trim_ascii_start().get(..header.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(header.as_bytes()))
}

impl Look {
    /// Where a firstlight document begins in a text that firstlight does not read.
    pub(super) fn stray(&mut self, bytes: &[u8]) -> Option<usize> {
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
            (true, _) => {
                let archive = self.tree(text)?;
                self.in_archive(&archive)
            }
            (false, true) => {
                let json = self.tree(text)?;
                json.get("firstlight").map(|node| node.span.start)
            }
            (false, false) => None,
        }
    }

    /// The same for another part's content, which may be packed.
    pub(super) fn stray_in_part(&mut self, bytes: &[u8]) -> bool {
        let share = self.room.min(LOOK);
        let mut left = share;
        let unpacked = layers::unpack("", bytes, &mut left, &mut Diagnostics::default());
        // What did not fit was unpacked as far as there was room.
        self.room -= unpacked.as_ref().map_or(share, |_| share - left);
        unpacked.is_ok_and(|bytes| self.stray(&bytes).is_some())
    }

    fn in_archive(&mut self, archive: &Node) -> Option<usize> {
        let Kind::List(entries) = &archive.kind else {
            return None;
        };
        entries.iter().find_map(|entry| {
            let content = entry.get("content").unwrap_or(entry);
            match &content.kind {
                // Its own archive would nest without end; an entry is never one.
                Kind::Scalar { text, .. } if !begins(text.as_bytes(), "#cloud-config-archive") => {
                    self.stray(text.as_bytes()).map(|_| content.span.start)
                }
                Kind::Scalar { .. } | Kind::Null | Kind::Empty | Kind::List(_) | Kind::Map(_) => {
                    None
                }
            }
        })
    }

    fn tree(&mut self, text: &str) -> Option<Node> {
        let source = Source::new("", text);
        build(&source, &mut self.budget, &mut Diagnostics::default()).ok()?
    }
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
