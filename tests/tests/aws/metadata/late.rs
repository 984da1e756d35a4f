//! Bytes for user data, and an instance without a role.

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
