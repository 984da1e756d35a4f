//! Sources that are broken, somebody else's, or where everybody may write.

use super::*;

fn mime(part: &str) -> Vec<u8> {
    format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{part}\n--b--\n")
        .into_bytes()
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
