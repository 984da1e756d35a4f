//! Puts a bundle into S3.

use super::place::Place;
use crate::{
    aws::{CallError, Cause, partition},
    context::Context,
    imds::Identity,
    retry,
    verdict::Exit,
};

const PUT_OBJECT: &str = "s3:PutObject";

/// A bundle that is not where it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStored {
    /// Why, and what to do.
    pub why: String,
    /// What a command that was asked for this leaves with.
    pub exit: Exit,
}

impl NotStored {
    /// The spec names no place.
    pub(super) fn nowhere() -> NotStored {
        NotStored {
            why: "the spec has no `diagnostics`".into(),
            exit: Exit::Spec,
        }
    }

    /// The place cannot be known.
    pub(super) fn unknown(why: &str) -> NotStored {
        NotStored {
            why: format!("where it goes is not known: {why}"),
            exit: Exit::Unavailable,
        }
    }
}

/// Puts it there, trying until the context's deadline; `s3://bucket/key`.
///
/// # Errors
/// See [`NotStored`].
pub(super) async fn put(
    cx: &Context,
    me: &Identity,
    place: &Place,
    key: &str,
    bundle: Vec<u8>,
) -> Result<String, NotStored> {
    let client = aws_sdk_s3::Client::new(&cx.aws);
    let cut_off =
        |last: Option<CallError>| last.unwrap_or_else(|| CallError::cut_off(PUT_OBJECT, &cx.aws));
    let put = async || {
        // As for includes: a bucket's name that lapsed may be anybody's by now.
        let call = client
            .put_object()
            .bucket(&place.bucket)
            .key(key)
            .expected_bucket_owner(&me.account)
            .content_type("application/gzip")
            .body(bundle.clone().into());
        let answer = call.send().await;
        answer
            .map(drop)
            .map_err(|error| CallError::new(PUT_OBJECT, &cx.aws, &error))
    };
    let backoff = cx.timings.backoff();
    retry::until(PUT_OBJECT, backoff, cx.deadline, &cx.report, cut_off, put)
        .await
        .map(|()| format!("s3://{}/{key}", place.bucket))
        .map_err(|error| NotStored {
            why: explain(me, place, &error),
            exit: exit(&error),
        })
}

fn exit(error: &CallError) -> Exit {
    match error.cause {
        Cause::Denied | Cause::Undecryptable => Exit::Denied,
        Cause::Refused => Exit::Spec,
        Cause::TimeUp
        | Cause::Throttled
        | Cause::Unreachable
        | Cause::Unavailable
        | Cause::Credentials
        | Cause::Clock => Exit::Unavailable,
    }
}

fn explain(me: &Identity, place: &Place, error: &CallError) -> String {
    let Place { bucket, prefix } = place;
    let partition = partition(&me.region);
    match error.cause {
        Cause::TimeUp => format!("S3 took too long to take it for s3://{bucket}/{prefix}"),
        Cause::Denied => format!(
            "{error}; grant the instance's role `{PUT_OBJECT}` on arn:{partition}:s3:::{bucket}/{prefix}*; S3 answers the same for a bucket that account {} does not own",
            me.account
        ),
        Cause::Undecryptable => format!(
            "{error}; grant the instance's role `kms:GenerateDataKey` on the key that encrypts s3://{bucket}"
        ),
        Cause::Refused if error.is("PermanentRedirect") => format!(
            "the bucket {bucket} is not in {}; name one that is",
            me.region
        ),
        Cause::Refused if error.is("NoSuchBucket") => {
            format!("there is no bucket {bucket} in {}", me.region)
        }
        Cause::Refused
        | Cause::Throttled
        | Cause::Unreachable
        | Cause::Unavailable
        | Cause::Credentials
        | Cause::Clock => error.to_string(),
    }
}
