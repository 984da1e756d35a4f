//! A text with every secret in it replaced by its reference.
//!
//! For text that firstlight did not write: a container's last lines, a service's error. Known forms
//! of a secret are found: raw, JSON-escaped, percent-encoded, base64 (also inside a longer text, as
//! in `user:password`), hexadecimal, and each line of one that has several. Secrets shorter than
//! [`SHORTEST`] would be found everywhere, so they are replaced only where they are a whole line. A
//! program that transforms its secrets in other ways and prints them can't be helped.
//!
//! To add a form: a line in `forms`.

mod forms;

use crate::resolve::{Answer, Fetched, Values, json};
use std::{collections::BTreeMap, fmt};

/// The shortest secret, in bytes, that is looked for inside a line.
pub const SHORTEST: usize = 3;

/// Knows every secret of a launch. `Debug` shows none.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What to look for and the reference to put there, longest first, by first byte.
    needles: BTreeMap<u8, Vec<(String, String)>>,
    /// Secrets too short to look for inside a line.
    lines: Vec<(String, String)>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Knows every secret among the values, and every member of those that are JSON.
    pub fn of(values: &Values) -> Redactor {
        let mut redactor = Redactor::default();
        for (target, answer) in values {
            match answer {
                Answer::One(fetched) => redactor.add_fetched(&target.to_string(), fetched),
                Answer::Path(entries) => {
                    entries.iter().for_each(|(name, fetched)| {
                        redactor.add_fetched(&format!("ssm:{name}"), fetched)
                    });
                }
            }
        }
        redactor
    }

    fn add_fetched(&mut self, name: &str, fetched: &Fetched) {
        if !fetched.secret {
            return;
        }
        self.add(name, &fetched.value);
        for (member, value) in json::present(&fetched.value) {
            self.add(&format!("{name}#{member}"), &value);
        }
    }

    /// Adds one more secret, such as a registry's token, to be shown as `{{name}}`.
    pub fn add(&mut self, name: &str, secret: &str) {
        let shown = format!("{{{{{name}}}}}");
        if secret.trim().len() < SHORTEST {
            if !secret.trim().is_empty() {
                self.lines.push((secret.trim().to_owned(), shown));
            }
            return;
        }
        for form in forms::of(secret) {
            self.look_for(form, &shown);
        }
    }

    fn look_for(&mut self, form: String, shown: &str) {
        let Some(first) = form.bytes().next() else {
            return;
        };
        let needles = self.needles.entry(first).or_default();
        if !needles.iter().any(|(needle, _)| *needle == form) {
            needles.push((form, shown.to_owned()));
            needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        }
    }

    /// Knows another's secrets beside its own: a value that was fetched anew may have changed, and text
    /// from before holds the old one.
    pub fn learn(&mut self, other: &Redactor) {
        for (needle, shown) in other.needles.values().flatten() {
            self.look_for(needle.clone(), shown);
        }
        for line in &other.lines {
            if !self.lines.contains(line) {
                self.lines.push(line.clone());
            }
        }
    }

    /// The text with `{{reference}}` wherever a secret stood. Of secrets that overlap, all that they
    /// cover goes, and the longest gives its name.
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut kept = 0;
        for found in self.find(text) {
            redacted.push_str(text.get(kept..found.start).unwrap_or_default());
            redacted.push_str(found.shown);
            kept = found.end;
        }
        redacted.push_str(text.get(kept..).unwrap_or_default());
        self.redact_lines(redacted)
    }

    fn find<'a>(&'a self, text: &str) -> Vec<Found<'a>> {
        let mut all: Vec<Found<'a>> = Vec::new();
        for (start, byte) in text.bytes().enumerate() {
            let Some(rest) = text.get(start..) else {
                continue;
            };
            let needles = self.needles.get(&byte).into_iter().flatten();
            let Some((needle, shown)) = needles
                .into_iter()
                .find(|(needle, _)| rest.starts_with(needle.as_str()))
            else {
                continue;
            };
            let found = Found {
                start,
                end: start + needle.len(),
                longest: needle.len(),
                shown,
            };
            match all.last_mut().filter(|last| found.start < last.end) {
                None => all.push(found),
                Some(last) => {
                    last.end = last.end.max(found.end);
                    if found.longest > last.longest {
                        (last.longest, last.shown) = (found.longest, found.shown);
                    }
                }
            }
        }
        all
    }

    fn redact_lines(&self, text: String) -> String {
        if self.lines.is_empty() {
            return text;
        }
        let line = |line: &str| match self.lines.iter().find(|(secret, _)| line.trim() == secret) {
            Some((secret, shown)) => line.replacen(secret.as_str(), shown, 1),
            None => line.to_owned(),
        };
        text.split_inclusive('\n').map(line).collect()
    }
}

