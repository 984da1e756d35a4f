//! Drop-ins: files that only root may have written, for whoever writes one is root on the instance.

use super::SpecError;
use crate::report::Report;
use nix::{fcntl::OFlag, unistd::Uid};
use std::{
    ffi::OsStr,
    fs::{File, Metadata, OpenOptions, read_dir},
    io::{self, ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Largest file taken, in bytes; one more is read, so that the reader of documents refuses it.
const MOST: u64 = 4 * 1024 * 1024;

/// Reads every `*.yaml` in `folder`, in lexical order; none when there is no such folder.
///
/// Owner and mode are those of the open file, so that nothing can be swapped between check and read.
pub(super) fn read(folder: &Path, report: &Report) -> Result<Vec<(PathBuf, Vec<u8>)>, SpecError> {
    let Some(paths) = list(folder, report).map_err(|error| unreadable(folder, error))? else {
        return Ok(Vec::new());
    };
    let opened = open(folder)?;
    guard(folder, &opened)?;
    let mut files = Vec::new();
    for path in paths {
        let file = open(&path)?;
        guard(&path, &file)?;
        let mut bytes = Vec::new();
        file.take(MOST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&path, error))?;
        files.push((path, bytes));
    }
    Ok(files)
}

/// The drop-ins' paths in order; `None` when there is no such folder.
fn list(folder: &Path, report: &Report) -> io::Result<Option<Vec<PathBuf>>> {
    let entries = match read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        known => known?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = path.extension().and_then(OsStr::to_str);
        if extension == Some("yaml") && !hidden {
            paths.push(path);
        } else if matches!(extension, Some("yml" | "json")) && !hidden {
            let words = format!("{} is ignored: drop-ins end in .yaml", path.display());
            report.warn("drop_in_ignored", &words);
        }
    }
    paths.sort();
    Ok(Some(paths))
}

/// Opens without following a link, and without waiting for a pipe's other end.
fn open(path: &Path) -> Result<File, SpecError> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    opened.map_err(|error| {
        if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) {
            wrong(path, "is a symbolic link", "put the file itself there")
        } else {
            unreadable(path, error)
        }
    })
}

/// Checks that only root (or, not running as root, this user) may write what was opened.
fn guard(path: &Path, file: &File) -> Result<(), SpecError> {
    let facts = file.metadata().map_err(|error| unreadable(path, error))?;
    check(path, &facts, Uid::effective().as_raw())
}

fn check(path: &Path, facts: &Metadata, me: u32) -> Result<(), SpecError> {
    let shown = path.display();
    let mode = facts.mode() & 0o7777;
    if !facts.is_file() && !facts.is_dir() {
        return Err(wrong(path, "is not a regular file", "put a file there"));
    }
    if facts.is_dir()
        && path
            .extension()
            .is_some_and(|extension| extension == "yaml")
    {
        return Err(wrong(path, "is a folder", "put a file there"));
    }
    if facts.uid() != 0 && facts.uid() != me {
        let what = format!("belongs to user {}, not to root", facts.uid());
        return Err(wrong(
            path,
            &what,
            &format!("run `chown root:root {shown}`"),
        ));
    }
    if mode & 0o022 != 0 {
        let what = format!("may be written by others than its owner (mode {mode:04o})");
        return Err(wrong(path, &what, &format!("run `chmod go-w {shown}`")));
    }
    Ok(())
}

fn wrong(path: &Path, what: &str, fix: &str) -> SpecError {
    SpecError::DropInUnsafe {
        path: path.to_owned(),
        what: what.to_owned(),
        fix: fix.to_owned(),
    }
}

fn unreadable(path: &Path, error: io::Error) -> SpecError {
    SpecError::DropInUnreadable {
        path: path.to_owned(),
        error,
    }
}
