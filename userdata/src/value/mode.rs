//! Permission bits as octal text: `0400`.

use super::Complaint;

/// Reads permission bits.
pub(crate) fn parse(text: &str) -> Result<u32, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no mode"))
            .hint("write the permission bits as octal text, as in \"0400\" or \"0444\"")
    };
    let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(mode),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_octal_text() {
        for (text, mode) in [
            ("0400", Some(0o400)),
            ("444", Some(0o444)),
            ("0777", Some(0o777)),
            ("0o400", None),
            ("256", Some(0o256)),
            ("4000", None),
            ("0800", None),
            ("4", None),
            ("+444", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), mode, "{text}");
        }
    }
}
