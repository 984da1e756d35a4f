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

/// The group took the verdict and the answer was lost: no other verdict, and no failure.
#[tokio::test]
async fn an_answer_that_was_lost() -> Result<()> {
    let ready = Ready::set().await?;
    let broken = || ready.scene.stage("firstlight: 1\nservice: {}\n");
    let mut cases = Vec::new();
    for fault in [Fault::DoThenLose, Fault::Cut] {
        cases.push((
            format!("{fault:?} of CONTINUE"),
            (ready.stage(""), fault.clone(), 0, Heard::Continue, true),
        ));
        cases.push((
            format!("{fault:?} of ABANDON"),
            // Metadata tells by then that the instance is to be terminated.
            (broken(), fault, 78, Heard::Abandon, false),
        ));
    }
    table(cases, async |(stage, fault, code, heard, again)| {
        let play = Play::open(stage, [fault.on(COMPLETE.0, COMPLETE.1).times(1)]).await?;
        let finished = play.ends(code, heard).await?;
        let verdicts = play.stage.verdicts();
        ensure!(
            (verdicts.len() > 1) == again && is_one_word(&verdicts),
            "{verdicts:?}"
        );
        ensure!(
            delivered(&play).await? == up("settled"),
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

/// Throttled, away, out of time: decided, not delivered, and the verdict stands for the next start.
#[tokio::test]
async fn nobody_could_be_told() -> Result<()> {
    let ready = Ready::set().await?;
    let faults = [
        (
            "throttled",
            (
                Fault::Throttle,
                "throttled by autoscaling:CompleteLifecycleAction, attempt 3",
            ),
        ),
        (
            "away",
            (
                Fault::Drop,
                "autoscaling:CompleteLifecycleAction did not reach http://",
            ),
        ),
        ("broken", (Fault::Status(500), "HTTP status 500")),
        ("silent", (Fault::Hang, "no answer in time")),
        (
            "skewed",
            (Fault::Skew, "check that the clock is synchronised"),
        ),
    ];
    table(faults, async |(fault, says)| {
        let broken = ready.scene.stage(stillborn("8s", ""));
        let play = Play::open(broken, [fault.on(COMPLETE.0, COMPLETE.1)])
            .await?
            .timings(&json!({"delivery_least": 1500}));
        let finished = play.ends(76, Heard::Nothing).await?;
        finished.expect_said(says)?;
        finished.expect_said("web/up could not be told in time")?;
        ensure!(
            delivered(&play).await? == up("undelivered"),
            "{}",
            play.story(&finished)
        );
        // The next start tells it, and decides nothing anew.
        play.stage.call_off();
        let again = play.launch().await?;
        again.expect_code(78)?;
        ensure!(
            play.stage.counted() == [("up".to_owned(), Outcome::Abandon)],
            "{}",
            play.story(&again)
        );
        ensure!(
            delivered(&play).await? == up("delivered"),
            "{}",
            play.story(&again)
        );
        Ok(())
    })
    .await
}

/// The same where it cannot be found out in time whom to tell.
#[tokio::test]
async fn nobody_could_be_found() -> Result<()> {
    let scene = Scene::set().await?;
    let cases = [
        ("the group throttled", (INSTANCES, Fault::Throttle)),
        ("the group away", (INSTANCES, Fault::Hang)),
        ("the hooks throttled", (HOOKS, Fault::Throttle)),
        ("the hooks away", (HOOKS, Fault::Drop)),
    ];
    table(cases, async |((service, operation), fault)| {
        let broken = scene.stage(stillborn("8s", ""));
        let play = Play::open(broken, [fault.on(service, operation)])
            .await?
            .timings(&json!({"delivery_least": 1500}));
        let finished = play.ends(76, Heard::Nothing).await?;
        let words = format!("the verdict could not be delivered in time: autoscaling:{operation}");
        finished.expect_said(&words)?;
        ensure!(called(&play, COMPLETE) == 0, "{}", play.story(&finished));
        play.stage.call_off();
        play.ends(78, Heard::Abandon).await.map(drop)
    })
    .await
}

/// The hook gave up before the launch was done: whatever it counted, the launch has nothing to add.
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
                "the group is terminating the instance",
            ),
        ),
        (
            "taken for CONTINUE",
            (
                Outcome::Continue,
                Heard::Continue,
                Lifecycle::InService,
                "the group has gone on",
            ),
        ),
    ];
    table(cases, async |(result, heard, state, says)| {
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
        ensure!(
            delivered(&play).await? == up("settled"),
            "{}",
            play.story(&finished)
        );
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
    finished.expect_said("the group is terminating the instance")?;
    assert_eq!(play.stage.counted(), [], "{}", play.story(&finished));
    assert_eq!(delivered(&play).await?, up("settled"));
    Ok(())
}
