//! The machine itself: kernel, system, memory, disks, cloud-init. Reads what is in memory or a few
//! kilobytes on disk.

use crate::context::Paths;
use nix::sys::statvfs::statvfs;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// The most that is read of a file, in bytes.
const MOST: u64 = 64 * 1024;
/// Lines of /proc/meminfo: total, free, available.
const MEMORY: usize = 3;

/// What the machine is and how full it is.
pub(super) fn facts(paths: &Paths, engine: Option<Value>) -> Value {
    let line = |path: &str| read(Path::new(path)).map(|text| text.trim().to_owned());
    let memory = read(Path::new("/proc/meminfo")).unwrap_or_default();
    let memory: Vec<&str> = memory.lines().take(MEMORY).collect();
    json!({
        "agent": env!("CARGO_PKG_VERSION"),
        "kernel": line("/proc/sys/kernel/osrelease"),
        "system": read(&paths.etc.with_file_name("os-release")),
        "uptime": line("/proc/uptime"),
        "load": line("/proc/loadavg"),
        "memory": memory,
        "engine": engine,
        "disks": disks(paths),
    })
}

/// How full the file systems are that a launch writes to.
fn disks(paths: &Paths) -> Value {
    let below: [PathBuf; 4] = [
        PathBuf::from("/"),
        PathBuf::from("/var/lib/docker"),
        paths.var.clone(),
        paths.run.clone(),
    ];
    let of = |path: &PathBuf| {
        let found = statvfs(path).ok()?;
        // Widths differ by platform.
        #[allow(
            clippy::useless_conversion,
            reason = "u32 on some targets, u64 on others"
        )]
        let bytes = |blocks| u64::from(blocks).saturating_mul(found.fragment_size().into());
        Some(json!({
            "path": path,
            "bytes": bytes(found.blocks()),
            "bytes_free": bytes(found.blocks_available()),
            "files": found.files(),
            "files_free": found.files_available(),
        }))
    };
    below.iter().filter_map(of).collect()
}

/// What cloud-init says of itself: a file's name in the bundle, and its text.
pub(super) fn cloud_init(paths: &Paths) -> Vec<(String, Option<String>)> {
    let folder = paths.run.with_file_name("cloud-init");
    ["status.json", "result.json"]
        .map(|name| (format!("cloud-init-{name}"), read(&folder.join(name))))
        .into()
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MOST)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_there_is_told_and_what_is_not_is_not_made_up() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::below(root.path());
        std::fs::create_dir_all(root.path().join("run/cloud-init")).unwrap();
        std::fs::create_dir_all(&paths.var).unwrap();
        std::fs::write(root.path().join("run/cloud-init/status.json"), "{}").unwrap();
        let facts = facts(&paths, None);
        assert!(facts["kernel"].is_string() && facts["memory"][0].is_string());
        assert_eq!(facts["system"], Value::Null);
        let disks = facts["disks"].as_array().unwrap();
        let of = |path: &Path| disks.iter().find(|disk| disk["path"] == json!(path));
        assert!(of(&paths.var).unwrap()["bytes_free"].as_u64().unwrap() > 0);
        assert!(of(&paths.run).is_none());
        assert_eq!(
            cloud_init(&paths),
            [
                ("cloud-init-status.json".to_owned(), Some("{}".to_owned())),
                ("cloud-init-result.json".to_owned(), None),
            ]
        );
    }
}
