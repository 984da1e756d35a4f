//! Early, late, lost, taken away: one verdict all the same, delivered once or known to be needless.

use super::*;
use firstlight_tests::stage::Verdict;

/// A hook that would give up in a moment waits as long as the launch runs.
#[tokio::test]
async fn heartbeats_as_long_as_the_launch_runs() -> Result<()> {
    let ready = Ready::set().await?;
    let hook = Hook::launching("up").timeout(Duration::from_secs(2));
    let slow = Fault::Delay(Duration::from_secs(6))
        .on("ssm", "GetParameters")
        .times(1);
    ready.scene.parameter("a", "1", "String").await?;
    let reference = format!(
        "environment: {{A: \"{{{{ssm:/{}}}}}\"}}",
        ready.scene.own("a")
    );
    let spec = ready.scene.healthy(&ready.image, "slow", &reference, "");
    let play = Play::open(ready.scene.stage(spec).group("web", [hook]), [slow])
        .await?
        .timings(&json!({"heartbeat_least": 200, "heartbeat_most": 300, "aws_attempt": 30_000}));
    play.succeeds(Heard::Continue).await?;
    let beats = play.stage.heartbeats();
    ensure!(beats.len() >= 6, "{beats:?}");
    let status = play.agent.status().await?;
    assert_eq!(status["heartbeats"], json!(beats.len()));
    // They go on until the verdict is taken: only one that was under way then may be refused.
    let calls = play.stage.calls();
    let refused = calls
        .iter()
        .filter(|call| call.is(BEAT.0, BEAT.1) && !call.succeeded());
    ensure!(refused.count() <= 1, "{}", play.stage.transcript());
    Ok(())
}

/// However often it was told, the verdict was the same.
fn is_one_word(verdicts: &[Verdict]) -> bool {
    verdicts
        .windows(2)
        .all(|pair| pair[0].outcome == pair[1].outcome)
}

/// The hook is not open yet: refused is not done. It is told again until it takes the verdict, the same one.
#[tokio::test]
async fn an_early_signal() -> Result<()> {
    let ready = Ready::set().await?;
    let cases = [
        ("CONTINUE", (ready.stage(""), 0, Heard::Continue)),
        (
            "ABANDON",
            (
                ready.scene.stage("firstlight: 1\nservice: {}\n"),
                78,
                Heard::Abandon,
            ),
        ),
    ];
    table(cases, async |(stage, code, heard)| {
        let play = Play::open(stage.opens(Opens::AfterCompletions(3)), []).await?;
        let finished = play.ends(code, heard).await?;
        let verdicts = play.stage.verdicts();
        ensure!(verdicts.len() == 4, "three were early: {verdicts:?}");
        ensure!(is_one_word(&verdicts), "{verdicts:?}");
        ensure!(
            delivered(&play).await? == up("delivered"),
            "{}",
            play.story(&finished)
        );
        Ok(())
    })
    .await
}

/// The same where another hook still holds the instance, so that the group's state does not tell.
#[tokio::test]
async fn an_answer_that_was_lost_while_another_hook_holds() -> Result<()> {
    let ready = Ready::set().await?;
    let stage = ready
        .stage("{launching: up}")
        .group("web", [Hook::launching("up"), Hook::launching("other")]);
    let play = Play::open(
        stage,
        [Fault::DoThenLose.on(COMPLETE.0, COMPLETE.1).times(1)],
    )
    .await?;
    let finished = play.succeeds(Heard::Continue).await?;
    finished.expect_said("an earlier signal was taken, and another hook holds the instance")?;
    assert_eq!(delivered(&play).await?, up("settled"));
    assert_eq!(play.stage.lifecycle(), Some(Lifecycle::PendingWait));
    Ok(())
}

