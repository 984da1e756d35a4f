//! Secret files on tmpfs: owner and mode before content, whole or not there, never rewritten.
//!
//! They lie under `run/<epoch>/<boot>/<digest>/<container>/`, where `<digest>` is that of the
//! containers' label. The same digest means the same references at the same versions, so a file that
//! is there is left alone, and running containers keep what they started with; other content has
//! another digest, hence another folder. A kill leaves a temporary name at most.

use super::{Launch, error::WorkloadError};
use crate::{context::Context, references::Resolution};
use firstlight_userdata::spec::{Container, File, Resolved};
use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat, renameat},
    sys::{
        stat::{Mode, fchmod, fstat, fstatat, mkdirat},
        statfs::{TMPFS_MAGIC, fstatfs},
    },
    unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, unlinkat},
};
use sha2::{Digest, Sha256};
use std::{
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

const FOLDER: OFlag = OFlag::O_DIRECTORY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_RDONLY)
    .union(OFlag::O_CLOEXEC);

/// Puts one container's files there. Returns where each is, and where the container sees it.
///
/// # Errors
/// The place is not tmpfs, or a file could not be written.
pub(super) fn put(
    cx: &Context,
    launch: &Launch,
    digest: &str,
    name: &str,
    container: &Container<Resolved>,
) -> Result<Vec<(PathBuf, String)>, WorkloadError> {
    if container.files.is_empty() {
        return Ok(Vec::new());
    }
    let steps = [&launch.epoch.to_string(), &launch.boot_id, digest, name];
    let path = steps
        .iter()
        .fold(cx.paths.run.clone(), |path, step| path.join(step));
    let failed = |target: &str, error| WorkloadError::file(name, target, &path, &error);
    let folder = folder(&cx.paths.run, &steps).map_err(|error| failed("(all)", error))?;
    on_tmpfs(cx, &folder)?;
    let put = |(target, file): (&String, &File<Resolved>)| {
        let name = file_name(target);
        place(&folder, &name, file).map_err(|error| failed(target, error))?;
        Ok((path.join(name), target.clone()))
    };
    container.files.iter().map(put).collect()
}

/// Removes what earlier transitions, boots and digests left. Whoever used it is gone.
///
/// Only names of our own making are touched; what cannot be removed is told and left.
pub(super) fn clean(cx: &Context, launch: &Launch, resolution: &Resolution) {
    let epoch = launch.epoch.to_string();
    let boots = cx.paths.run.join(&epoch);
    let digests = boots.join(&launch.boot_id);
    remove_others(cx, &cx.paths.run, &epoch, is_epoch);
    remove_others(cx, &boots, &launch.boot_id, |_| true);
    remove_others(cx, &digests, &resolution.digest, |_| true);
}

/// Removes all of them: nothing of ours runs any more, and an instance that hibernates keeps its memory
/// on disk.
pub(super) fn forget(cx: &Context) {
    remove_others(cx, &cx.paths.run, "", is_epoch);
}

fn is_epoch(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn remove_others(cx: &Context, folder: &Path, keep: &str, ours: impl Fn(&str) -> bool) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| *name != keep && ours(name)) else {
            continue;
        };
        // std's goes by descriptors and follows no link.
        if let Err(error) = std::fs::remove_dir_all(folder.join(name)) {
            let message = format!("{}: {error}", folder.join(name).display());
            cx.report.warn("secrets_not_removed", &message);
        }
    }
}

