//! Specs that cannot be read, are wrong, or lie where they may not: told to the group all the same, because group, hook
//! and heartbeats come first.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{AwsError, Fault, Order};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, table};

const GOOD: &str = "firstlight: 1\nservices: {web: {image: \"127.0.0.1:9/web:1\"}}\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn mime(part: &str) -> Vec<u8> {
    format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{part}\n--b--\n")
        .into_bytes()
}

fn wrong<'a>(reason: &'a str, says: &'a [&'a str]) -> Failure<'a> {
    Failure {
        code: 78,
        stage: "configure",
        reason,
        says,
        heard: Heard::Abandon,
    }
}

/// Whom to tell was known before anybody was told.
fn asked_first(play: &Play) -> Result<()> {
    let hooks = play.first("autoscaling", "DescribeLifecycleHooks");
    let told = play.first("autoscaling", "CompleteLifecycleAction");
    ensure!(
        hooks.is_some() && hooks < told,
        "{}",
        play.stage.transcript()
    );
    Ok(())
}

/// User data, and what is said of it.
type Broken = (Vec<u8>, &'static [&'static str]);

#[tokio::test]
async fn broken_user_data() -> Result<()> {
    let scene = Scene::set().await?;
    let bomb = gzip(&[b' '; 8 << 20]);
    ensure!(bomb.len() < 16 << 10, "EC2 would not take it");
    let whole = gzip(GOOD.as_bytes());
    let text = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&str, Broken)> = vec![
        ("no YAML", (text("firstlight: 1\nservices: [web\n"), &["user data, line "])),
        (
            "all that is wrong at once, each with its place and a hint",
            (
                text("firstlight: 1\ntimeout: 5\nservices:\n  web: {image: web, enviroment: {A: 1}, command: run it}\n  web: {image: web}\n"),
                &[
                    "user data, line 2, column 10: ",
                    "user data, line 4, column ",
                    "did you mean `environment`?",
                    "[\"run\", \"it\"]",
                    "user data, line 5, column 3: ",
                ],
            ),
        ),
        ("a Compose key", (text("firstlight: 1\nservices: {web: {image: web, healthcheck: {test: x}}}\n"), &["`healthcheck`", "`health`"])),
        ("another version", (text("firstlight: 2\nservices: {web: {image: web}}\n"), &["user data, line 1, column 13: "])),
        ("something else", (text("hello\n"), &["this is not a firstlight document"])),
        (
            "MIME that breaks off",
            (
                b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/firstlight\n\nfirstlight: 1\n".to_vec(),
                &["user data, line 7, column 1: the boundary `b` is not closed", "was this cut short?"],
            ),
        ),
        ("MIME without an empty line", (mime("Content-Type: text/firstlight\nfirstlight: 1\n"), &["`firstlight: 1` is not a MIME header"])),
        ("a part of another type", (mime("Content-Type: text/cloud-config\n\nfirstlight: 1\n"), &["give the part the type `text/firstlight`"])),
        ("gzip that breaks off", (whole[..whole.len() / 2].to_vec(), &["the gzip data is cut short"])),
        ("gzip that is none", ([&[0x1f, 0x8b, 9][..], &[0; 20]].concat(), &["the gzip data is damaged"])),
        ("a bomb", (bomb, &["unpacked, this is more than 1048576 bytes"])),
        ("not UTF-8", (b"firstlight: 1\nx-a: \xff\n".to_vec(), &["user data"])),
        (
            "a document in cloud-config",
            (text("#cloud-config\npackages: [x]\nfirstlight: 1\n"), &["user data, line 3, column 1: ", "`text/firstlight`", "/etc/firstlight/launch.d"]),
        ),
        (
            "a document in an archive",
            (text("#cloud-config-archive\n- type: text/plain\n  content: |\n    firstlight: 1\n"), &["`text/firstlight`"]),
        ),
    ];
    table(cases, async |(user_data, says)| {
        let play = Play::open(scene.stage(user_data), []).await?;
        play.fails(wrong("spec_invalid", says)).await?;
        asked_first(&play)
    })
    .await
}

