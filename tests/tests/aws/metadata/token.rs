//! Tokens, and 404, which is an answer.

use super::*;

#[tokio::test]
async fn a_refused_token_is_replaced() -> Result<()> {
    let scene = Scene::set().await?;
    let refused = Fault::Status(401).on_metadata(USER_DATA).times(1);
    let play = Play::open(scene.stage("firstlight: 1\nservice: {}\n"), [refused]).await?;
    let want = Failure {
        code: 78,
        stage: "configure",
        reason: "spec_invalid",
        says: &["user data"],
        heard: Heard::Abandon,
    };
    let finished = play.fails(want).await?;
    assert_eq!(
        (asked(&play.stage, TOKEN), asked(&play.stage, USER_DATA)),
        (2, 2)
    );
    ensure!(
        !finished.stderr.contains("attempt 1"),
        "no attempt was lost: {}",
        finished.stderr
    );
    Ok(())
}

/// A token is renewed before it expires, so that none is ever refused.
#[tokio::test]
async fn a_token_is_renewed() -> Result<()> {
    let scene = Scene::set().await?;
    let slow = Fault::Delay(Duration::from_millis(2500))
        .on("ssm", "GetParameters")
        .times(1);
    scene
        .parameter(
            "launch",
            &stillborn("30s", "hostname: \"{{imds:none}}\""),
            "String",
        )
        .await?;
    let user_data = format!(
        "firstlight: 1\ninclude: [{{from: \"ssm:/{}\"}}]\n",
        scene.own("launch")
    );
    let stage = scene.stage(user_data).token_life(Duration::from_secs(4));
    let play = Play::open(stage, [slow])
        .await?
        .timings(&json!({"aws_attempt": 20_000}));
    let want = Failure {
        code: 78,
        stage: "resolve",
        reason: "reference_missing",
        says: &["imds:none: instance metadata has no such path"],
        heard: Heard::Abandon,
    };
    play.fails(want).await?;
    assert_eq!(asked(&play.stage, TOKEN), 2);
    ensure!(
        !play.stage.transcript().contains("-> 401"),
        "{}",
        play.stage.transcript()
    );
    Ok(())
}

/// 404 is an answer: it is asked for once, and no attempt is lost on it.
#[tokio::test]
async fn what_is_not_there_is_not_asked_for_again() -> Result<()> {
    let stage = Stage::builder().instance(Instance::unique());
    let play = Play::open(stage, []).await?;
    let finished = play.succeeds(Heard::Nothing).await?;
    finished.expect_said("no source holds a spec")?;
    for path in [TARGET, USER_DATA] {
        assert_eq!(asked(&play.stage, path), 1, "{path}");
    }
    ensure!(!finished.stderr.contains("attempt"), "{}", finished.stderr);
    Ok(())
}
