//! What the journal holds: entries, and the vocabulary that ours keep to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::parts::repository;

/// One journal entry: its fields, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry(pub BTreeMap<String, String>);

impl Entry {
    /// Reads one as systemd's "Native Journal Protocol" writes it: `NAME=value`, or `NAME`, eight bytes of length in
    /// little-endian, and the value; each ends with a newline.
    ///
    /// # Errors
    /// If it isn't one.
    pub fn read(mut bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(
            !bytes.is_empty(),
            "an entry without a field, or in a memory file"
        );
        let mut fields = BTreeMap::new();
        while !bytes.is_empty() {
            let end = bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .context("a field without an end")?;
            let (line, rest) = bytes.split_at(end);
            let rest = rest.get(1..).unwrap_or_default();
            let (name, value) = match line.iter().position(|byte| *byte == b'=') {
                Some(at) => {
                    bytes = rest;
                    (&line[..at], &line[at + 1..])
                }
                None => {
                    let (length, rest) = rest
                        .split_first_chunk()
                        .context("a field without a length")?;
                    let length = usize::try_from(u64::from_le_bytes(*length))?;
                    let value = rest.get(..length).context("a field that is too short")?;
                    ensure!(rest.get(length) == Some(&b'\n'), "a field that is too long");
                    bytes = &rest[length + 1..];
                    (line, value)
                }
            };
            let name = String::from_utf8(name.to_vec())?;
            if fields
                .insert(name.clone(), String::from_utf8(value.to_vec())?)
                .is_some()
            {
                bail!("{name} twice in one entry");
            }
        }
        Ok(Self(fields))
    }

    /// Reads one as `journalctl --output json` writes it, a line an entry: text, or a list of bytes where a value is no
    /// printable text (systemd's "Journal JSON Format").
    ///
    /// # Errors
    /// If it isn't one, or a field is there twice.
    pub fn told(line: &str) -> anyhow::Result<Self> {
        let object: BTreeMap<String, Value> = serde_json::from_str(line).context("an entry")?;
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Array(bytes) => {
                let byte = |byte: &Value| u8::try_from(byte.as_u64()?).ok();
                let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
                String::from_utf8(bytes?).ok()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        };
        let field = |(name, value): (String, Value)| {
            let text = text(&value).with_context(|| format!("{name} is {value}"))?;
            anyhow::Ok((name, text))
        };
        object
            .into_iter()
            .map(field)
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// Whether it tells this event.
    #[must_use]
    pub fn is(&self, event: &str) -> bool {
        self.get("FIRSTLIGHT_EVENT") == Some(event)
    }

    /// A field's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Holds an entry of this event, with these fields, to be there.
///
/// # Errors
/// With all entries of the event, if there is none.
pub fn expect(entries: &[Entry], event: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
    let same = |entry: &Entry, name, value| entry.get(&format!("FIRSTLIGHT_{name}")) == Some(value);
    let of: Vec<&Entry> = entries.iter().filter(|entry| entry.is(event)).collect();
    let mut of_it = of.iter();
    ensure!(
        of_it.any(|entry| fields.iter().all(|(name, value)| same(entry, name, value))),
        "no {event} with {fields:?} among {of:#?}"
    );
    Ok(())
}

/// The journal's vocabulary, as `fields.rs` has it: it is API, and the one place where it is. That the operator's reference
/// tells the same is a unit test beside it.
#[derive(Debug)]
pub struct Catalogue {
    fields: BTreeSet<String>,
    /// Name and MESSAGE_ID.
    events: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads it.
    ///
    /// # Errors
    /// If it is not where it was, or written otherwise.
    pub fn read() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(repository().join("agent/src/report/fields.rs"))?;
        let words: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
        let is_id =
            |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fields = words.iter().filter(|word| word.starts_with("FIRSTLIGHT_"));
        let events = words.windows(2).filter(|pair| is_id(pair[1]));
        let catalogue = Self {
            fields: fields.map(ToString::to_string).collect(),
            events: events
                .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
                .collect(),
        };
        ensure!(
            catalogue.fields.len() > 20 && catalogue.events.len() > 15,
            "fields.rs is not read well"
        );
        Ok(catalogue)
    }

    /// Holds an entry to be in this vocabulary, and whole.
    ///
    /// # Errors
    /// With the entry, if it is not.
    pub fn holds(&self, entry: &Entry) -> anyhow::Result<()> {
        let get = |name| {
            entry
                .get(name)
                .with_context(|| format!("no {name} in {entry:?}"))
        };
        let event = get("FIRSTLIGHT_EVENT")?;
        ensure!(
            self.events.get(event).map(String::as_str) == Some(get("MESSAGE_ID")?),
            "{entry:?}"
        );
        let unknown =
            |name: &&String| name.starts_with("FIRSTLIGHT_") && !self.fields.contains(*name);
        let unknown: Vec<&String> = entry.0.keys().filter(unknown).collect();
        ensure!(unknown.is_empty(), "{unknown:?} are in no catalogue");
        let priority: u8 = get("PRIORITY")?.parse()?;
        let loud = matches!(event, "stage_failed" | "throttled" | "retrying" | "warning");
        ensure!(
            (3..=7).contains(&priority) && (!loud || priority <= 4),
            "{entry:?}"
        );
        ensure!(
            get("SYSLOG_IDENTIFIER")? == "firstlight" && !get("MESSAGE")?.is_empty(),
            "{entry:?}"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_both_kinds_of_field() {
        let mut bytes = b"PRIORITY=6\nMESSAGE\n".to_vec();
        bytes.extend(7_u64.to_le_bytes());
        bytes.extend(b"two\nmor\n");
        let entry = Entry::read(&bytes).unwrap();
        assert_eq!(
            (entry.get("PRIORITY"), entry.get("MESSAGE")),
            (Some("6"), Some("two\nmor"))
        );
        for broken in [&b""[..], b"A=1", b"A\n\x01", b"A=1\nA=2\n"] {
            assert!(Entry::read(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn reads_what_journalctl_tells() {
        let entry = Entry::told(r#"{"PRIORITY":"6","MESSAGE":[116,119,111,10]}"#).unwrap();
        assert_eq!(
            (entry.get("PRIORITY"), entry.get("MESSAGE")),
            (Some("6"), Some("two\n"))
        );
        for broken in ["", "{\"A\":null}", "{\"A\":[\"1\",\"2\"]}", "{\"A\":[300]}"] {
            assert!(Entry::told(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn the_vocabulary_refuses_what_is_not_in_it() {
        let catalogue = Catalogue::read().unwrap();
        let (event, id) = catalogue.events.iter().next().unwrap();
        let whole = [
            ("FIRSTLIGHT_EVENT", event.as_str()),
            ("MESSAGE_ID", id),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "firstlight"),
            ("MESSAGE", "a word"),
        ];
        let whole = whole.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let whole = Entry(BTreeMap::from(whole));
        catalogue.holds(&whole).unwrap();
        for (name, value) in [
            ("FIRSTLIGHT_EVENT", "unheard_of"),
            ("FIRSTLIGHT_FOREIGN", "1"),
            ("MESSAGE_ID", "0"),
            ("PRIORITY", "0"),
            ("MESSAGE", ""),
        ] {
            let mut entry = whole.clone();
            entry.0.insert(name.to_owned(), value.to_owned());
            assert!(catalogue.holds(&entry).is_err(), "{entry:?}");
        }
    }
}
