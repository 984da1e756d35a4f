//! HTTP statuses that count as success, as in a load balancer's matcher: `200`, `200,301`, `200-299`.

use super::Complaint;

/// Reads inclusive ranges of statuses.
pub(crate) fn parse(text: &str) -> Result<Vec<(u16, u16)>, Complaint> {
    let wrong = |part: &str| {
        Complaint::new(format!("`{part}` matches no HTTP status"))
            .hint("write statuses of 100 to 599, as in `200`, `200,301` or `200-299`")
    };
    let status = |part: &str| {
        let number: u16 = part.trim().parse().ok()?;
        ((100..=599).contains(&number) && !part.contains('+')).then_some(number)
    };
    text.split(',')
        .map(|part| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            match (status(low), status(high)) {
                (Some(low), Some(high)) if low <= high => Ok((low, high)),
                (Some(_) | None, Some(_) | None) => Err(wrong(part)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        for (text, ranges) in [
            ("200", Some(vec![(200, 200)])),
            ("200,301", Some(vec![(200, 200), (301, 301)])),
            ("200-299, 404", Some(vec![(200, 299), (404, 404)])),
            ("", None),
            ("299-200", None),
            ("99", None),
            ("600", None),
            ("200-", None),
            ("2xx", None),
            ("200,", None),
        ] {
            assert_eq!(parse(text).ok(), ranges, "{text}");
        }
    }
}
