//! The bundle: a folder of texts as a compressed tar archive, bounded in size. Bytes in memory, no I/O.
//!
//! Every text passes the redactor on its way in, whoever read it and whatever they did about secrets.
//!
//! The archive is ustar (POSIX.1-1988, `pax(1)`): one header of 512 bytes a file, contents padded to the
//! same, two blocks of zeros. Everything is root's and 0600, for it is about a machine's inside.

use firstlight_userdata::redact::Redactor;
use flate2::{Compression, write::GzEncoder};
use std::{fmt::Write as _, io::Write as _, sync::Arc};
use time::OffsetDateTime;

/// The largest file, in bytes. Of a longer log its end is kept, anything else stays out.
pub(super) const FILE: usize = 512 * 1024;
/// All files together, in bytes, before they are compressed.
const WHOLE: usize = 5 * 1024 * 1024;

const BLOCK: usize = 512;

/// A bundle being filled.
pub(super) struct Bundle {
    folder: String,
    secrets: Arc<Redactor>,
    archive: GzEncoder<Vec<u8>>,
    room: usize,
    left_out: Vec<(String, String)>,
    now: u64,
}

impl Bundle {
    /// An empty one, whose files lie in this folder and hold none of these secrets.
    pub(super) fn new(folder: &str, secrets: Arc<Redactor>) -> Bundle {
        Bundle {
            folder: folder.to_owned(),
            secrets,
            archive: GzEncoder::new(Vec::new(), Compression::fast()),
            room: WHOLE,
            left_out: Vec::new(),
            now: OffsetDateTime::now_utc()
                .unix_timestamp()
                .try_into()
                .unwrap_or_default(),
        }
    }

    /// A file, whole.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        let text = self.secrets.redact(text);
        self.add_clean(name, &text);
    }

    fn add_clean(&mut self, name: &str, text: &str) {
        if text.len() > FILE.min(self.room) {
            let why = format!("it has {} bytes, more than there is room for", text.len());
            return self.leave_out(name, &why);
        }
        self.room -= text.len();
        self.put(name, text.as_bytes());
    }

    /// A log: its end, from a line's beginning on.
    pub(super) fn add_log(&mut self, name: &str, text: &str) {
        let most = FILE.min(self.room);
        // First without secrets, then cut: half of one would not be known.
        let text = self.secrets.redact(text);
        let text = match text.len().checked_sub(most) {
            None | Some(0) => &text,
            Some(surplus) => {
                self.leave_out(name, &format!("its first {surplus} bytes, for it is long"));
                let end = text
                    .get(text.ceil_char_boundary(surplus)..)
                    .unwrap_or_default();
                end.split_once('\n').map_or("", |(_, whole)| whole)
            }
        };
        self.add_clean(name, text);
    }

    /// What is not in it, and why.
    pub(super) fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push((what.to_owned(), why.to_owned()));
    }

    /// The archive, and what was left out of it, a line each.
    ///
    /// # Errors
    /// None that memory gives.
    pub(super) fn finish(mut self) -> std::io::Result<(Vec<u8>, String)> {
        let mut left_out = String::new();
        for (what, why) in &self.left_out {
            // A `String` takes everything.
            writeln!(left_out, "{what}: {}", self.secrets.redact(why)).ok();
        }
        if !left_out.is_empty() {
            self.put("left-out.txt", left_out.clone().as_bytes());
        }
        self.archive.write_all(&[0; 2 * BLOCK])?;
        Ok((self.archive.finish()?, left_out))
    }

    fn put(&mut self, name: &str, content: &[u8]) {
        let header = header(&format!("{}/{name}", self.folder), content.len(), self.now);
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        // Memory takes everything; if it does not, `finish` says so.
        for bytes in [&header[..], content, &vec![0; padding]] {
            self.archive.write_all(bytes).ok();
        }
    }
}

