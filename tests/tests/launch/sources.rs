//! Where a spec comes from: user data however it is packed, drop-ins, includes, and what all of it is merged to. Also where
//! there is none, and where there is nobody to tell.
//!
//! To add a packing: a row in [`user_data_however_it_is_packed`].

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::Stage;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::scene::{Play, Scene};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let digits = BASE64_STANDARD.encode(bytes);
    let lines: Vec<&str> = (0..digits.len())
        .step_by(76)
        .map(|at| &digits[at..digits.len().min(at + 76)])
        .collect();
    lines.join("\n").into_bytes()
}

/// A multipart body: cloud-init's part, and ours with these headers besides.
fn mime(headers: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "Content-Type: multipart/mixed; boundary=\"==x==\"\nMIME-Version: 1.0\n\n--==x==\n\
         Content-Type: text/cloud-config; charset=\"us-ascii\"\n\n#cloud-config\npackages: [jq]\n\n--==x==\n\
         Content-Type: text/firstlight\n{headers}\n"
    );
    [head.as_bytes(), content, b"\n--==x==--\n"].concat()
}

/// A part of a multipart whose content is base64, as MIME says it.
fn mime_base64(content: &[u8]) -> Vec<u8> {
    mime("Content-Transfer-Encoding: base64\n", &base64(content))
}

/// A worker that this test's spec says something of.
struct Worker {
    name: String,
    text: String,
}

/// A spec of a worker, and the worker.
async fn worker(scene: &Scene, stem: &str, image: &str) -> Worker {
    let name = scene.names.unique(stem);
    let text = format!(
        "{}services:\n  {name}: {{image: \"{image}\", command: [worker], environment: {{OF: {stem}}}}}\n",
        scene.head()
    );
    Worker { name, text }
}

/// A container's variables, less what Docker gives every one.
async fn environment(scene: &Scene, stem: &str) -> Result<Vec<String>> {
    let inspected = scene.inspect(stem).await?;
    let mut variables: Vec<String> = serde_json::from_value(inspected["Config"]["Env"].clone())?;
    variables.retain(|variable| !variable.starts_with("PATH="));
    variables.sort();
    Ok(variables)
}

#[tokio::test]
async fn user_data_however_it_is_packed() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    type Pack = fn(&[u8]) -> Vec<u8>;
    let rows: [(&str, Pack); 8] = [
        ("plain", <[u8]>::to_vec),
        ("gzip", gzip),
        ("base64", base64),
        ("base64-of-gzip", |bytes| base64(&gzip(bytes))),
        ("mime", |bytes| mime("", bytes)),
        ("mime-base64", mime_base64),
        ("mime-base64-of-gzip", |bytes| mime_base64(&gzip(bytes))),
        ("gzip-of-mime", |bytes| gzip(&mime("", bytes))),
    ];
    for (stem, pack) in rows {
        let Worker { text, .. } = worker(&scene, stem, &image).await;
        let play = scene.play(pack(text.as_bytes())).await?;
        play.succeeds().await.with_context(|| stem.to_owned())?;
        assert_eq!(environment(&scene, stem).await?, [format!("OF={stem}")]);
    }
    Ok(())
}

