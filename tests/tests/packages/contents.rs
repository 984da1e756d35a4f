//! What is in the packages.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use firstlight_tests::parts::repository;

use crate::made::{made, made_in, prints, shared};

/// What both hold besides documentation, with its mode.
const HELD: [(&str, &str); 15] = [
    ("/etc/cloud/clean.d/10-firstlight", "-rwxr-xr-x"),
    ("/etc/firstlight/launch.d", "drwxr-xr-x"),
    ("/usr/bin/firstlight", "-rwxr-xr-x"),
    ("/usr/lib/firstlight/is-for-good", "-rwxr-xr-x"),
    (
        "/usr/lib/systemd/system-preset/50-firstlight.preset",
        "-rw-r--r--",
    ),
    (
        "/usr/lib/systemd/system/firstlight-backstop.service",
        "-rw-r--r--",
    ),
    ("/usr/lib/systemd/system/firstlight.service", "-rw-r--r--"),
    ("/usr/lib/tmpfiles.d/firstlight.conf", "-rw-r--r--"),
    (
        "/usr/share/bash-completion/completions/firstlight",
        "-rw-r--r--",
    ),
    (
        "/usr/share/doc/firstlight/examples/10-fleet.yaml",
        "-rw-r--r--",
    ),
    ("/usr/share/doc/firstlight/examples/web.yaml", "-rw-r--r--"),
    ("/usr/share/firstlight/cloud-init-handler.py", "-rw-r--r--"),
    ("/usr/share/firstlight/launch.schema.json", "-rw-r--r--"),
    (
        "/usr/share/fish/vendor_completions.d/firstlight.fish",
        "-rw-r--r--",
    ),
    ("/usr/share/man/man8/firstlight.8.gz", "-rw-r--r--"),
];

/// Mode and owner of everything in one, by path.
fn listed(lines: &str, owner: impl Fn(&[&str]) -> String) -> BTreeMap<String, (String, String)> {
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = words.last()?.trim_start_matches('.').trim_end_matches('/');
        Some((
            path.to_owned(),
            ((*words.first()?).to_owned(), owner(&words)),
        ))
    };
    lines.lines().filter_map(entry).collect()
}

#[test]
fn both_hold_the_same_all_of_it_roots() -> Result<()> {
    let made = shared();
    let deb = prints("dpkg-deb", &["--contents", made.deb.to_str().unwrap()])?;
    let deb = listed(&deb, |words| words[1].to_owned());
    let rpm = prints("rpm", &["-qplv", made.rpm.to_str().unwrap()])?;
    let rpm = listed(&rpm, |words| format!("{}/{}", words[2], words[3]));
    for (path, mode) in HELD {
        for (kind, held) in [("deb", &deb), ("rpm", &rpm)] {
            let (found, _) = held
                .get(path)
                .with_context(|| format!("{path} in the {kind}"))?;
            assert_eq!(found, mode, "{path} in the {kind}");
        }
    }
    // Each distribution's zsh looks in a folder of its own.
    for (held, folder) in [(&deb, "vendor-completions"), (&rpm, "site-functions")] {
        let path = format!("/usr/share/zsh/{folder}/_firstlight");
        let (mode, _) = held.get(&path).with_context(|| path.clone())?;
        assert_eq!(mode, "-rw-r--r--", "{path}");
    }
    let licence = [&deb, &rpm].map(|held| {
        let is = |path: &&String| path.ends_with("/copyright") || path.ends_with("/LICENSE");
        held.keys().filter(is).count()
    });
    assert_eq!(licence, [1, 1]);
    for (path, (mode, owner)) in deb.iter().chain(&rpm) {
        assert_eq!(owner, "root/root", "{path}");
        assert_eq!(&mode[8..9], "-", "{path} may be written by others: {mode}");
    }
    let files = |held: &BTreeMap<String, (String, String)>| {
        let is_common = |path: &str| {
            let apart = [
                "/usr/share/zsh/",
                "/usr/share/licenses/",
                "/usr/share/doc/firstlight/copyright",
            ];
            !apart.iter().any(|prefix| path.starts_with(prefix))
        };
        let files = held
            .iter()
            .filter(|(path, (mode, _))| mode.starts_with('-') && is_common(path));
        files.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(files(&deb), files(&rpm));
    Ok(())
}

/// A small stand-in for the binary: what is held here does not depend on what it does.
#[test]
fn the_same_input_gives_the_same_bytes_for_either_machine() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = folder.path().join("firstlight");
    std::fs::write(&binary, "#!/bin/sh\n")?;
    for (machine, deb, rpm) in [
        ("x86_64", "amd64", "x86_64"),
        ("aarch64", "arm64", "aarch64"),
    ] {
        let (one, other) = (made(machine, &binary)?, made(machine, &binary)?);
        assert_eq!(std::fs::read(&one.deb)?, std::fs::read(&other.deb)?);
        assert_eq!(std::fs::read(&one.rpm)?, std::fs::read(&other.rpm)?);
        let field = prints(
            "dpkg-deb",
            &["--field", one.deb.to_str().unwrap(), "Architecture"],
        )?;
        assert_eq!(field.trim(), deb);
        let tags = [
            "-qp",
            "--queryformat",
            "%{ARCH} %{LICENSE}",
            one.rpm.to_str().unwrap(),
        ];
        assert_eq!(prints("rpm", &tags)?, format!("{rpm} Apache-2.0"));
    }
    Ok(())
}

