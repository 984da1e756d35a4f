//! Sizes in Compose's notation: `512m`, `1gb`, `1024`.

use super::Complaint;

/// The unit's first letter in bytes, as Docker counts: powers of 1024.
const UNITS: [(&str, i64); 4] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("b", 1)];

/// Reads a size in bytes.
pub(crate) fn parse(text: &str) -> Result<i64, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no size"))
            .hint("write a number and b, k, m or g, as in `512m`")
    };
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = lower.get(digits.len()..).unwrap_or_default();
    let short = unit
        .strip_suffix('b')
        .filter(|short| matches!(*short, "k" | "m" | "g"))
        .unwrap_or(unit);
    let factor = match short {
        "" => 1,
        short => UNITS
            .iter()
            .find(|(name, _)| *name == short)
            .map(|(_, factor)| *factor)
            .ok_or_else(wrong)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Reads a size above zero.
pub(crate) fn positive(text: &str) -> Result<i64, Complaint> {
    match parse(text)? {
        0 => Err(Complaint::new("a limit of 0 bytes").hint("leave the key out for no limit")),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_composes_notation() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("7b", Some(7)),
            ("2k", Some(2048)),
            ("2KB", Some(2048)),
            ("512m", Some(512 << 20)),
            ("1gb", Some(1 << 30)),
            ("", None),
            ("m", None),
            ("1.5g", None),
            ("1t", None),
            ("1bb", None),
            ("-1", None),
            ("+1", None),
            ("1 m", None),
            ("9999999999g", None),
        ] {
            assert_eq!(parse(text).ok(), bytes, "{text}");
        }
        assert!(positive("0m").is_err());
    }
}
