//! Includes: documents fetched from S3 and Parameter Store.

use super::SpecError;
use crate::{
    aws::{self, CallError, Cause, partition},
    context::Context,
    imds::Identity,
    retry::{self, Class, Classify},
};
use aws_config::SdkConfig;
use firstlight_userdata::sources::{Include, IncludeFrom};
use futures_util::future::try_join_all;
use std::fmt;
use tokio::time::timeout;

/// Largest object fetched, in bytes. A document is bounded more tightly when it is read.
const MOST: usize = 4 * 1024 * 1024;

const GET_OBJECT: &str = "s3:GetObject";
const GET_PARAMETERS: &str = "ssm:GetParameters";

/// Fetches every include, at once.
pub(super) async fn fetch(
    cx: &Context,
    me: &Identity,
    includes: Vec<Include>,
) -> Result<Vec<(Include, Vec<u8>)>, SpecError> {
    try_join_all(includes.into_iter().map(async |include| {
        let bytes = fetch_one(cx, me, &include).await?;
        Ok((include, bytes))
    }))
    .await
}

async fn fetch_one(cx: &Context, me: &Identity, include: &Include) -> Result<Vec<u8>, SpecError> {
    let fetched = match &include.from {
        IncludeFrom::S3 { bucket, key } => {
            let owner = include.owner.as_deref().unwrap_or(&me.account);
            object(cx, bucket, key, owner).await
        }
        IncludeFrom::Ssm { name } => parameter(cx, name).await,
    };
    fetched.map_err(|miss| explain(me, include, miss))
}

/// An attempt that brought nothing.
#[derive(Debug)]
enum Miss {
    Call(CallError),
    Cut(String),
    Absent(String),
    TooLarge,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Call(error) => error.fmt(f),
            Miss::Cut(why) | Miss::Absent(why) => f.write_str(why),
            Miss::TooLarge => write!(f, "it is larger than {MOST} bytes"),
        }
    }
}

impl Classify for Miss {
    fn class(&self) -> Class {
        match self {
            Miss::Call(error) => error.class(),
            Miss::Cut(_) => Class::Transient,
            Miss::Absent(_) | Miss::TooLarge => Class::Fatal,
        }
    }
}

async fn object(cx: &Context, bucket: &str, key: &str, owner: &str) -> Result<Vec<u8>, Miss> {
    let client = aws_sdk_s3::Client::new(&cx.aws);
    until(cx, &cx.aws, GET_OBJECT, async || {
        let call = client
            .get_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(owner);
        let answer = call
            .send()
            .await
            .map_err(|error| Miss::Call(CallError::new(GET_OBJECT, &cx.aws, &error)))?;
        let mut body = answer.body;
        let mut bytes = Vec::new();
        let still = cx.timings.aws_attempt;
        while let Some(chunk) = timeout(still, body.next())
            .await
            .map_err(|_elapsed| Miss::Cut(format!("it was cut off: no byte came for {still:?}")))?
        {
            let chunk = chunk.map_err(|error| Miss::Cut(format!("it was cut off: {error}")))?;
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST {
                return Err(Miss::TooLarge);
            }
        }
        Ok(bytes)
    })
    .await
}

async fn parameter(cx: &Context, name: &str) -> Result<Vec<u8>, Miss> {
    // An ARN may be of another region, as a reference's.
    let config = &aws::in_region(&cx.aws, aws::region(name));
    let client = aws_sdk_ssm::Client::new(config);
    until(cx, config, GET_PARAMETERS, async || {
        let call = client.get_parameters().names(name).with_decryption(true);
        let answer = call
            .send()
            .await
            .map_err(|error| Miss::Call(CallError::new(GET_PARAMETERS, config, &error)))?;
        let value = answer.parameters().first().and_then(|found| found.value());
        match value {
            Some(value) => Ok(value.as_bytes().to_vec()),
            None => Err(Miss::Absent(
                "Parameter Store has no such parameter, version or label in this region".to_owned(),
            )),
        }
    })
    .await
}

async fn until(
    cx: &Context,
    config: &SdkConfig,
    action: &'static str,
    attempt: impl AsyncFnMut() -> Result<Vec<u8>, Miss>,
) -> Result<Vec<u8>, Miss> {
    let backoff = cx.timings.backoff();
    let cut_off =
        |last: Option<Miss>| last.unwrap_or_else(|| Miss::Call(CallError::cut_off(action, config)));
    retry::until(action, backoff, cx.deadline, &cx.report, cut_off, attempt).await
}

fn explain(me: &Identity, include: &Include, miss: Miss) -> SpecError {
    let why = miss.to_string();
    let named = include.from.to_string();
    match miss {
        Miss::Absent(_) => SpecError::IncludeMissing {
            include: named,
            why,
        },
        Miss::TooLarge => SpecError::IncludeTooLarge {
            include: named,
            most: MOST,
        },
        Miss::Cut(_) => SpecError::IncludeUnreachable {
            include: named,
            why,
        },
        Miss::Call(error) => match error.cause {
            Cause::Denied | Cause::Undecryptable => SpecError::IncludeDenied {
                include: named,
                why,
                grant: grant(me, include, error.cause),
            },
            Cause::Refused if error.is("PermanentRedirect") => SpecError::IncludeMissing {
                include: named,
                why: format!("its bucket is not in {}; copy it to one that is", me.region),
            },
            Cause::Refused => SpecError::IncludeMissing {
                include: named,
                why,
            },
            Cause::TimeUp => SpecError::IncludeCutOff {
                include: named,
                why,
            },
            Cause::Throttled
            | Cause::Unreachable
            | Cause::Unavailable
            | Cause::Credentials
            | Cause::Clock => SpecError::IncludeUnreachable {
                include: named,
                why,
            },
        },
    }
}

/// What to grant, and what else the same answer may mean.
fn grant(me: &Identity, include: &Include, cause: Cause) -> String {
    let partition = partition(&me.region);
    if cause == Cause::Undecryptable {
        return format!(
            "grant the instance's role `kms:Decrypt` on the key that encrypts {}",
            include.from
        );
    }
    match &include.from {
        IncludeFrom::S3 { bucket, key } => {
            let owner = include.owner.as_deref().unwrap_or(&me.account);
            format!(
                "grant the instance's role `{GET_OBJECT}` on arn:{partition}:s3:::{bucket}/{key}; S3 answers the same for a missing key unless it has `s3:ListBucket` on arn:{partition}:s3:::{bucket}, and for a bucket that account {owner} does not own (name its account under `owner`)"
            )
        }
        IncludeFrom::Ssm { name } if name.starts_with("arn:") => {
            format!("grant the instance's role `{GET_PARAMETERS}` on {name}")
        }
        IncludeFrom::Ssm { name } => {
            let name = name.split(':').next().unwrap_or(name);
            let name = name.trim_start_matches('/');
            format!(
                "grant the instance's role `{GET_PARAMETERS}` on arn:{partition}:ssm:{}:{}:parameter/{name}",
                me.region, me.account
            )
        }
    }
}
