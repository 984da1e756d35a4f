//! Bytes to text: UTF-8 or an error that names the byte.

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use std::sync::Arc;

/// The most bytes that a source may have, and user data may unpack to in all: 1 MiB. EC2 stops at
/// 16,384 bytes before unpacking, so no honest source comes near.
pub(crate) const LIMIT: usize = 1 << 20;

/// Reads bytes as text, without the byte order mark. `None` when a problem was reported.
pub(crate) fn read(name: &str, bytes: &[u8], problems: &mut Diagnostics) -> Option<Arc<Source>> {
    if bytes.len() > LIMIT {
        let message = format!(
            "{} bytes are more than the {LIMIT} that a source may have",
            bytes.len()
        );
        problems.push(Diagnostic::at(&Source::new(name, "").span(0..0), message));
        return None;
    }
    if is_utf16(bytes) {
        let problem = Diagnostic::at(&Source::new(name, "").span(0..0), "this text is UTF-16");
        problems.push(problem.hint("save it as UTF-8"));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let source = Source::new(name, String::from_utf8_lossy(bytes));
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let message = format!("byte {at} (0x{byte:02x}) is not UTF-8");
        problems.push(Diagnostic::at(&source.span(at..at + 1), message).hint("save it as UTF-8"));
        return None;
    }
    if let Some((at, c)) = source.text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        let message = format!(
            "control character U+{:04X} is not allowed in YAML",
            u32::from(c)
        );
        let problem = Diagnostic::at(&source.span(at..at + 1), message);
        problems.push(problem.hint("inside double quotes it is written as an escape, `\\x1b`"));
        return None;
    }
    Some(source)
}

/// Whether a text begins with the byte order mark of UTF-16, as some editors on Windows write it.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])
}

/// YAML 1.2.2 section 5.1 forbids them; the parser takes NUL for the end.
fn is_forbidden(c: char) -> bool {
    c < ' ' && !matches!(c, '\t' | '\n' | '\r')
}
