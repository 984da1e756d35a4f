//! Shares of CPUs: `0.5`, `2`.

use super::Complaint;

const NANO: i64 = 1_000_000_000;

/// Reads a number of CPUs as billionths, without going through a float.
pub(crate) fn parse(text: &str) -> Result<i64, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no number of CPUs"))
            .hint("write it as in `0.5` or `2`, above 0")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let fraction: i64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    let nano = whole
        .checked_mul(NANO)
        .and_then(|nano| nano.checked_add(fraction))
        .ok_or_else(wrong)?;
    if nano > 0 { Ok(nano) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_billionths() {
        for (text, nano) in [
            ("1", Some(1_000_000_000)),
            ("0.5", Some(500_000_000)),
            ("0.000000001", Some(1)),
            ("1.25", Some(1_250_000_000)),
            ("0", None),
            ("0.0", None),
            ("-1", None),
            (".5", None),
            ("1.", None),
            ("0.0000000001", None),
            ("99999999999", None),
            ("all", None),
        ] {
            assert_eq!(parse(text).ok(), nano, "{text}");
        }
    }
}
