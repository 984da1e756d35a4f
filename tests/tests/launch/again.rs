//! The same launch once more, as after `systemctl restart`: nobody is told twice, and nothing is touched.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::webapp;
use serde_json::Value;

use crate::scene::{Play, Scene};

/// Every container, whole, and every secret file with what tells whether it was written again.
#[derive(Debug, PartialEq)]
struct Snapshot {
    containers: Vec<Value>,
    files: BTreeMap<PathBuf, (u64, std::time::SystemTime, Vec<u8>)>,
}

impl Snapshot {
    async fn take(scene: &Scene, play: &Play, stems: &[&str]) -> Result<Self> {
        let mut containers = Vec::new();
        for stem in stems {
            let mut found = scene.inspect(stem).await?;
            // The engine lists mounts in no order.
            if let Some(mounts) = found["Mounts"].as_array_mut() {
                mounts.sort_by_key(ToString::to_string);
            }
            containers.push(found);
        }
        let mut files = BTreeMap::new();
        let mut folders = vec![play.agent.root().join("run")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    use std::os::unix::fs::MetadataExt as _;
                    let facts = path.metadata()?;
                    let content = std::fs::read(&path)?;
                    files.insert(path, (facts.ino(), facts.modified()?, content));
                }
            }
        }
        Ok(Self { containers, files })
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let own = scene.names.suffix();
    let (db, web, task) = (
        scene.names.unique("db"),
        scene.names.unique("web"),
        scene.names.unique("migrate"),
    );
    let moto = &scene.ground.moto;
    moto.put_parameter(&format!("/{own}/password"), "hush", "SecureString")
        .await?;
    let text = format!(
        "services:
  {db}: {{image: \"{image}\", command: [worker]}}
  {web}:
    image: {image}
    environment: {{PASSWORD: \"{{{{ssm:/{own}/password}}}}\"}}
    files: {{/run/secrets/password: {{content: \"{{{{ssm:/{own}/password}}}}\"}}}}
    volumes: [\"{}:/data\"]
    health: {{http: {{port: 3000, path: /healthcheck/}}, interval: 100ms}}
tasks:
  {task}: {{extends: {web}, depends_on: [{db}], command: [task, once]}}
",
        scene.names.volume("data")
    );
    let play = scene.play(scene.head() + &text).await?;
    let console = play.agent.root().join("dev/console");
    std::fs::create_dir(console.parent().context("no folder")?)?;
    std::fs::write(&console, "")?;
    play.succeeds().await?;
    let stems = ["db", "web", "migrate"];
    let (before, calls) = (
        Snapshot::take(&scene, &play, &stems).await?,
        play.stage.calls().len(),
    );
    ensure!(before.files.len() == 2, "{:?}", before.files.keys());
    let told = play.agent.status().await?;

    for _ in 0..2 {
        play.launch().await?.expect_code(0)?;
        let after = Snapshot::take(&scene, &play, &stems).await?;
        ensure!(after == before, "was {before:#?}, is {after:#?}");
    }
    let verdicts = play.stage.verdicts();
    ensure!(
        verdicts.len() == 1,
        "{verdicts:?}\n{}",
        play.stage.transcript()
    );
    let later = play.stage.calls().split_off(calls);
    let asked = |service: &str| {
        later
            .iter()
            .filter(|call| call.call.service == service)
            .count()
    };
    ensure!(asked("imds") > 0, "the second run saw nothing of the stage");
    assert_eq!(asked("autoscaling"), 0, "{later:?}");
    let status = play.agent.status().await?;
    for key in [
        "verdict",
        "delivery",
        "images",
        "instance_id",
        "epoch",
        "group",
    ] {
        assert_eq!(status[key], told[key], "{key}");
    }
    assert_eq!(
        (&status["exit_code"], &status["resumed"]),
        (&0.into(), &2.into())
    );
    let lines = std::fs::read_to_string(&console)?;
    assert_eq!(
        lines.lines().count(),
        1,
        "the console hears of a launch once: {lines}"
    );
    ensure!(lines.starts_with("firstlight: CONTINUE i-"), "{lines}");
    Ok(())
}
