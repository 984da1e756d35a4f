//! Absolute paths, inside the container and on the host.

use super::Complaint;

/// Checks that a path is absolute and plain, so that two that differ in text differ in place.
pub(crate) fn absolute(text: &str) -> Result<(), Complaint> {
    if !text.starts_with('/') {
        return Err(
            Complaint::new(format!("`{text}` is no absolute path")).hint("begin it with `/`")
        );
    }
    if text == "/" {
        return Ok(());
    }
    let plain = text
        .trim_end_matches('/')
        .split('/')
        .skip(1)
        .all(|part| !matches!(part, "" | "." | ".."));
    if !plain || text.contains('\0') {
        return Err(
            Complaint::new(format!("`{text}` holds `.`, `..` or an empty part"))
                .hint("write the path out"),
        );
    }
    Ok(())
}

/// Reads a tmpfs mount: a path, and options as Docker takes them.
pub(crate) fn tmpfs(text: &str) -> Result<(String, String), Complaint> {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    absolute(path)?;
    if path == "/" {
        return Err(Complaint::new("`/` would cover the whole container")
            .hint("name a folder, as in `/tmp`"));
    }
    Ok((path.to_owned(), options.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_and_plain() {
        for (text, valid) in [
            ("/", true),
            ("/a/b", true),
            ("/a/", true),
            ("a", false),
            ("/a/../b", false),
            ("/a//b", false),
            ("./a", false),
            ("", false),
        ] {
            assert_eq!(absolute(text).is_ok(), valid, "{text}");
        }
        assert!(tmpfs("/").is_err() && tmpfs("/:size=1m").is_err());
        assert_eq!(
            tmpfs("/tmp:size=64m").ok(),
            Some(("/tmp".to_owned(), "size=64m".to_owned()))
        );
    }
}
