//! Instance metadata. The paths of credentials never come here: the spec's parser refuses them.

use super::{
    Fetcher, Outcome,
    error::{Kind, Problem},
};
use crate::verdict::{Failure, Reason};
use firstlight_userdata::{
    reference::Target,
    resolve::{Answer, Fetched},
};

/// Fetches one path.
pub(super) async fn fetch(fetcher: &Fetcher<'_>, path: String) -> Outcome {
    let target = Target::Imds(path.clone());
    match fetcher.cx.imds.metadata(&path, fetcher.cx.deadline).await {
        Ok(Some(value)) => Ok((
            target,
            Answer::One(Fetched {
                value,
                secret: false,
                version: None,
            }),
        )),
        Ok(None) => Err(Problem::new(Kind::Missing, &target, missing(&path))),
        Err(error) => {
            let kind = if error.reason() == Reason::MetadataDenied {
                Kind::Denied
            } else {
                Kind::Unreachable
            };
            Err(Problem::new(kind, &target, error.to_string()))
        }
    }
}

fn missing(path: &str) -> &'static str {
    if path.starts_with("tags/") {
        "instance metadata has no such tag: set the tag at launch, and allow tags in metadata in the launch template (InstanceMetadataTags: enabled)"
    } else {
        "instance metadata has no such path"
    }
}
