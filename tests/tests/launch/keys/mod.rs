//! Every key that a container may have, shown to reach Docker: what `docker inspect` says of it after a launch.
//!
//! The table is in [`rows`], and is held to be complete against the schema.

mod rows;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::repository;
use serde_json::{Value, json};

use crate::scene::{Play, Scene};
use rows::{Row, Set, holds, rows};

/// Keys that are the agent's own and never Docker's, with the theme that shows each.
const NOT_DOCKERS: [(&str, &str); 2] = [("depends_on", "order"), ("timeout", "docker::workload")];

/// The spec that the rows of these containers make.
fn spec(scene: &Scene, rows: &[Row], services: &[&str], tasks: &[&str]) -> String {
    let mut text = scene.head();
    for (kind, stems) in [("services", services), ("tasks", tasks)] {
        if !stems.is_empty() {
            text.push_str(&format!("{kind}:\n"));
        }
        for stem in stems {
            text.push_str(&format!("  {}:\n", scene.names.unique(stem)));
            let mut said = BTreeSet::new();
            for row in rows.iter().filter(|row| row.of == *stem) {
                if said.insert(row.key) {
                    text.push_str(&format!("    {}: {}\n", row.key, row.said));
                }
            }
        }
    }
    text
}

#[tokio::test]
async fn every_key_reaches_docker() -> Result<()> {
    let scene = Scene::set().await?;
    let set = Set::up(&scene).await?;
    let rows = rows(&scene, &set)?;
    complete(&rows)?;
    let play = scene
        .play(spec(
            &scene,
            &rows,
            &["all", "host", "alone", "beside"],
            &["job"],
        ))
        .await?;
    play.succeeds().await?;

    let all = scene.inspect("all").await?;
    let id = all["Id"].as_str().context("no id")?;
    let mut missed = Vec::new();
    for row in rows.iter().filter(|row| !row.of.starts_with("gpu")) {
        let inspected = scene.inspect(row.of).await?;
        if let Err(error) = row.check(&scene, &set, &inspected, id) {
            missed.push(error.to_string());
        }
    }
    ensure!(missed.is_empty(), "{}", missed.join("\n"));

    assert_eq!(
        all["HostConfig"]["NetworkMode"], "firstlight",
        "where nothing is said"
    );
    files(&scene, &play, &all).await
}

/// The files, as the container sees them, and where they lie.
async fn files(scene: &Scene, play: &Play, all: &Value) -> Result<()> {
    let given = scene.inside("all", 3000).await?;
    for (path, uid, gid, mode, content) in [
        ("/run/secrets/text", 1000, 7, "0400", "from a file"),
        (
            "/run/secrets/bytes",
            0,
            1001,
            "0640",
            "\u{0}\u{1}\u{fffd}\u{fffd}",
        ),
        ("/etc/plain", 0, 0, "0444", "plain"),
    ] {
        let file = &given["files"][path];
        let want =
            json!({"uid": uid, "gid": gid, "mode": mode, "content": content, "writable": false});
        ensure!(holds(file, &want), "{path} is {file}, wanted {want}");
    }
    let tmpfs = play.agent.root().join("run").metadata()?.dev();
    let mounts = all["Mounts"].as_array().context("no mounts")?;
    let source = |target: &str| -> Result<std::path::PathBuf> {
        let mount = mounts.iter().find(|mount| mount["Destination"] == target);
        Ok(mount
            .and_then(|mount| mount["Source"].as_str())
            .context("not mounted")?
            .into())
    };
    let bytes = source("/run/secrets/bytes")?;
    assert_eq!(std::fs::read(&bytes)?, [0, 1, 0xff, 0x80]);
    assert_eq!(
        bytes.metadata()?.dev(),
        tmpfs,
        "{} is not on the tmpfs",
        bytes.display()
    );
    Ok(())
}

/// An engine without GPUs makes the container as asked, and can't start it.
#[tokio::test]
async fn gpus_reach_docker() -> Result<()> {
    let scene = Scene::set().await?;
    let set = Set::up(&scene).await?;
    let rows = rows(&scene, &set)?;
    for stem in ["gpu-all", "gpu-two"] {
        let play = scene.play(spec(&scene, &rows, &[stem], &[])).await?;
        let finished = play.launch().await?;
        finished.expect_said("could not select device driver")?;
        finished.expect_code(78)?;
        let inspected = scene.inspect(stem).await?;
        for row in rows.iter().filter(|row| row.of == stem) {
            row.check(&scene, &set, &inspected, "none")?;
        }
    }
    Ok(())
}

/// Every key of the schema has a row, or is not Docker's.
fn complete(rows: &[Row]) -> Result<()> {
    let file = repository().join("userdata/launch.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut keys = BTreeSet::new();
    for kind in ["services", "tasks"] {
        let at = format!("/properties/{kind}/anyOf/0/additionalProperties/anyOf/0/properties");
        let there = schema.pointer(&at).and_then(Value::as_object);
        keys.extend(
            there
                .with_context(|| format!("no schema at {at}"))?
                .keys()
                .map(String::as_str),
        );
    }
    let shown = rows.iter().map(|row| row.key);
    let shown: BTreeSet<&str> = shown.chain(NOT_DOCKERS.map(|(key, _)| key)).collect();
    assert_eq!(shown, keys, "the rows and the schema");
    Ok(())
}
