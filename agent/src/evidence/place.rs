//! Where evidence goes: `diagnostics`, and the key below it. Pure.

use super::Subject;

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The bucket.
    pub(super) bucket: String,
    /// What keys begin with: empty, or ending in a slash.
    pub(super) prefix: String,
}

impl Place {
    /// Reads `s3://bucket/prefix/`.
    ///
    /// # Errors
    /// In words, that it is none.
    pub(super) fn parse(text: &str) -> Result<Place, String> {
        let place = text.strip_prefix("s3://").and_then(|rest| {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            (!bucket.is_empty()).then_some((bucket, prefix))
        });
        let (bucket, prefix) = place.ok_or_else(|| {
            format!("`diagnostics` is `{text}`; write it as in `s3://bucket/prefix/`")
        })?;
        let prefix = match prefix.trim_end_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        Ok(Place {
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    /// `<prefix><group>/<instance>/<epoch>-<boot>.tar.gz`: the same for the same failure, so that a second
    /// attempt adds nothing. `suffix` tells a bundle made by hand from the agent's.
    pub(super) fn key(&self, subject: &Subject<'_>, suffix: &str) -> String {
        let group = subject.status.as_ref();
        let group = group.and_then(|status| status.group.as_deref());
        let group = group.map_or_else(|| "no-group".to_owned(), plain);
        let instance = plain(subject.instance().unwrap_or("unknown"));
        let boot: String = subject.boot().chars().take(8).collect();
        let (prefix, epoch) = (&self.prefix, subject.epoch());
        format!("{prefix}{group}/{instance}/{epoch}-{boot}{suffix}.tar.gz")
    }
}

/// A group's name may hold nearly everything; one folder's is made of it.
fn plain(name: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => c,
        _ => '_',
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::status::Status;

    #[test]
    fn places() {
        for (text, want) in [
            ("s3://b/", Some(("b", ""))),
            ("s3://b", Some(("b", ""))),
            ("s3://b/p", Some(("b", "p/"))),
            ("s3://b/p/q//", Some(("b", "p/q/"))),
            ("s3:///p", None),
            ("/tmp", None),
        ] {
            let place = Place::parse(text).ok();
            let got = place
                .as_ref()
                .map(|to| (to.bucket.as_str(), to.prefix.as_str()));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn keys() {
        let place = Place {
            bucket: "b".into(),
            prefix: "p/".into(),
        };
        let mut subject = Subject {
            status: Some(Status {
                instance_id: Some("i-1".into()),
                epoch: Some(2),
                boot_id: Some("0b0a5c1e-6cb5-4b2a".into()),
                ..Status::default()
            }),
            ..Subject::default()
        };
        assert_eq!(place.key(&subject, ""), "p/no-group/i-1/2-0b0a5c1e.tar.gz");
        if let Some(status) = &mut subject.status {
            status.group = Some("web/eu ../é".into());
        }
        assert_eq!(
            place.key(&subject, "-x"),
            "p/web_eu_.._/i-1/2-0b0a5c1e-x.tar.gz".replace("_/", "__/")
        );
        let nothing = Subject::default();
        assert_eq!(place.key(&nothing, ""), "p/no-group/unknown/0-.tar.gz");
    }
}