/// No source that says anything to firstlight: exit code 0, and nobody is told.
#[tokio::test]
async fn not_for_us() -> Result<()> {
    let scene = Scene::set().await?;
    table(
        [
            ("a script", b"#!/bin/sh\necho firstlight: 1\n".to_vec()),
            ("cloud-config", b"#cloud-config\npackages: [x]\n".to_vec()),
            (
                "packed cloud-config",
                gzip(b"#cloud-config\npackages: [x]\n"),
            ),
            ("empty", Vec::new()),
        ],
        async |user_data| {
            let play = Play::open(scene.stage(user_data), []).await?;
            play.succeeds(Heard::Nothing).await?;
            let status = play.agent.status().await?;
            ensure!(status["verdict"]["kind"] == json!("none"), "{status:#}");
            Ok(())
        },
    )
    .await
}

/// The hook is kept waiting while the spec is still being fetched.
#[tokio::test]
async fn heartbeats_come_before_the_spec() -> Result<()> {
    let scene = Scene::set().await?;
    scene
        .parameter("launch", "firstlight: 1\nservice: {}\n", "String")
        .await?;
    let slow = Fault::Delay(Duration::from_secs(2))
        .on("ssm", "GetParameters")
        .times(1);
    let user_data = format!(
        "firstlight: 1\ninclude: [{{from: \"ssm:/{}\"}}]\n",
        scene.own("launch")
    );
    let play = Play::open(scene.stage(user_data), [slow])
        .await?
        .timings(&json!({"aws_attempt": 10_000}));
    play.fails(wrong("spec_invalid", &["did you mean `services`?"]))
        .await?;
    let beat = play.first("autoscaling", "RecordLifecycleActionHeartbeat");
    let told = play.first("autoscaling", "CompleteLifecycleAction");
    ensure!(beat.is_some() && beat < told, "{}", play.stage.transcript());
    asked_first(&play)
}

#[tokio::test]
async fn drop_ins_that_others_may_write() -> Result<()> {
    type Make = fn(&Path) -> std::io::Result<()>;
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode));
    let cases: Vec<(&str, (Make, &[&str]))> = vec![
        (
            "by the group",
            (
                |path| std::fs::set_permissions(path, Permissions::from_mode(0o664)),
                &[
                    "/10-a.yaml may be written by others than its owner (mode 0664)",
                    "chmod go-w ",
                ],
            ),
        ),
        (
            "by all",
            (
                |path| std::fs::set_permissions(path, Permissions::from_mode(0o646)),
                &["(mode 0646)"],
            ),
        ),
        (
            "by another",
            (
                |path| chown(path, Some(1234), None),
                &["belongs to user 1234, not to root", "chown root:root "],
            ),
        ),
        (
            "its folder",
            (
                |path| {
                    std::fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o777))
                },
                &["/launch.d may be written by others"],
            ),
        ),
        (
            "a link",
            (
                |path| {
                    std::fs::rename(path, path.with_extension("txt"))?;
                    symlink(path.with_extension("txt"), path)
                },
                &["is a symbolic link"],
            ),
        ),
    ];
    let scene = Scene::set().await?;
    table(cases, async |(make, says)| {
        let play = Play::open(scene.stage(GOOD), []).await?;
        play.agent.drop_in("10-a.yaml", GOOD)?;
        let file = play.agent.root().join("etc/firstlight/launch.d/10-a.yaml");
        mode(file.parent().unwrap(), 0o755)?;
        make(&file)?;
        play.fails(wrong("drop_in_unsafe", says)).await?;
        asked_first(&play)
    })
    .await
}

