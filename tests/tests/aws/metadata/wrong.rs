//! Answers that stay wrong, and how often they are asked for all the same. What comes of each is in tests/faults.md.

use super::*;

/// Holds a launch to fail where this stays with its identity.
async fn fails(fault: Fault, code: i32, reason: &str) -> Result<Play> {
    let scene = Scene::set().await?;
    let stage = scene.stage(stillborn("20s", ""));
    let play = Play::open(stage, [fault.on_metadata(DOCUMENT)]).await?;
    let play = play.timings(&json!({"imds_budget": 1500, "imds_attempt": 10_000}));
    let want = Failure {
        code,
        stage: "identify",
        reason,
        says: &[],
        heard: Heard::Nothing,
    };
    play.fails(want).await?;
    Ok(play)
}

/// 403 is seen for moments while an instance's options change.
#[tokio::test]
async fn a_denial_is_an_answer_at_the_third_time() -> Result<()> {
    let play = fails(Fault::Status(403), 77, "metadata_denied").await?;
    assert_eq!(asked(&play.stage, DOCUMENT), 3);
    Ok(())
}

#[tokio::test]
async fn each_attempt_replaces_its_token_once() -> Result<()> {
    let play = fails(Fault::Status(401), 69, "metadata_unreachable").await?;
    let (tokens, gets) = (asked(&play.stage, TOKEN), asked(&play.stage, DOCUMENT));
    ensure!(tokens <= gets + 1, "{tokens} tokens for {gets} requests");
    Ok(())
}
