//! The command line as packages carry it: manual pages and shell completions, in `packaging/generated`.
//!
//! After a change, draw them anew:
//! ```sh
//! FIRSTLIGHT_WRITE_GENERATED=1 cargo test --workspace --lib packages_carry
//! ```

#![allow(clippy::unwrap_used, reason = "tests")]

use super::Cli;
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::{collections::BTreeMap, path::Path};

/// Of those whose business is running a system (man-pages(7)).
const SECTION: &str = "8";

/// Each file by its name.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut files = BTreeMap::new();
    for (shell, name) in [
        (Shell::Bash, "firstlight.bash"),
        (Shell::Fish, "firstlight.fish"),
        (Shell::Zsh, "_firstlight"),
    ] {
        let mut text = Vec::new();
        generate(shell, &mut Cli::command(), "firstlight", &mut text);
        files.insert(name.to_owned(), text);
    }
    pages(&command, &mut files);
    files
}

/// A page for the program, and one for each of its commands.
fn pages(command: &Command, files: &mut BTreeMap<String, Vec<u8>>) {
    let name = command.get_display_name().unwrap_or("firstlight");
    let page = Man::new(command.clone()).section(SECTION);
    let mut text = Vec::new();
    page.render(&mut text).unwrap();
    files.insert(format!("{name}.{SECTION}"), text);
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            pages(below, files);
        }
    }
}

#[test]
fn packages_carry_what_the_command_line_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/generated");
    let drawn = files();
    if std::env::var_os("FIRSTLIGHT_WRITE_GENERATED").is_some() {
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in &drawn {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let entries = std::fs::read_dir(&folder).unwrap();
    let there = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    });
    assert!(
        drawn == there.collect(),
        "packaging/generated is stale: run this with FIRSTLIGHT_WRITE_GENERATED=1"
    );
}