/// The folder, made where missing, each step root's alone, no step a link.
fn folder(run: &Path, steps: &[impl AsRef<str>]) -> io::Result<OwnedFd> {
    std::fs::create_dir_all(run)?;
    // A step may be a link above `run` (/var/run is one), not below it.
    let mut folder = open(run, FOLDER, Mode::empty())?;
    for step in steps {
        let step = step.as_ref();
        match mkdirat(&folder, step, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = openat(&folder, step, FOLDER, Mode::empty())?;
        let stat = fstat(&folder)?;
        let open_to_others =
            Mode::from_bits_truncate(stat.st_mode) & (Mode::S_IRWXG | Mode::S_IRWXO);
        if stat.st_uid != geteuid().as_raw() || !open_to_others.is_empty() {
            return Err(io::Error::other(format!(
                "the folder {step:?} exists and is not the agent's alone: remove it"
            )));
        }
    }
    Ok(folder)
}

fn on_tmpfs(cx: &Context, folder: &OwnedFd) -> Result<(), WorkloadError> {
    let kind = fstatfs(folder).map(|stat| stat.filesystem_type());
    if kind == Ok(TMPFS_MAGIC) {
        return Ok(());
    }
    if cx.paths.run == Path::new("/run/firstlight") {
        return Err(WorkloadError::NotTmpfs(cx.paths.run.clone()));
    }
    // Another root was asked for by name: an image being built, or a rehearsal.
    let message = format!("{} is not on tmpfs", cx.paths.run.display());
    cx.report.warn("secrets_not_on_tmpfs", &message);
    Ok(())
}

/// A name without slashes for a path, the same each time.
fn file_name(target: &str) -> String {
    let hash = Sha256::digest(target.as_bytes());
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn place(folder: &OwnedFd, name: &str, file: &File<Resolved>) -> io::Result<()> {
    match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => return Ok(()),
        Err(Errno::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    // The error would quote the content.
    let content = file.bytes();
    let content = content.map_err(|_| io::Error::other("its content is not base64"))?;
    let temporary = format!("{name}.tmp");
    match unlinkat(folder, temporary.as_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags =
        OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let written = openat(folder, temporary.as_str(), flags, Mode::S_IRUSR)?;
    // In this order: changing the mode of another's file would take CAP_FOWNER, which the unit withholds.
    fchmod(&written, Mode::from_bits_truncate(file.mode))?;
    let (uid, gid) = (Uid::from_raw(file.uid), Gid::from_raw(file.gid));
    fchown(&written, Some(uid), Some(gid))?;
    let mut written = std::fs::File::from(written);
    written.write_all(&content)?;
    Ok(renameat(folder, temporary.as_str(), folder, name)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use firstlight_userdata::{resolve::Text, spec::Encoding};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn file(content: &str, encoding: Encoding) -> File<Resolved> {
        File {
            content: Text::secret(content),
            encoding,
            mode: 0o440,
            uid: geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
        }
    }

    #[test]
    fn owner_mode_and_content() {
        let root = tempfile::tempdir().unwrap();
        let steps = ["1", "boot", "digest", "web"];
        let folder = folder(root.path(), &steps).unwrap();
        let path = root.path().join("1/boot/digest/web");
        place(&folder, "f", &file("c2VjcmV0\n", Encoding::Base64)).unwrap();
        assert_eq!(std::fs::read(path.join("f")).unwrap(), b"secret");
        assert_eq!(path.join("f").metadata().unwrap().mode() & 0o7777, 0o440);
        for step in path.ancestors().take(4) {
            assert_eq!(step.metadata().unwrap().mode() & 0o7777, 0o700, "{step:?}");
        }
        // never rewritten
        place(&folder, "f", &file("other", Encoding::Text)).unwrap();
        assert_eq!(std::fs::read(path.join("f")).unwrap(), b"secret");
    }

    #[test]
    fn half_written_files_are_begun_anew() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path(), &["1"]).unwrap();
        std::fs::write(root.path().join("1/f.tmp"), "sec").unwrap();
        place(&folder, "f", &file("secret", Encoding::Text)).unwrap();
        assert_eq!(std::fs::read(root.path().join("1/f")).unwrap(), b"secret");
        assert!(!root.path().join("1/f.tmp").exists());
    }

    #[test]
    fn links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), root.path().join("1")).unwrap();
        assert!(folder(root.path(), &["1"]).is_err());
        let folder = folder(root.path(), &["2"]).unwrap();
        symlink(elsewhere.path().join("x"), root.path().join("2/f.tmp")).unwrap();
        place(&folder, "f", &file("secret", Encoding::Text)).unwrap();
        assert!(!elsewhere.path().join("x").exists());
    }

    #[test]
    fn folders_of_others_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("1");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        let error = folder(root.path(), &["1"]).unwrap_err().to_string();
        assert!(error.contains("not the agent's alone"), "{error}");
    }

    #[test]
    fn errors_hold_no_content() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path(), &["1"]).unwrap();
        let error = place(&folder, "f", &file("hunter2!", Encoding::Base64)).unwrap_err();
        let error = WorkloadError::file("web", "/f", root.path(), &error).to_string();
        assert!(
            error.contains("not base64") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