/// Errors of every source at once, each by the name of its source.
#[tokio::test]
async fn every_source_is_named() -> Result<()> {
    let scene = Scene::set().await?;
    let bucket = scene.names.unique("launch");
    scene
        .ground
        .moto
        .put_object(
            &bucket,
            "c.yaml",
            b"firstlight: 1\nservices: {c: {imag: c}}\n",
        )
        .await?;
    let user_data = format!(
        "firstlight: 1\ninclude: [{{from: \"s3://{bucket}/c.yaml\"}}]\nservices: {{b: {{imag: b}}}}\n"
    );
    let play = Play::open(scene.stage(user_data), []).await?;
    play.agent
        .drop_in("10-a.yaml", "firstlight: 1\nservices: {a: {imag: a}}\n")?;
    let included = format!("include s3://{bucket}/c.yaml, line 2, column ");
    let says = [
        "10-a.yaml, line 2, column ",
        "user data, line 3, column ",
        &included,
        "did you mean `image`?",
    ];
    play.fails(wrong("spec_invalid", &says)).await?;
    asked_first(&play)
}

/// One include, what goes wrong with it, and how the launch fails.
struct Include {
    /// As `include` lists it; `%` is the test's bucket, `@` its parameters' name.
    written: &'static str,
    order: Option<Order>,
    code: i32,
    reason: &'static str,
    says: Vec<&'static str>,
}

fn include(
    written: &'static str,
    order: impl Into<Option<Order>>,
    fails: (i32, &'static str),
    says: &[&'static str],
) -> Include {
    Include {
        written,
        order: order.into(),
        code: fails.0,
        reason: fails.1,
        says: says.to_vec(),
    }
}

#[tokio::test]
async fn includes() -> Result<()> {
    let scene = Scene::set().await?;
    let bucket = scene.names.unique("launch");
    let own = scene.names.suffix();
    for (key, bytes) in [
        ("web.yaml", GOOD.as_bytes().to_vec()),
        ("bad.yaml", b"services: [web\n".to_vec()),
        ("nested.yaml", b"include: [{from: \"ssm:/x\"}]\n".to_vec()),
        ("large.yaml", vec![b'#'; (4 << 20) + 1]),
    ] {
        scene.ground.moto.put_object(&bucket, key, &bytes).await?;
    }
    scene.parameter("launch", GOOD, "String").await?;
    let s3 = |fault: Fault| fault.on("s3", "GetObject");
    let ssm = |fault: Fault| fault.on("ssm", "GetParameters");
    let elsewhere = AwsError::new(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
    );
    let (missing, denied) = ((78, "include_missing"), (77, "include_denied"));
    let cases = vec![
        (
            "no such key",
            include(
                "{from: \"s3://%/none.yaml\"}",
                None,
                missing,
                &["include s3://%/none.yaml does not exist: ", "(NoSuchKey)"],
            ),
        ),
        (
            "no such bucket",
            include(
                "{from: \"s3://%-none/web.yaml\"}",
                None,
                missing,
                &["(NoSuchBucket)"],
            ),
        ),
        (
            "no such parameter",
            include(
                "{from: \"ssm:/@/none\"}",
                None,
                missing,
                &[
                    "include ssm:/@/none does not exist: ",
                    "Parameter Store has no such parameter",
                ],
            ),
        ),
        (
            "no such version",
            include(
                "{from: \"ssm:/@/launch:9\"}",
                None,
                missing,
                &["include ssm:/@/launch:9 does not exist: "],
            ),
        ),
        (
            "bucket in another region",
            include(
                "{from: \"s3://%/web.yaml\"}",
                s3(Fault::Error(elsewhere)),
                missing,
                &["its bucket is not in eu-west-1"],
            ),
        ),
        (
            "denied",
            include(
                "{from: \"s3://%/web.yaml\"}",
                s3(Fault::Deny),
                denied,
                &[
                    "include s3://%/web.yaml may not be read: ",
                    "is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::%/web.yaml\"",
                    "grant the instance's role `s3:GetObject` on arn:aws:s3:::%/web.yaml",
                ],
            ),
        ),
        (
            "another account's bucket",
            include(
                "{from: \"s3://%/web.yaml\", owner: \"210987654321\"}",
                None,
                denied,
                &["Access Denied", "account 210987654321 does not own"],
            ),
        ),
        (
            "its key denied",
            include(
                "{from: \"s3://%/web.yaml\"}",
                s3(Fault::DenyKms),
                denied,
                &[
                    "not authorized to perform: kms:Decrypt",
                    "grant the instance's role `kms:Decrypt` on the key",
                ],
            ),
        ),
        (
            "parameter denied",
            include(
                "{from: \"ssm:/@/launch\"}",
                ssm(Fault::Deny),
                denied,
                &[
                    "grant the instance's role `ssm:GetParameters` on arn:aws:ssm:eu-west-1:123456789012:parameter/@/launch",
                ],
            ),
        ),
        (
            "parameter's key denied",
            include(
                "{from: \"ssm:/@/launch\"}",
                ssm(Fault::DenyKms),
                denied,
                &["The ciphertext refers to", "`kms:Decrypt`"],
            ),
        ),
        (
            "changed",
            include(
                "{from: \"s3://%/web.yaml\", sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}",
                None,
                (78, "include_changed"),
                &[
                    "user data, line 2, column ",
                    "s3://%/web.yaml has the SHA-256 ",
                    "not ba7816bf",
                    "it was changed since",
                ],
            ),
        ),
        (
            "no YAML",
            include(
                "{from: \"s3://%/bad.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/bad.yaml, line "],
            ),
        ),
        (
            "nested",
            include(
                "{from: \"s3://%/nested.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/nested.yaml, line 1, column 1: "],
            ),
        ),
        (
            "too large",
            include(
                "{from: \"s3://%/large.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/large.yaml is larger than 4194304 bytes"],
            ),
        ),
    ];
    table(cases, async |case: Include| {
        let named = |text: &str| text.replace('%', &bucket).replace('@', own);
        let user_data = format!("firstlight: 1\ninclude: [{}]\n", named(case.written));
        let play = Play::open(scene.stage(user_data), case.order).await?;
        let says: Vec<String> = case.says.iter().map(|word| named(word)).collect();
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        let want = Failure {
            code: case.code,
            ..wrong(case.reason, &says)
        };
        play.fails(want).await?;
        asked_first(&play)
    })
    .await
}