/// A file's header. A path of more than 255 bytes, which none of ours has, is cut.
fn header(path: &str, size: usize, now: u64) -> [u8; BLOCK] {
    let (prefix, name) = match path.rsplit_once('/') {
        Some((prefix, name)) if path.len() > 100 => (prefix, name),
        Some(_) | None => ("", path),
    };
    let mut header = [0; BLOCK];
    let fields: [(usize, usize, &str); 8] = [
        (0, 100, name),
        (100, 8, "0000600\0"),
        (108, 8, "0000000\0"),
        (116, 8, "0000000\0"),
        (124, 12, &format!("{size:011o}\0")),
        (136, 12, &format!("{now:011o}\0")),
        (257, 8, "ustar\x0000"),
        (345, 155, prefix),
    ];
    for (at, most, text) in fields {
        set(&mut header, at, most, text);
    }
    set(&mut header, 156, 1, "0");
    // The sum is taken with spaces where it will stand.
    set(&mut header, 148, 8, "        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    set(&mut header, 148, 8, &format!("{sum:06o}\0 "));
    header
}

fn set(header: &mut [u8], at: usize, most: usize, text: &str) {
    for (to, from) in header.iter_mut().skip(at).take(most).zip(text.bytes()) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::{collections::BTreeMap, io::Read};

    /// What `tar` finds in it: each path, and its content.
    fn unpacked(archive: &[u8]) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.tar.gz");
        std::fs::write(&file, archive).unwrap();
        let tar = std::process::Command::new("tar")
            .args(["--extract", "--gzip", "--file"])
            .arg(&file)
            .arg("--directory")
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
        std::fs::remove_file(file).unwrap();
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(inner) = folders.pop() {
            for entry in std::fs::read_dir(inner).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut content = String::new();
                let mut file = std::fs::File::open(&path).unwrap();
                file.read_to_string(&mut content).unwrap();
                let name = path.strip_prefix(folder.path()).unwrap();
                found.insert(name.display().to_string(), content);
            }
        }
        found
    }

    #[test]
    fn tar_reads_it_whatever_the_lengths() {
        let mut bundle = Bundle::new("firstlight-i-0123456789abcdef0-1", Arc::default());
        let long = format!("containers/{}.log", "n".repeat(90));
        let files = [
            ("empty.txt", String::new()),
            ("one-block.txt", "x".repeat(BLOCK)),
            ("more.txt", "ä\n".repeat(1000)),
            (long.as_str(), "last words\n".to_owned()),
        ];
        for (name, text) in &files {
            bundle.add(name, text);
        }
        let (archive, left_out) = bundle.finish().unwrap();
        let wanted =
            files.map(|(name, text)| (format!("firstlight-i-0123456789abcdef0-1/{name}"), text));
        assert_eq!(unpacked(&archive), wanted.into());
        assert_eq!(left_out, "");
    }

    #[test]
    fn no_secret_gets_in_not_even_in_half() {
        let mut known = Redactor::default();
        known.add("ssm:/x", "p@ss\"word");
        let mut bundle = Bundle::new("b", Arc::new(known));
        bundle.add(
            "a.json",
            &serde_json::json!({"a": "p@ss\"word"}).to_string(),
        );
        let long = "z".repeat(FILE - 4);
        bundle.add_log("a.log", &format!("first\np@ss\"word{long}"));
        bundle.leave_out("b.log", "it is p@ss\"word");
        let (archive, _) = bundle.finish().unwrap();
        let files = unpacked(&archive);
        assert_eq!(files.get("b/a.json").unwrap(), "{\"a\":\"{{ssm:/x}}\"}");
        assert!(!format!("{files:?}").contains("word"));
    }

    #[test]
    fn it_is_bounded_and_says_what_it_left_out() {
        let mut bundle = Bundle::new("b", Arc::default());
        bundle.add("huge.json", &"x".repeat(FILE + 1));
        let line = format!("{}\n", "y".repeat(99));
        for nth in 0..20 {
            bundle.add_log(&format!("{nth}.log"), &line.repeat(FILE / 100 * 2));
        }
        bundle.leave_out("journal", "there is none");
        let (archive, left_out) = bundle.finish().unwrap();
        let files = unpacked(&archive);
        let kept: usize = files.values().map(String::len).sum();
        assert!(kept <= WHOLE + left_out.len(), "{kept}");
        assert!(!files.contains_key("b/huge.json") && files.len() > 5);
        let log = files.get("b/0.log").unwrap();
        assert!(log.len() > FILE - 200 && log.lines().all(|kept| kept.len() == 99));
        assert_eq!(files.get("b/left-out.txt"), Some(&left_out));
        for said in [
            "huge.json: it has",
            "0.log: its first",
            "journal: there is none",
        ] {
            assert!(left_out.contains(said), "{left_out}");
        }
    }
}
