//! Durations, sizes, ports, modes, image references: texts that become values, or say why not.
//!
//! To add a format: a file here with `parse`, and a shape for it in `decode::scalar`.

pub(crate) mod bytes;
pub(crate) mod cpus;
pub(crate) mod device;
pub(crate) mod duration;
pub(crate) mod image;
pub(crate) mod matcher;
pub(crate) mod mode;
pub(crate) mod name;
pub(crate) mod network;
pub(crate) mod path;
pub(crate) mod port;
pub(crate) mod volume;
pub(crate) mod words;

pub use image::ImageRef;

use crate::diagnostic::{Diagnostic, Span};

/// What is wrong with a text, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// A lowercase fragment naming the operand.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Complaint {
    /// A complaint without advice.
    pub(crate) fn new(what: impl Into<String>) -> Complaint {
        Complaint {
            what: what.into(),
            hint: None,
        }
    }
    /// Adds advice.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Complaint {
        Complaint {
            hint: Some(hint.into()),
            ..self
        }
    }
    /// Adds advice, if there is any.
    pub(crate) fn hint_if(self, hint: Option<String>) -> Complaint {
        Complaint {
            hint: hint.or(self.hint),
            ..self
        }
    }
    /// Says where it was written.
    pub(crate) fn at(self, span: &Span) -> Diagnostic {
        Diagnostic {
            span: Some(span.clone()),
            message: self.what,
            hint: self.hint,
        }
    }
}
