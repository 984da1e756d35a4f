//! What the container was given, as JSON: environment, arguments, user, working directory, files.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::{env, fs, path::Path};

/// The whole document.
pub fn document() -> String {
    let environment: Vec<String> = env::vars_os()
        .map(|(name, value)| {
            format!(
                "{}:{}",
                quote(&name.to_string_lossy()),
                quote(&value.to_string_lossy())
            )
        })
        .collect();
    let arguments: Vec<String> = env::args().map(|argument| quote(&argument)).collect();
    let files = crate::setting("INSPECT_FILES").unwrap_or_default();
    let files: Vec<String> = files
        .split(':')
        .filter(|path| !path.is_empty())
        .map(|path| format!("{}:{}", quote(path), file(path)))
        .collect();
    let directory = env::current_dir().unwrap_or_default();
    format!(
        "{{\"environment\":{{{}}},\"arguments\":[{}],\"uid\":{},\"gid\":{},\"groups\":{},\"hostname\":{},\"cwd\":{},\
         \"root_writable\":{},\"capabilities\":{},\"mounts\":{},\"files\":{{{}}}}}",
        environment.join(","),
        arguments.join(","),
        status_ids("Uid:"),
        status_ids("Gid:"),
        quote(&status("Groups:")),
        quote(read("/proc/sys/kernel/hostname").trim()),
        quote(&directory.to_string_lossy()),
        fs::write("/.firstlight-probe", "").is_ok(),
        quote(&status("CapEff:")),
        quote(&read("/proc/self/mounts")),
        files.join(",")
    )
}

fn file(path: &str) -> String {
    match fs::metadata(Path::new(path)) {
        Err(error) => format!("{{\"error\":{}}}", quote(&error.to_string())),
        Ok(meta) => {
            let content = fs::read(path).map(|bytes| quote(&String::from_utf8_lossy(&bytes)));
            format!(
                "{{\"uid\":{},\"gid\":{},\"mode\":\"{:04o}\",\"size\":{},\"writable\":{},\"content\":{}}}",
                meta.uid(),
                meta.gid(),
                meta.mode() & 0o7777,
                meta.size(),
                fs::OpenOptions::new().append(true).open(path).is_ok(),
                content.unwrap_or_else(|_| "null".to_owned())
            )
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A line of /proc/self/status, without its name.
fn status(name: &str) -> String {
    let text = read("/proc/self/status");
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The effective id in a line of four.
fn status_ids(name: &str) -> String {
    status(name)
        .split_whitespace()
        .nth(1)
        .unwrap_or("null")
        .to_owned()
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            character if character < ' ' => {
                // Writing to a String can't fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
