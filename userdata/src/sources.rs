//! Drop-ins, user data and includes, in rank, and how later ones win over earlier ones.

use crate::{
    diagnostic::Diagnostics,
    spec::{Spec, Unresolved},
};

/// Everything said so far about this launch, lowest rank first.
#[derive(Debug, Default)]
pub struct Sources {}

/// An `include` that the caller has to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Which one; hand it back to [`Sources::included`].
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

impl Sources {
    /// Adds a drop-in file. Call in lexical order, before the user data.
    pub fn drop_in(&mut self, _name: &str, _bytes: &[u8]) {
        todo!()
    }

    /// Adds user data as the instance metadata gave it.
    pub fn user_data(&mut self, _name: &str, _bytes: &[u8]) {
        todo!()
    }

    /// What the documents so far include and was not handed in yet.
    pub fn includes(&self) -> Vec<Include> {
        todo!()
    }

    /// Hands in an include's bytes; its document ranks just below the one that names it.
    pub fn included(&mut self, _id: usize, _bytes: &[u8]) {
        todo!()
    }

    /// True when no source said anything, and nothing was wrong either: not for firstlight.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Merges, decodes and checks the whole.
    ///
    /// # Errors
    /// Every problem of every source.
    pub fn compose(self) -> Result<Spec<Unresolved>, Diagnostics> {
        todo!()
    }
}