/// A stretch of the text that goes.
struct Found<'a> {
    start: usize,
    end: usize,
    longest: usize,
    shown: &'a str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::reference::Target;
    use base64::prelude::*;
    use proptest::prelude::*;

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let mut redactor = Redactor::default();
        for (name, secret) in secrets {
            redactor.add(name, secret);
        }
        redactor
    }

    const CANARY: &str = "p@ss \"wörd\"/<&>\\";

    #[test]
    fn finds_every_form() {
        let redactor = redactor(&[("ssm:/x", CANARY)]);
        for form in [
            CANARY.to_owned(),
            r#"p@ss \"wörd\"/<&>\\"#.to_owned(),
            r#"p@ss \"wörd\"\/<&>\\"#.to_owned(),
            r#"p@ss \"w\u00f6rd\"/<&>\\"#.to_owned(),
            r#"p@ss \"wörd\"/\u003c\u0026\u003e\\"#.to_owned(),
            "p%40ss%20%22w%C3%B6rd%22%2F%3C%26%3E%5C".to_owned(),
            "p%40ss%20%22w%c3%b6rd%22%2f%3c%26%3e%5c".to_owned(),
            "p%40ss+%22w%C3%B6rd%22%2F%3C%26%3E%5C".to_owned(),
            BASE64_STANDARD.encode(CANARY),
            BASE64_URL_SAFE_NO_PAD.encode(CANARY),
        ] {
            assert_eq!(
                redactor.redact(&format!("a={form};")),
                "a={{ssm:/x}};",
                "{form}"
            );
        }
        for before in ["", "u", "us", "user:"] {
            let shown =
                redactor.redact(&BASE64_STANDARD.encode(format!("{before}{CANARY} and more")));
            assert!(shown.contains("{{ssm:/x}}"), "{before}: {shown}");
        }
    }

    #[test]
    fn lines_overlaps_and_short_ones() {
        let several = redactor(&[("ssm:/key", "-----BEGIN-----\nabcdef\nghi\n-----END-----\n")]);
        assert_eq!(several.redact("x abcdef y"), "x {{ssm:/key}} y");
        assert_eq!(several.redact("ghi"), "{{ssm:/key}}");
        let overlapping = redactor(&[("a", "abcd"), ("b", "cdefgh")]);
        assert_eq!(overlapping.redact("1abcdefgh2"), "1{{b}}2");
        let nested = redactor(&[("short", "secret"), ("long", "my-secret-2")]);
        assert_eq!(nested.redact("my-secret-2 secret"), "{{long}} {{short}}");
        let short = redactor(&[("pin", "42")]);
        assert_eq!(
            short.redact("the answer is 42\n 42 \n42"),
            "the answer is 42\n {{pin}} \n{{pin}}"
        );
        assert_eq!(
            redactor(&[("none", ""), ("space", "  ")]).redact("a  b"),
            "a  b"
        );
    }

    #[test]
    fn learns_what_another_knows_and_forgets_nothing() {
        let mut known = redactor(&[("old", "before-1"), ("pin", "42")]);
        known.learn(&redactor(&[("new", "after-22"), ("pin", "17")]));
        assert_eq!(
            known.redact("before-1 after-22\n42\n17"),
            "{{old}} {{new}}\n{{pin}}\n{{pin}}"
        );
    }

    #[test]
    fn knows_the_members_of_json() {
        let fetched = |secret| {
            Answer::One(Fetched {
                value: r#"{"user":"alice","password":"s3cr3t\n!","n":null}"#.to_owned(),
                secret,
                version: None,
            })
        };
        let target = Target::Secret("db".to_owned());
        let redactor = Redactor::of(&Values::from([(target.clone(), fetched(true))]));
        assert_eq!(
            redactor.redact("login s3cr3t\n! failed"),
            "login {{secretsmanager:db#password}} failed"
        );
        assert!(!format!("{redactor:?}").contains("alice"));
        assert_eq!(
            Redactor::of(&Values::from([(target, fetched(false))])).redact("alice"),
            "alice",
            "not a secret"
        );
    }

    proptest! {
        #[test]
        fn no_secret_is_left(secret in "[!-~]{6,20}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            let redactor = redactor(&[("§", &secret)]);
            let shown = redactor.redact(&[before, secret.clone(), after].concat());
            prop_assert!(!shown.contains(&secret));
        }

        #[test]
        fn never_panics(secret in "\\PC{0,12}", text in "\\PC{0,60}") {
            let _ = redactor(&[("x", &secret)]).redact(&text);
        }
    }
}
