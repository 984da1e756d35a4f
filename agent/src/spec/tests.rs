#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    report::Report,
    verdict::{Failure, Reason},
};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

fn write(path: &Path, mode: u32) {
    fs::write(path, "firstlight: 1\n").unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn drop_ins_are_read_in_lexical_order() {
    let folder = folder();
    for name in [
        "20-b.yaml",
        "10-a.yaml",
        "30-c.yml",
        ".hidden.yaml",
        "README",
    ] {
        write(&folder.path().join(name), 0o644);
    }
    let read = drop_in::read(folder.path(), &Report::default()).unwrap();
    let names: Vec<_> = read
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["10-a.yaml", "20-b.yaml"]);
    let nowhere = folder.path().join("nowhere");
    assert!(
        drop_in::read(&nowhere, &Report::default())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn drop_ins_that_others_may_write_are_refused() {
    type Make = fn(&Path);
    let cases: &[(Make, &str)] = &[
        (|path| write(path, 0o664), "mode 0664); run `chmod go-w "),
        (|path| write(path, 0o602), "mode 0602); run `chmod go-w "),
        (
            |path| symlink("/etc/hostname", path).unwrap(),
            "is a symbolic link",
        ),
        (|path| fs::create_dir(path).unwrap(), "is a folder"),
        (
            |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap(),
            "is not a regular file",
        ),
        (
            |path| {
                write(path, 0o644);
                let folder = path.parent().unwrap();
                fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
            },
            "mode 0777); run `chmod go-w ",
        ),
    ];
    for (make, says) in cases {
        let folder = folder();
        make(&folder.path().join("10-a.yaml"));
        let error = drop_in::read(folder.path(), &Report::default()).unwrap_err();
        assert!(matches!(error, SpecError::DropInUnsafe { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_changed_include_is_told_from_an_invalid_spec() {
    let text = "firstlight: 1\ninclude: [{from: ssm:/x, sha256: SUM}]\n";
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for (bytes, reason) in [
        (&b"abc"[..], Reason::SpecInvalid),
        (b"abd", Reason::IncludeChanged),
    ] {
        let mut sources = Sources::default();
        sources.drop_in("a", text.replace("SUM", sum).as_bytes());
        let include = sources.includes().remove(0);
        sources.included(include.id, bytes);
        assert_eq!(composed(sources).unwrap_err().reason(), reason);
    }
}
