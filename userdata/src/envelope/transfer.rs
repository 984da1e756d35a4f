//! `Content-Transfer-Encoding` (RFC 2045 section 6), with the place of what is wrong.
//!
//! To add an encoding: a variant of [`Encoding`] and its arms.

use super::Problem;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::borrow::Cow;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a part's bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are: `7bit`, `8bit`, `binary`.
    Identity,
    Base64,
    QuotedPrintable,
}

/// An offset into what was decoded, and what is wrong there.
type Fault = (usize, Problem);

impl Encoding {
    pub(super) fn named(name: &str) -> Option<Encoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "7bit" | "8bit" | "binary" | "" => Some(Encoding::Identity),
            "base64" => Some(Encoding::Base64),
            "quoted-printable" => Some(Encoding::QuotedPrintable),
            _ => None,
        }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
        match self {
            Encoding::Identity => Ok(Cow::Borrowed(bytes)),
            Encoding::Base64 => base64(bytes).map(Cow::Owned),
            Encoding::QuotedPrintable => quoted_printable(bytes).map(Cow::Owned),
        }
    }
}

pub(super) fn is_base64_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Line breaks and blanks do not count; the padding may be left out.
pub(super) fn base64(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let end = bytes.trim_ascii_end().len();
    let mut digits = Vec::with_capacity(end);
    let mut padding = None;
    for (at, &byte) in bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| !byte.is_ascii_whitespace())
    {
        match (byte, padding) {
            (b'=', _) => padding = padding.or(Some(at)),
            (byte, None) if is_base64_digit(byte) => {}
            (_, Some(padding)) => {
                return Err((padding, Problem::new("base64 goes on after its end here")));
            }
            (byte, None) => {
                let shown = char::from(byte).escape_default();
                return Err((at, Problem::new(format!("`{shown}` is not a base64 digit"))));
            }
        }
        digits.push(byte);
    }
    let short = |_| {
        (
            end.saturating_sub(1),
            Problem::new("the base64 data is cut short").hint("was it copied whole?"),
        )
    };
    ENGINE.decode(digits).map_err(short)
}

/// RFC 2045 section 6.7: `=3D`, and `=` at a line's end joins it with the next.
fn quoted_printable(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        if byte != b'=' {
            decoded.push(byte);
            at += 1;
            continue;
        }
        let blank = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let after = rest.get(blank..).unwrap_or_default();
        if after.is_empty() {
            at = bytes.len();
        } else if after.starts_with(b"\n") {
            at += 1 + blank + 1;
        } else if after.starts_with(b"\r\n") {
            at += 1 + blank + 2;
        } else if let Some(byte) = hex(rest) {
            decoded.push(byte);
            at += 3;
        } else {
            return Err((
                at,
                Problem::new("`=` without two hexadecimal digits in quoted-printable")
                    .hint("write `=3D` for `=`"),
            ));
        }
    }
    Ok(decoded)
}

fn hex(rest: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
    if digits.starts_with('+') {
        None
    } else {
        u8::from_str_radix(digits, 16).ok()
    }
}