/// The launch's time runs while the agent is down: back after it was over, it blames the time and nothing else.
#[tokio::test]
async fn the_time_ran_out_while_nobody_looked() -> Result<()> {
    let scene = Scene::set().await?;
    let user_data = "firstlight: 1\ninclude: [{from: \"s3://somewhere/web.yaml\"}]\n";
    let play = Play::open(scene.stage(user_data), [Fault::Hang.on("s3", "GetObject")]).await?;
    let asked = || !play.stage.calls_of("s3", "GetObject").is_empty();
    let running = play.agent.start(&["launch"])?;
    running
        .kill_when(PATIENCE, "the include is asked for", asked)
        .await?;
    play.stage.call_off();
    an_hour_ago_in_another_boot(&play.agent.root().join("var/lib/firstlight/record.json"))?;
    let want = Failure {
        code: 69,
        ..wrong(
            "deadline",
            &[
                "the launch's time was over before this stage began",
                "`timeout`",
            ],
        )
    };
    play.fails(want).await.map(drop)
}

/// Sets back when a launch began.
fn an_hour_ago_in_another_boot(record: &Path) -> Result<()> {
    let mut read: Value = serde_json::from_slice(&std::fs::read(record)?)?;
    let began = &mut read["facts"]["began"];
    let wall = began["wall_ms"].as_u64().context("no beginning")?;
    began["wall_ms"] = json!(wall - 3_600_000);
    began["boot"] = json!("another");
    std::fs::write(record, read.to_string())?;
    Ok(())
}
