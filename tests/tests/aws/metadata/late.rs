//! Bytes for user data, and roles that come late or never.

use super::*;

/// User data is bytes: packed, and in parts of which only one is ours.
#[tokio::test]
async fn binary_user_data() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    let parts = |part: &[u8]| {
        let head = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n\
                     --b\nContent-Type: text/firstlight\nContent-Transfer-Encoding: binary\n\n";
        [head, part, b"\n--b--\n"].concat()
    };
    let spec = |stem: &str| scene.healthy(&image, stem, "", "").into_bytes();
    table(
        [
            ("gzip", gzip(&spec("a"))),
            ("a packed part", parts(&gzip(&spec("b")))),
            ("gzip of parts", gzip(&parts(&gzip(&spec("c"))))),
        ],
        async |user_data| {
            ensure!(std::str::from_utf8(&user_data).is_err(), "that is text");
            let play = Play::open(scene.stage(user_data), []).await?;
            play.succeeds(Heard::Continue).await.map(drop)
        },
    )
    .await
}

/// EC2 shows a role some moments after the launch.
#[tokio::test]
async fn credentials_come_late() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    scene.parameter("a", "1", "String").await?;
    let unassumed = || {
        Answer::new(
            200,
            "text/plain",
            r#"{"Code": "AssumeRoleUnauthorizedAccess"}"#,
        )
    };
    let reference = format!("environment: {{A: \"{{{{ssm:/{}}}}}\"}}", scene.own("a"));
    table(
        [
            (
                "no role",
                (
                    Fault::Status(404).on_metadata(ROLES),
                    "the instance has no role yet",
                ),
            ),
            (
                "no document",
                (
                    Fault::Status(404).on_metadata(ROLE),
                    "attach an instance profile to the launch template",
                ),
            ),
            (
                "not to be assumed",
                (
                    Fault::Instead(unassumed()).on_metadata(ROLE),
                    "check its trust policy",
                ),
            ),
        ],
        async |(order, words)| {
            let stem = format!("web{}", fastrand::u32(..));
            let play = Play::open(
                scene.stage(scene.healthy(&image, &stem, &reference, "")),
                [order.times(4)],
            )
            .await?;
            let finished = play.succeeds(Heard::Continue).await?;
            finished.expect_said(words)
        },
    )
    .await
}

/// An instance without a profile is a whole launch where nobody waits for it.
#[tokio::test]
async fn no_role_and_no_group() -> Result<()> {
    let scene = Scene::set().await?;
    let bare = Instance {
        role: None,
        ..Instance::unique()
    };
    let spec = scene.healthy(&scene.image().await?, "web", "", "");
    let alone = Stage::builder().instance(bare).user_data(spec);
    let play = Play::open(alone, [])
        .await?
        .timings(&json!({"group_patience": 300}));
    let finished = play.succeeds(Heard::Nothing).await?;
    for said in [
        "attach an instance profile",
        "counts as in no Auto Scaling group",
        "no hook is told",
    ] {
        finished.expect_said(said)?;
    }
    Ok(())
}
