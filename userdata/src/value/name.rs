//! Names: of containers, environment variables and labels.

use super::Complaint;

/// A service's or task's name, which is also its container's and its host name on the network. The
/// engine asks for two characters at least.
pub(crate) fn container(text: &str) -> Result<(), Complaint> {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(2..=63).contains(&text.len())
        || !text.chars().all(valid)
        || text.starts_with('-')
        || text.ends_with('-')
    {
        return Err(
            Complaint::new(format!("`{text}` is no name of a service or task")).hint(
                "use a-z, 0-9 and `-`, 2 to 63 of them, neither beginning nor ending with `-`",
            ),
        );
    }
    Ok(())
}

/// An environment variable's name. Wider than a shell's: images read names such as `discovery.type`.
pub(crate) fn variable(text: &str) -> Result<(), Complaint> {
    let valid = |c: char| c.is_ascii_graphic() && c != '=';
    if text.is_empty() || !text.chars().all(valid) || text.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(
            Complaint::new(format!("`{text}` is no name of an environment variable"))
                .hint("use letters, digits, `_`, `.` and `-`, not beginning with a digit"),
        );
    }
    Ok(())
}

/// A label's name.
pub(crate) fn label(text: &str) -> Result<(), Complaint> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(Complaint::new(format!("`{text}` is no name of a label"))
            .hint("write a text without `=`"));
    }
    if text.starts_with("io.firstlight.") {
        return Err(
            Complaint::new(format!("`{text}` is a label of firstlight's own"))
                .hint("choose one outside `io.firstlight.`"),
        );
    }
    Ok(())
}

/// A host name.
pub(crate) fn host(text: &str) -> Result<(), Complaint> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // 64 is what the kernel holds (HOST_NAME_MAX).
    if text.len() > 64 || !text.split('.').all(label) {
        return Err(Complaint::new(format!("`{text}` is no host name"))
            .hint("use letters, digits, `-` and `.`, at most 64"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, valid) in [
            ("web", true),
            ("web-2", true),
            ("db", true),
            ("a", false),
            ("7", false),
            ("", false),
            ("Web", false),
            ("-web", false),
            ("we_b", false),
        ] {
            assert_eq!(container(text).is_ok(), valid, "{text}");
        }
        for (text, valid) in [
            ("A", true),
            ("discovery.type", true),
            ("1A", false),
            ("A=B", false),
            ("A B", false),
            ("", false),
        ] {
            assert_eq!(variable(text).is_ok(), valid, "{text}");
        }
        for (text, valid) in [
            ("team", true),
            ("io.firstlight.epoch", false),
            ("a=b", false),
        ] {
            assert_eq!(label(text).is_ok(), valid, "{text}");
        }
        for (text, valid) in [
            ("web", true),
            ("i-1.example.com", true),
            ("a..b", false),
            ("-a", false),
            ("a_b", false),
        ] {
            assert_eq!(host(text).is_ok(), valid, "{text}");
        }
    }
}