/// Who takes what is in the folder finds one of a kind: an older version's goes, another machine's stays.
#[test]
fn an_older_package_is_gone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = folder.path().join("binary");
    std::fs::write(&binary, "#!/bin/sh\n")?;
    let packages = folder.path().join("packages");
    std::fs::create_dir(&packages)?;
    let kept = [
        "firstlight_0.0.1_arm64.deb",
        "firstlight-0.0.1-1.aarch64.rpm",
    ];
    let older = [
        "firstlight_0.0.1_amd64.deb",
        "firstlight-0.0.1-1.x86_64.rpm",
    ];
    for name in [kept, older].concat() {
        std::fs::write(packages.join(name), "")?;
    }
    made_in(None, "x86_64", &binary, &packages)?;
    for name in kept {
        assert!(packages.join(name).exists(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&packages)?.count(), 4);
    assert!(!older.iter().any(|name| packages.join(name).exists()));
    Ok(())
}

/// A deb's conffiles and an rpm's config files are kept when an administrator changed them.
#[test]
fn what_an_administrator_changes_is_kept() -> Result<()> {
    let made = shared();
    let deb = prints(
        "dpkg-deb",
        &["--info", made.deb.to_str().unwrap(), "conffiles"],
    )?;
    assert_eq!(deb.trim(), "/etc/cloud/clean.d/10-firstlight");
    let rpm = prints("rpm", &["-qp", "--configfiles", made.rpm.to_str().unwrap()])?;
    assert_eq!(rpm.trim(), "/etc/cloud/clean.d/10-firstlight");
    Ok(())
}

/// The two units do the same work in the same folders: what one may not, the other may not either.
#[test]
fn the_backstop_is_hardened_as_the_agent_is() -> Result<()> {
    let folder = repository().join("packaging/root/usr/lib/systemd/system");
    let hardening = |unit: &str| -> Result<Vec<String>> {
        let text = std::fs::read_to_string(folder.join(unit))?;
        let (_, below) = text.split_once("\nKillMode=").context("no KillMode=")?;
        let below = below.split("\n[").next().unwrap_or_default();
        let lines = below
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        Ok(lines.map(str::to_owned).collect())
    };
    let agent = hardening("firstlight.service")?;
    assert!(agent.len() > 30, "{agent:#?}");
    assert_eq!(agent, hardening("firstlight-backstop.service")?);
    Ok(())
}
