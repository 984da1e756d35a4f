//! Volumes in Compose's short notation.

use super::{Complaint, path};
use crate::spec::{Volume, VolumeSource};

/// Reads `/data:/var/lib/data`, `data:/var/lib/data:ro`.
pub(crate) fn parse(text: &str) -> Result<Volume, Complaint> {
    let wrong = |what: &str| {
        Complaint::new(format!("`{text}` {what}")).hint("write \"SOURCE:TARGET\" or \"SOURCE:TARGET:ro\", as in \"/data/pg:/var/lib/postgresql/data\"")
    };
    let mut parts = text.split(':');
    let (Some(source), Some(target)) = (parts.next(), parts.next()) else {
        return Err(wrong("names no source"));
    };
    let read_only = match (parts.next(), parts.next()) {
        (None | Some("rw"), None) => false,
        (Some("ro"), None) => true,
        (Some(_) | None, Some(_) | None) => {
            return Err(wrong("has options other than `ro` and `rw`"));
        }
    };
    path::absolute(target)?;
    if target == "/" {
        return Err(wrong("would cover the whole container"));
    }
    Ok(Volume {
        source: parse_source(source)?,
        target: target.to_owned(),
        read_only,
    })
}

fn parse_source(source: &str) -> Result<VolumeSource, Complaint> {
    if source.starts_with(['.', '~']) {
        return Err(Complaint::new(format!("`{source}` is a relative path"))
            .hint("write the path on the instance out, from `/`"));
    }
    if source.starts_with('/') {
        path::absolute(source)?;
        return Ok(VolumeSource::Bind(source.to_owned()));
    }
    let first = source.starts_with(|c: char| c.is_ascii_alphanumeric());
    let all = source
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    // The engine asks for two characters at least.
    if first && all && source.len() >= 2 {
        return Ok(VolumeSource::Named(source.to_owned()));
    }
    Err(Complaint::new(format!(
        "`{source}` is neither an absolute path nor a volume's name"
    ))
    .hint("a name has two or more letters, digits, `_`, `.` and `-`"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_the_short_notation() {
        let bind = parse("/data:/var/lib/data").unwrap();
        assert_eq!(
            (bind.source, bind.read_only),
            (VolumeSource::Bind("/data".to_owned()), false)
        );
        let named = parse("data:/var/lib/data:ro").unwrap();
        assert_eq!(
            (named.source, named.read_only),
            (VolumeSource::Named("data".to_owned()), true)
        );
        for bad in [
            "",
            "/data",
            "./data:/x",
            "~/data:/x",
            "a/b:/x",
            "data:x",
            "data:/x:z",
            "data:/x:ro:z",
            "d:/x",
            "data:/",
            "/a/../b:/x",
            "C:\\a:/x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
