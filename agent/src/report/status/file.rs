//! The status on disk.

use super::{SCHEMA, Status};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where the file lies below `var`.
pub fn path(var: &Path) -> PathBuf {
    var.join("status.json")
}

/// Why the file cannot be told from.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// It was cut off or written over.
    #[error(
        "{path} is damaged: {why}; the journal has the story (`journalctl -t firstlight`), and the next launch writes it anew"
    )]
    Damaged {
        /// Which file.
        path: String,
        /// Why it cannot be understood.
        why: String,
    },
    /// It is not what this version writes.
    #[error(
        "{path} is not a status of schema {SCHEMA}: {why}; read it with the agent that wrote it"
    )]
    Foreign {
        /// Which file.
        path: String,
        /// Why.
        why: String,
    },
}

/// The file as it is and what it says; `None` when nothing has run yet.
///
/// # Errors
/// See [`StatusError`].
pub fn read(var: &Path) -> Result<Option<(String, Status)>, StatusError> {
    let path = path(var);
    let shown = path.display().to_string();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StatusError::Unreadable { path: shown, error }),
    };
    let damaged = |why: String| StatusError::Damaged {
        path: shown.clone(),
        why,
    };
    let text = String::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
    // The schema first: another one's shape need not be this one's.
    let Shape { schema } =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if schema != SCHEMA {
        return Err(StatusError::Foreign {
            path: shown,
            why: format!("schema {schema}"),
        });
    }
    let status = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    Ok(Some((text, status)))
}

/// What every schema has.
#[derive(serde::Deserialize)]
struct Shape {
    schema: u32,
}

/// Replaces the file.
///
/// # Errors
/// The folder is missing or full; the old file is still there then.
pub(in crate::report) fn write(var: &Path, status: &Status) -> io::Result<()> {
    let path = path(var);
    let new = path.with_extension("json.new");
    let text = serde_json::to_string_pretty(status).map_err(io::Error::other)?;
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        // A half-written file would hold space that the record may need.
        fs::remove_file(&new).ok();
    }
    written
}