#[tokio::test]
async fn drop_ins_parts_and_includes_are_merged_in_their_rank() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let (web, gone, own) = (
        scene.names.unique("web"),
        scene.names.unique("gone"),
        scene.names.suffix(),
    );
    let document = |what: &str, more: &str| {
        format!("firstlight: 1\n{more}services:\n  {web}:\n    environment: {what}\n")
    };
    // By rank, the lowest first. Each is seen in one variable, and outranks the one before it in another.
    let by_s3 = document("{S3: s3, B: s3}", "");
    let by_ssm = document("{SSM: ssm, C: ssm, B: ssm}", "");
    let moto = &scene.ground.moto;
    let bucket = format!("launch-{own}");
    moto.put_object(&bucket, "specs/web.yaml", &gzip(by_s3.as_bytes()))
        .await?;
    moto.put_parameter(&format!("/{own}/common"), &by_ssm, "String")
        .await?;
    let sum: String = Sha256::digest(gzip(by_s3.as_bytes()))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let includes = format!(
        "include:\n  - {{from: \"s3://{bucket}/specs/web.yaml\", sha256: {sum}, owner: \"123456789012\"}}\n  - {{from: \"ssm:/{own}/common\"}}\n"
    );
    let base = format!(
        "{}x-tight: &tight {{read_only: true}}\nservices:\n  {web}:\n    image: \"{image}\"\n    command: [worker]\n    cap_drop: [NET_RAW, MKNOD]\n    environment: [BASE=base, A=base, LOST=base]\n    labels: [team=base]\n    <<: *tight\n  {gone}: {{image: \"{image}\"}}\n",
        scene.head()
    );
    let second = document("{SECOND: second, A: second}", "");
    let first_part = document("{PART: part, C: part, LOST: null}", &includes);
    let last_part = format!(
        "firstlight: 1\nservices:\n  {gone}: null\n  {web}: {{cap_drop: [CHOWN], labels: {{tier: last}}, environment: {{LAST: last, C: last}}}}\n"
    );
    let mut parts = mime("", first_part.as_bytes());
    let end = parts.len() - "--==x==--\n".len();
    parts.truncate(end);
    parts.extend_from_slice(
        format!("--==x==\nContent-Type: text/firstlight\n\n{last_part}\n--==x==--\n").as_bytes(),
    );
    let play = scene.play(parts).await?;
    play.agent.drop_in("20-second.yaml", &second)?;
    play.agent.drop_in("10-base.yaml", &base)?;
    play.succeeds().await?;

    assert_eq!(
        environment(&scene, "web").await?,
        [
            "A=second",
            "B=ssm",
            "BASE=base",
            "C=last",
            "LAST=last",
            "PART=part",
            "S3=s3",
            "SECOND=second",
            "SSM=ssm"
        ]
    );
    let made = scene.inspect("web").await?;
    assert_eq!(
        made["HostConfig"]["CapDrop"],
        json!(["CHOWN"]),
        "lists are replaced whole"
    );
    assert_eq!(
        made["HostConfig"]["ReadonlyRootfs"],
        json!(true),
        "from an anchor"
    );
    let labels = &made["Config"]["Labels"];
    assert_eq!(
        (&labels["team"], &labels["tier"]),
        (&json!("base"), &json!("last"))
    );
    let taken_away = scene.engine.inspect(&gone).await?;
    ensure!(taken_away.is_none(), "null did not take {gone} away");
    play.expect_order(&[
        "imds GET user-data",
        "s3 GetObject specs/web.yaml",
        "autoscaling CompleteLifecycleAction",
    ])
}

/// A play with a serial console, and how to read it.
fn console(play: &Play) -> Result<PathBuf> {
    let console = play.agent.root().join("dev/console");
    std::fs::create_dir_all(console.parent().context("no folder")?)?;
    std::fs::write(&console, "")?;
    Ok(console)
}

#[tokio::test]
async fn without_a_spec_nothing_happens_and_one_line_says_so() -> Result<()> {
    let scene = Scene::set().await?;
    for user_data in [
        "",
        "#cloud-config\npackages: [jq]\n",
        "#!/bin/sh\necho firstlight: 1\n",
    ] {
        let play = scene.play(user_data).await?;
        let console = console(&play)?;
        let finished = play.launch().await?;
        finished.expect_code(0)?;
        ensure!(
            play.stage.verdicts().is_empty(),
            "{:?}",
            play.stage.verdicts()
        );
        let line = std::fs::read_to_string(&console)?;
        let id = &play.stage.instance().id;
        assert_eq!(
            line,
            format!("firstlight: nothing to do on {id}: no source holds a spec\r\n")
        );
        let status = play.agent.status().await?;
        assert_eq!(
            (&status["verdict"]["kind"], &status["exit_code"]),
            (&json!("none"), &json!(0))
        );
        for call in ["ssm", "secretsmanager", "ecr", "s3"] {
            let calls = play.stage.calls();
            ensure!(
                !calls.iter().any(|entry| entry.call.service == call),
                "{call} was called"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn outside_a_group_nobody_is_told_and_it_says_so() -> Result<()> {
    let scene = Scene::set().await?;
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let Worker { name, text } = worker(&scene, "web", &image).await;
    let play = scene.play_on(Stage::builder().user_data(text)).await?;
    let console = console(&play)?;
    let finished = play.launch().await?;
    finished.expect_code(0)?;
    finished.expect_said("in no Auto Scaling group; no hook is told")?;
    assert_eq!(scene.inspect("web").await?["State"]["Running"], json!(true));
    for operation in ["CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"] {
        let calls = play.stage.calls_of("autoscaling", operation);
        ensure!(calls.is_empty(), "{calls:?}");
    }
    let status = play.agent.status().await?;
    crate::scene::told_well(&status)?;
    assert_eq!(
        (&status["group"], &status["delivery"]),
        (&Value::Null, &json!([]))
    );
    let line = std::fs::read_to_string(&console)?;
    ensure!(
        line.starts_with("firstlight: CONTINUE ")
            && line.contains(&name)
            && line.lines().count() == 1,
        "{line}"
    );
    Ok(())
}
