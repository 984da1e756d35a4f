//! Durations in Compose's notation: `1h2m3s`, `500ms`.

use super::Complaint;
use std::time::Duration;

/// Units from the longest, in nanoseconds. They must come in this order.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A year: longer than anything that is waited for, short enough for any clock arithmetic.
const MOST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, Complaint> {
    let wrong = || Complaint::new(format!("`{text}` is no duration"));
    let example = "write it as in `90s`, `1h30m` or `500ms`";
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong().hint(format!("a duration needs its unit: `{text}s` for seconds")));
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, nanos) = units
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| wrong().hint(example))?;
        let number: u64 = number.parse().map_err(|_| wrong().hint(example))?;
        total = number
            .checked_mul(*nanos)
            .and_then(|n| total.checked_add(n))
            .ok_or_else(|| wrong().hint("it is too long"))?;
        rest = tail;
    }
    match Duration::from_nanos(total) {
        _ if text.is_empty() => Err(wrong().hint(example)),
        long if long > MOST => Err(wrong().hint("it is longer than a year")),
        duration => Ok(duration),
    }
}

/// Reads a duration above zero.
pub(crate) fn positive(text: &str) -> Result<Duration, Complaint> {
    match parse(text)? {
        Duration::ZERO => {
            Err(Complaint::new(format!("`{text}` leaves no time")).hint("write a duration above 0"))
        }
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    #[test]
    fn reads_composes_notation() {
        for (text, millis) in [
            ("2s", Some(2_000)),
            ("1h2m3s", Some(3_723_000)),
            ("500ms", Some(500)),
            ("0s", Some(0)),
            ("15m", Some(900_000)),
            ("", None),
            ("10", None),
            ("s", None),
            ("3s1m", None),
            ("1m1m", None),
            ("1.5s", None),
            ("-1s", None),
            ("1 s", None),
            ("1d", None),
            ("99999999999h", None),
            ("9000h", None),
        ] {
            assert_eq!(parse(text).ok().map(|d| d.as_millis()), millis, "{text}");
        }
        assert_eq!(
            parse("10").unwrap_err().hint.unwrap(),
            "a duration needs its unit: `10s` for seconds"
        );
        assert!(positive("0s").is_err());
    }

    /// A duration as one would write it.
    fn show(duration: Duration) -> String {
        let mut rest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let mut text = String::new();
        for (name, nanos) in UNITS {
            if rest >= nanos {
                // Writing to a string does not fail.
                let _ = write!(text, "{}{name}", rest / nanos);
                rest %= nanos;
            }
        }
        if text.is_empty() {
            "0s".to_owned()
        } else {
            text
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}|[0-9hmsun]{0,20}") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&show(duration)).unwrap(), duration);
            }
        }
    }
}
