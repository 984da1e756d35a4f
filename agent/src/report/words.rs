//! Durations, sizes and foreign text, as people read them.

use std::{borrow::Cow, time::Duration};

/// `12 ms`, `3.2 s`, `4 min 5 s`, `2 h 0 min`.
pub fn duration(duration: Duration) -> String {
    let (ms, s) = (duration.as_millis(), duration.as_secs());
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s}.{} s", duration.subsec_millis() / 100),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s / 60 % 60),
    }
}

/// `512 B`, `1.5 kB`, `900.0 MB`: powers of 1000, as registries and disks count.
pub fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

/// Text from elsewhere, fit for a terminal: no control character but line ends and tabs is left, so
/// that a container's output cannot move the cursor or recolour the screen.
pub fn tame(text: &str) -> Cow<'_, str> {
    let wild = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(wild) {
        Cow::Owned(text.replace(wild, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The first line of a text, without surrounding space.
pub fn first_line(text: &str) -> &str {
    text.trim_start()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end()
}

/// At most `most` bytes of a text; `…` (which is counted) says that there was more.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    const MORE: &str = "…";
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let keep = text.floor_char_boundary(most.saturating_sub(MORE.len()));
    Cow::Owned(format!("{}{MORE}", text.get(..keep).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_fine_as_they_matter() {
        for (ms, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (12_345, "12.3 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (245_000, "4 min 5 s"),
            (7_200_000, "2 h 0 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), said);
        }
    }

    #[test]
    fn sizes_are_in_thousands() {
        for (size, said) in [
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (900_000_000, "900.0 MB"),
            (2_050_000_000, "2.0 GB"),
        ] {
            assert_eq!(bytes(size), said);
        }
    }

    #[test]
    fn foreign_text_is_tamed_and_cut_between_characters() {
        assert_eq!(tame("a\u{1b}[2Jb\tc\n"), "a\u{fffd}[2Jb\tc\n");
        assert_eq!(first_line("\n  one \ntwo"), "one");
        assert_eq!(cut("äää", 6), "äää");
        assert_eq!(cut("äää", 5), "ä…");
    }
}
