//! What a document includes: where it is, who owns it, and what its bytes must be.
//!
//! To add a place that includes come from: a variant of [`IncludeFrom`] and an arm in [`place`].

use super::document::Document;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Source, Span, did_you_mean, quote},
    envelope,
    node::{
        Kind, Node,
        build::{Broken, Budget},
        text,
    },
};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// The most includes that one document may name.
pub(super) const MOST: usize = 32;

const KEYS: [&str; 3] = ["from", "sha256", "owner"];

/// An `include` that the caller has to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Which one; hand it back to [`super::Sources::included`].
    pub id: usize,
    /// Where it is.
    pub from: IncludeFrom,
    /// The SHA-256 that the fetched bytes must have, lowercase hex.
    pub sha256: Option<String>,
    /// The account that must own the bucket (12 digits); the instance's own where absent.
    pub owner: Option<String>,
}

/// Where an include is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeFrom {
    /// `s3://bucket/key`
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
    },
    /// `ssm:/name`: a Parameter Store value.
    Ssm {
        /// The parameter's name or ARN, with `:version` or `:label` if written.
        name: String,
    },
}

/// As it is written.
impl fmt::Display for IncludeFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IncludeFrom::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            IncludeFrom::Ssm { name } => write!(f, "ssm:{name}"),
        }
    }
}

/// An include in the document that names it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) include: Include,
    pub(super) span: Span,
    pub(super) state: State,
    /// Its bytes are not what `sha256` says.
    pub(super) changed: bool,
}

/// How far an include has come.
#[derive(Debug)]
pub(super) enum State {
    /// Its bytes are wanted.
    Pending,
    /// Nothing more will come of it: left out, or wrong in a way that was reported.
    Done,
    /// Read.
    Read(Document),
}

impl Named {
    /// Takes the bytes, whose text may then be wrong in its own places.
    pub(super) fn open(
        &mut self,
        bytes: &[u8],
        problems: &mut Diagnostics,
    ) -> Result<Arc<Source>, Broken> {
        self.state = State::Done;
        self.check_sum(bytes, problems)?;
        let name = format!("include {}", self.include.from);
        let bytes = envelope::unpack_one(&name, bytes, problems)?;
        text::read(&name, &bytes, problems).ok_or(Broken)
    }

    /// Reads the text.
    pub(super) fn read(
        &mut self,
        source: &Arc<Source>,
        budget: &mut Budget,
        problems: &mut Diagnostics,
    ) -> Result<(), Broken> {
        self.state = State::Read(Document::read_included(source, budget, problems)?);
        Ok(())
    }

    fn check_sum(&mut self, bytes: &[u8], problems: &mut Diagnostics) -> Result<(), Broken> {
        let Some(wanted) = &self.include.sha256 else {
            return Ok(());
        };
        let found: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if found == *wanted {
            return Ok(());
        }
        self.changed = true;
        let message = format!(
            "{} has the SHA-256 {found}, not {wanted}",
            self.include.from
        );
        problems.push(
            Diagnostic::at(&self.span, message)
                .hint("it was changed since this was written, or is not what was meant"),
        );
        Err(Broken)
    }

    pub(super) fn leave_out(&mut self) {
        self.state = State::Done;
    }
}

/// Reads the value of `include`.
pub(super) fn read(node: &Node, problems: &mut Diagnostics) -> Vec<Named> {
    let Kind::List(items) = &node.kind else {
        let message = format!("`include` takes a list, and this is {}", node.what());
        problems.push(
            Diagnostic::at(&node.span, message)
                .hint("write `include: [{from: \"s3://bucket/key\"}]`"),
        );
        return Vec::new();
    };
    if items.len() > MOST {
        problems.push(Diagnostic::at(
            &node.span,
            format!("`include` names more than {MOST}"),
        ));
    }
    items
        .iter()
        .take(MOST)
        .filter_map(|item| one(item, problems))
        .collect()
}

fn one(item: &Node, problems: &mut Diagnostics) -> Option<Named> {
    let Kind::Map(entries) = &item.kind else {
        let message = format!("an include is a map, and this is {}", item.what());
        problems
            .push(Diagnostic::at(&item.span, message).hint("write `{from: \"s3://bucket/key\"}`"));
        return None;
    };
    for (key, _) in entries
        .iter()
        .filter(|(key, _)| !KEYS.contains(&key.text.as_str()))
    {
        let problem = Diagnostic::at(
            &key.span,
            format!("unknown key {} in `include`", quote(&key.text)),
        );
        let hint = did_you_mean(&key.text, KEYS);
        problems.push(
            problem
                .hint(hint.unwrap_or_else(|| "it takes `from`, `sha256` and `owner`".to_owned())),
        );
    }
    if item.get("from").is_none() {
        problems.push(
            Diagnostic::at(&item.span, "an include needs `from`")
                .hint("write `{from: \"s3://bucket/key\"}`"),
        );
    }
    let from = field(item, "from", problems, place);
    let sha256 = field(item, "sha256", problems, sum);
    let owner = field(item, "owner", problems, account);
    if let (Some(IncludeFrom::Ssm { .. }), Some(owner)) = (&from, item.get("owner")) {
        problems.push(Diagnostic::at(&owner.span, "`owner` is for S3 buckets"));
    }
    let include = Include {
        id: 0,
        from: from?,
        sha256,
        owner,
    };
    Some(Named {
        include,
        span: item.span.clone(),
        state: State::Pending,
        changed: false,
    })
}

fn field<T>(
    item: &Node,
    key: &str,
    problems: &mut Diagnostics,
    parse: fn(&str) -> Result<T, String>,
) -> Option<T> {
    let value = item.get(key)?;
    let parsed = match &value.kind {
        Kind::Scalar { text, .. } => parse(text),
        Kind::Empty | Kind::Null => return None,
        Kind::List(_) | Kind::Map(_) => {
            Err(format!("`{key}` takes text, and this is {}", value.what()))
        }
    };
    parsed
        .map_err(|message| problems.push(Diagnostic::at(&value.span, message)))
        .ok()
}

/// Bucket names: Amazon S3 User Guide, "General purpose bucket naming rules".
fn place(text: &str) -> Result<IncludeFrom, String> {
    if let Some(name) = text
        .strip_prefix("ssm:")
        .filter(|name| name.starts_with('/') || name.starts_with("arn:"))
    {
        return Ok(IncludeFrom::Ssm {
            name: name.to_owned(),
        });
    }
    let bucket_and_key = text
        .strip_prefix("s3://")
        .and_then(|rest| rest.split_once('/'));
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    match bucket_and_key {
        Some((bucket, key))
            if (3..=63).contains(&bucket.len())
                && bucket.chars().all(allowed)
                && !key.is_empty() =>
        {
            Ok(IncludeFrom::S3 {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            })
        }
        Some(_) | None => Err(format!(
            "{} is neither `s3://bucket/key` nor `ssm:/name`, without references",
            quote(text)
        )),
    }
}

fn sum(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "{} is not a SHA-256: 64 hexadecimal digits",
        quote(text)
    ))
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is not an AWS account: 12 digits", quote(text)))
}