/// The hook gave up before the agent came: a launch has nothing to add, and a termination nobody to tell.
#[tokio::test]
async fn the_hook_ran_out() -> Result<()> {
    let ready = Ready::set().await?;
    let cases = [
        (
            "taken for ABANDON",
            (
                Outcome::Abandon,
                Heard::Abandon,
                Lifecycle::Terminating,
                "termination: transition 1 of this instance",
                vec![],
            ),
        ),
        (
            "taken for CONTINUE",
            (
                Outcome::Continue,
                Heard::Continue,
                Lifecycle::InService,
                "the group has gone on",
                up("settled"),
            ),
        ),
    ];
    table(cases, async |(result, heard, state, says, told)| {
        let hook = Hook::launching("up")
            .timeout(Duration::from_millis(50))
            .default_result(result);
        let orders = [Fault::Deny.on(BEAT.0, BEAT.1)];
        let play = Play::open(ready.stage("").group("web", [hook]), orders).await?;
        // The agent is given the group once the hook is over.
        wait_until(PATIENCE, "the hook is over", || {
            play.stage.lifecycle() == Some(state)
        })
        .await?;
        let finished = play.launch().await?;
        finished.expect_code(0)?;
        finished.expect_said(says)?;
        ensure!(delivered(&play).await? == told, "{}", play.story(&finished));
        let by_group = play.stage.counted();
        ensure!(
            by_group.len() == 1
                && (by_group[0].1 == Outcome::Continue) == (heard == Heard::Continue),
            "{by_group:?}"
        );
        Ok(())
    })
    .await
}

/// The group takes the instance away while it launches: there is nobody to tell, and nothing is told wrong.
#[tokio::test]
async fn terminated_meanwhile() -> Result<()> {
    let ready = Ready::set().await?;
    let slow = Fault::Delay(Duration::from_secs(2))
        .on("ssm", "GetParameters")
        .times(1);
    ready.scene.parameter("a", "1", "String").await?;
    let reference = format!(
        "environment: {{A: \"{{{{ssm:/{}}}}}\"}}",
        ready.scene.own("a")
    );
    let spec = ready.scene.healthy(&ready.image, "gone", &reference, "");
    let play = Play::open(ready.scene.stage(spec), [slow])
        .await?
        .timings(&json!({"aws_attempt": 30_000}));
    let running = play.agent.start(&["launch"])?;
    wait_until(PATIENCE, "the launch is under way", || {
        called(&play, ("ssm", "GetParameters")) > 0
    })
    .await?;
    play.stage.group(Group::terminate)?;
    let finished = running.finish(PATIENCE).await?;
    finished.expect_code(0)?;
    finished.expect_said("the group wants the instance elsewhere by now")?;
    assert_eq!(play.stage.counted(), [], "{}", play.story(&finished));
    assert_eq!(delivered(&play).await?, up("settled"));
    Ok(())
}

/// A refusal that is none of the known ones ends telling at once, in AWS's words.
#[tokio::test]
async fn a_refusal_of_another_kind() -> Result<()> {
    let ready = Ready::set().await?;
    let refused = AwsError::new(
        400,
        "ValidationError",
        "AutoScalingGroup name not found - AutoScalingGroup 'web' not found",
    );
    let play = Play::open(
        ready.stage(""),
        [Fault::Error(refused).on(COMPLETE.0, COMPLETE.1)],
    )
    .await?;
    let finished = play.ends(78, Heard::Nothing).await?;
    finished.expect_said(
        "AutoScalingGroup 'web' not found (ValidationError); correct `signal:` in the spec",
    )?;
    assert_eq!(called(&play, COMPLETE), 1);
    Ok(())
}

/// The agent could not tell, and systemd gave it up or never tries again after a denial: the backstop does, once more.
#[tokio::test]
async fn the_backstop_tells_what_did_not_arrive() -> Result<()> {
    let ready = Ready::set().await?;
    let abandoned = ready.scene.stage(stillborn("20s", ""));
    // Of a code that would otherwise say that something was unreachable.
    let unreachable = stillborn("5s", "").replace("never", "missing");
    let cases = [
        ("CONTINUE", (ready.stage(""), Heard::Continue)),
        ("ABANDON", (abandoned, Heard::Abandon)),
        (
            "ABANDON, unreachable",
            (ready.scene.stage(unreachable), Heard::Abandon),
        ),
    ];
    table(cases, async |(stage, heard)| {
        let denied = Fault::Deny.on(COMPLETE.0, COMPLETE.1).times(1);
        let play = Play::open(stage, [denied]).await?;
        play.ends(77, Heard::Nothing).await?;
        let finished = play.agent.run(&["backstop"], PATIENCE).await?;
        finished.expect_code(0)?;
        play.heard(heard).with_context(|| play.story(&finished))?;
        assert_eq!(delivered(&play).await?, up("delivered"));
        // A backstop has no more to say than that services run on.
        let finished = play.agent.run(&["backstop"], PATIENCE).await?;
        finished.expect_code(0)?;
        let unwatched = finished.stderr.contains("services run on");
        ensure!(
            unwatched == (heard == Heard::Continue),
            "{}",
            play.story(&finished)
        );
        play.heard(heard)
    })
    .await
}
