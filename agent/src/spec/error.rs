//! What can go wrong with the sources.

use crate::{
    imds::ImdsError,
    verdict::{Failure, Reason},
};
use firstlight_userdata::diagnostic::Diagnostics;
use std::path::PathBuf;

/// What went wrong with the sources.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// User data could not be read.
    #[error(transparent)]
    Metadata(#[from] ImdsError),
    /// Every problem of every source.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The same, and an include is not what its `sha256` says.
    #[error("{0}")]
    IncludeChanged(Diagnostics),
    /// A drop-in that others than root may have written.
    #[error("drop-in {path} {what}; {fix}", path = path.display())]
    DropInUnsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, with its owner or mode.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A drop-in that could not be read.
    #[error("drop-in {path} could not be read: {error}", path = path.display())]
    DropInUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// An include that does not exist.
    #[error("include {include} does not exist: {why}")]
    IncludeMissing {
        /// As it is written.
        include: String,
        /// What was answered.
        why: String,
    },
    /// An include that no document can be as large as.
    #[error("include {include} is larger than {most} bytes; is it the document that was meant?")]
    IncludeTooLarge {
        /// As it is written.
        include: String,
        /// What is taken at most.
        most: usize,
    },
    /// An include that may not be read.
    #[error("include {include} may not be read: {why}; {grant}")]
    IncludeDenied {
        /// As it is written.
        include: String,
        /// What was answered.
        why: String,
        /// What to grant.
        grant: String,
    },
    /// An include that was under way when the launch's time was over.
    #[error("include {include} was not fetched in time: {why}")]
    IncludeCutOff {
        /// As it is written.
        include: String,
        /// What was under way.
        why: String,
    },
    /// An include that could not be fetched to the end.
    #[error("include {include} could not be fetched: {why}")]
    IncludeUnreachable {
        /// As it is written.
        include: String,
        /// The last thing that was seen.
        why: String,
    },
}

impl Failure for SpecError {
    fn reason(&self) -> Reason {
        match self {
            SpecError::Metadata(error) => error.reason(),
            SpecError::Invalid(_) | SpecError::IncludeTooLarge { .. } => Reason::SpecInvalid,
            SpecError::IncludeChanged(_) => Reason::IncludeChanged,
            SpecError::DropInUnsafe { .. } | SpecError::DropInUnreadable { .. } => {
                Reason::DropInUnsafe
            }
            SpecError::IncludeMissing { .. } => Reason::IncludeMissing,
            SpecError::IncludeDenied { .. } => Reason::IncludeDenied,
            SpecError::IncludeUnreachable { .. } => Reason::IncludeUnreachable,
            SpecError::IncludeCutOff { .. } => Reason::Deadline,
        }
    }
}
