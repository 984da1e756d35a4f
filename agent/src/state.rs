//! The record on disk: atomic, fsynced, locked, with room kept for a full disk.
//!
//! One folder (`/var/lib/firstlight`, 0700) holds `record.json`, `lock` and `reserve`. A write goes to
//! a new file, is fsynced, renamed over the old one, and the folder is fsynced: after a crash there is
//! the old record or the new one. The reserve is given up when a write finds the disk full, and taken
//! back when there is room again.

use crate::{
    lifecycle::Record,
    verdict::{Failure, Reason},
};
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What is kept back for a verdict when the disk is full, at least; more where the record is larger. Bytes.
const RESERVE: usize = 64 * 1024;

/// The record's file.
const RECORD: &str = "record.json";

/// The schema this version writes and reads.
pub const SCHEMA: u32 = 1;

/// The record's folder, open and locked.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    _lock: Flock<File>,
}

/// The record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder or the lock cannot be made.
    #[error("cannot open the record's folder {}: {error}; it must be on a writable disk and belong to root", folder.display())]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another agent holds the lock.
    #[error(
        "another firstlight is at work on this instance; `firstlight status` tells how far it is"
    )]
    Busy,
    /// The record cannot be read.
    #[error("cannot read the record {}: {error}; check the disk", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The record is damaged, or of a newer version.
    #[error(
        "the record {} cannot be understood ({error}); what was decided for this instance is unknown, so nothing is signalled. Replace the instance, or remove the file to decide afresh",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The record cannot be written, even with the reserve freed.
    #[error("cannot write the record {}: {error}; check that the disk has room and is writable", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Failure for StateError {
    fn reason(&self) -> Reason {
        Reason::StateUnusable
    }
}

/// Reads the record of an agent that may be at work, without its lock: what was last written.
///
/// # Errors
/// It cannot be read, is damaged, or is of a newer version.
pub fn peek(folder: &Path) -> Result<Option<Record>, StateError> {
    let path = folder.join(RECORD);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StateError::Read { path, error }),
    };
    let damaged = |error: String| StateError::Damaged {
        path: path.clone(),
        error,
    };
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if record.schema != SCHEMA {
        return Err(damaged(format!(
            "schema {}, this version knows {SCHEMA}",
            record.schema
        )));
    }
    Ok(Some(record))
}

impl Store {
    /// Opens the folder and takes its lock, without waiting.
    ///
    /// # Errors
    /// [`StateError::Busy`] when another process holds the lock; [`StateError::Open`] otherwise.
    pub fn open(folder: &Path) -> Result<Store, StateError> {
        let open = |error| StateError::Open {
            folder: folder.to_owned(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(open)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join("lock"))
            .map_err(open)?;
        let lock = match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_file, nix::errno::Errno::EWOULDBLOCK)) => return Err(StateError::Busy),
            Err((_file, errno)) => return Err(open(errno.into())),
        };
        let store = Store {
            folder: folder.to_owned(),
            _lock: lock,
        };
        store.keep_reserve(0);
        Ok(store)
    }

    /// The record as last written; `None` on a first start.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is of a newer version.
    pub fn read(&self) -> Result<Option<Record>, StateError> {
        peek(&self.folder)
    }

    /// Writes the record; it is on disk when this returns.
    ///
    /// # Errors
    /// The disk is full even without the reserve, or does not take writes.
    pub fn write(&self, record: &Record) -> Result<(), StateError> {
        let write = |error| StateError::Write {
            path: self.record(),
            error,
        };
        let bytes = serde_json::to_vec_pretty(record).map_err(|error| write(error.into()))?;
        let written = match self.replace(&bytes) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                ) =>
            {
                // Gone already when it was given up before: then the write tells.
                let _ = std::fs::remove_file(self.reserve());
                self.replace(&bytes).map_err(write)
            }
            other => other.map_err(write),
        };
        self.keep_reserve(bytes.len());
        written
    }

    /// Removes the record. One that stays after a crash is as good: it decides nothing.
    ///
    /// # Errors
    /// The disk takes no writes.
    pub fn forget(&self) -> Result<(), StateError> {
        let path = self.record();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StateError::Write { path, error })
            }
            _ => Ok(()),
        }
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let new = self.folder.join("record.json.new");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, self.record())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Room for a record of `record` bytes and for what a verdict adds to it. Without room for it there is
    /// none, and the next write tries again: it is a help, not a promise.
    fn keep_reserve(&self, record: usize) {
        let path = self.reserve();
        let size = RESERVE.max(record.saturating_mul(2));
        if std::fs::metadata(&path).is_ok_and(|meta| meta.len() >= size as u64) {
            return;
        }
        let keep = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(&vec![0; size])?;
            file.sync_all()
        };
        if keep().is_err() {
            let _ = std::fs::remove_file(&path);
        }
    }

    fn record(&self) -> PathBuf {
        self.folder.join(RECORD)
    }

    fn reserve(&self) -> PathBuf {
        self.folder.join("reserve")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{
        imds::Identity,
        lifecycle::{self, Now},
    };
    use std::os::unix::fs::PermissionsExt;

    fn record() -> Record {
        let me = Identity {
            instance_id: "i-0123456789abcdef0".into(),
            image_id: "ami-0123456789abcdef0".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            availability_zone: "eu-west-1a".into(),
            instance_type: "t3.small".into(),
            architecture: "x86_64".into(),
        };
        let now = Now {
            wall_ms: 1,
            uptime_ms: 1,
            boot: "b".into(),
        };
        lifecycle::open(None, &me, None, &now)
    }

    #[test]
    fn what_is_written_is_read_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("lib")).unwrap();
        assert_eq!(store.read().unwrap(), None);
        store.write(&record()).unwrap();
        assert_eq!(store.read().unwrap(), Some(record()));
        for file in ["record.json", "reserve", "lock"] {
            let mode = std::fs::metadata(folder.path().join("lib").join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn the_reserve_has_room_for_the_record_that_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let reserve = || std::fs::metadata(store.reserve()).unwrap().len();
        assert_eq!(reserve(), RESERVE as u64);
        let mut large = record();
        large.facts.document = Some("x".repeat(RESERVE));
        store.write(&large).unwrap();
        assert!(reserve() > RESERVE as u64 * 2);
    }

    #[test]
    fn one_agent_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::open(folder.path()).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StateError::Busy)));
        drop(first);
        assert!(Store::open(folder.path()).is_ok());
    }

    #[test]
    fn a_damaged_or_newer_record_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut newer = record();
        newer.schema = SCHEMA + 1;
        for bytes in [
            b"{\"schema\":".to_vec(),
            serde_json::to_vec(&newer).unwrap(),
        ] {
            std::fs::write(folder.path().join("record.json"), &bytes).unwrap();
            assert!(matches!(store.read(), Err(StateError::Damaged { .. })));
        }
    }
}
