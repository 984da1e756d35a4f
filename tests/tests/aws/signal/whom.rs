//! Whom to tell: found, named, named wrongly, or nobody.

use super::*;

/// The group is found by its tag, else by Describe, else in the spec; the hook by the group, else in the spec.
#[tokio::test]
async fn whom_to_tell() -> Result<()> {
    let ready = Ready::set().await?;
    let two = || {
        [
            Hook::launching("up"),
            Hook::launching("other")
                .default_result(Outcome::Continue)
                .timeout(Duration::from_secs(2)),
        ]
    };
    let cases = [
        ("by Describe", (ready.stage(""), vec![], 1)),
        ("by tag", (ready.stage("").instance(tagged()), vec![], 0)),
        (
            "hooks denied, one named",
            (
                ready.stage("{launching: up}"),
                vec![Fault::Deny.on(HOOKS.0, HOOKS.1)],
                1,
            ),
        ),
        (
            "one of two",
            (
                ready.stage("{launching: up}").group("web", two()),
                vec![],
                1,
            ),
        ),
        (
            "a terminating hook is another matter",
            (
                ready
                    .stage("")
                    .group("web", [Hook::launching("up"), Hook::terminating("down")]),
                vec![],
                1,
            ),
        ),
    ];
    table(cases, async |(stage, orders, describes)| {
        let play = Play::open(stage, orders).await?;
        let finished = play.launch().await?;
        finished.expect_code(0)?;
        let told: Vec<Outcome> = play
            .stage
            .counted()
            .into_iter()
            .filter(|(hook, _)| hook == "up")
            .map(|(_, outcome)| outcome)
            .collect();
        ensure!(told == [Outcome::Continue], "{}", play.story(&finished));
        ensure!(delivered(&play).await? == up("delivered"));
        ensure!(called(&play, COMPLETE) == 1, "{}", play.stage.transcript());
        ensure!(
            called(&play, INSTANCES) == describes,
            "{}",
            play.stage.transcript()
        );
        play.stage.assert_faults_fired()
    })
    .await
}

/// A spec that names its group needs no Describe.
#[tokio::test]
async fn the_spec_knows_the_group() -> Result<()> {
    let ready = Ready::set().await?;
    ready.scene.parameter("a", "1", "String").await?;
    let reference = format!(
        "environment: {{A: \"{{{{ssm:/{}}}}}\"}}",
        ready.scene.own("a")
    );
    let signal = "signal: {group: web}\n";
    let spec = ready.scene.healthy(&ready.image, "web", &reference, signal);
    // Until then it is known that Describe does not tell.
    let slow = Fault::Delay(Duration::from_secs(1)).on("ssm", "GetParameters");
    let orders = [slow, Fault::Deny.on(INSTANCES.0, INSTANCES.1)];
    let play = Play::open(ready.scene.stage(spec), orders).await?;
    play.succeeds(Heard::Continue).await?;
    assert_eq!(delivered(&play).await?, up("delivered"));
    Ok(())
}

#[tokio::test]
async fn both_hooks_are_told_where_both_are_named() -> Result<()> {
    let ready = Ready::set().await?;
    let stage = ready
        .stage("{launching: [b, a]}")
        .group("web", [Hook::launching("a"), Hook::launching("b")]);
    let play = Play::open(stage, []).await?;
    play.launch().await?.expect_code(0)?;
    let told = [
        ("b".to_owned(), Outcome::Continue),
        ("a".to_owned(), Outcome::Continue),
    ];
    assert_eq!(play.stage.counted(), told);
    assert_eq!(play.stage.lifecycle(), Some(Lifecycle::InService));
    Ok(())
}

/// Nobody waits: exit code 0, no signal, and it says so.
#[tokio::test]
async fn nobody_to_tell() -> Result<()> {
    let ready = Ready::set().await?;
    let alone = || {
        Stage::builder()
            .instance(Instance::unique())
            .moto(ready.scene.ground.moto.url())
            .user_data(ready.spec(""))
    };
    let outside = "this instance is in no Auto Scaling group; no hook is told";
    let cases = [
        ("in no group", (alone(), vec![], outside)),
        (
            "in no group, and Describe denied",
            (
                alone(),
                vec![Fault::Deny.on(INSTANCES.0, INSTANCES.1)],
                outside,
            ),
        ),
        (
            "in a group without a hook",
            (
                ready.stage("").group("web", []),
                vec![],
                "group web has no launch hook; nobody waits for the verdict",
            ),
        ),
    ];
    table(cases, async |(stage, orders, says)| {
        let play = Play::open(stage, orders).await?;
        let finished = play.succeeds(Heard::Nothing).await?;
        finished.expect_said(says)?;
        ensure!(
            called(&play, COMPLETE) + called(&play, BEAT) == 0,
            "{}",
            play.story(&finished)
        );
        Ok(())
    })
    .await
}

/// A `signal:` that cannot be carried out ends the launch, and whoever waits is told.
#[tokio::test]
async fn what_the_spec_gets_wrong() -> Result<()> {
    let scene = Scene::set().await?;
    scene.parameter("a", "1", "String").await?;
    let keys = format!("environment: {{A: \"{{{{ssm:/{}}}}}\"}}", scene.own("a"));
    let spec = |signal: &str| {
        stillborn("20s", &keys).replace("services:", &format!("signal: {signal}\nservices:"))
    };
    let two = [Hook::launching("a"), Hook::launching("b")];
    let none = Stage::builder()
        .instance(Instance::unique())
        .moto(scene.ground.moto.url());
    let abandoned = |hook: &str| vec![(hook.to_owned(), Outcome::Abandon)];
    let cases = [
        (
            "several hooks and none named",
            (
                scene.stage(spec("{}")).group("web", two),
                "hook_unknown",
                "group web has several launch hooks (a, b) and the spec names none; name yours in `signal: {launching: …}`",
                abandoned("a"),
            ),
        ),
        (
            "no such hook",
            (
                scene.stage(spec("{launching: upp}")),
                "hook_unknown",
                "group web has no launch hook upp (it has: up); correct `signal: {launching: …}` or make the hook",
                abandoned("up"),
            ),
        ),
        (
            "another group",
            (
                scene.stage(spec("{group: api}")),
                "group_unknown",
                "`signal: {group: api}` names a group that this instance is not in: it is in web; correct `signal:` in the spec",
                abandoned("up"),
            ),
        ),
        (
            "a group, and the instance is in none",
            (
                none.user_data(spec("{group: web}")),
                "group_unknown",
                "correct `signal:` in the spec",
                Vec::new(),
            ),
        ),
    ];
    table(cases, async |(stage, reason, says, counted)| {
        // Until then the group is known.
        let slow = Fault::Delay(Duration::from_secs(1)).on("ssm", "GetParameters");
        let play = Play::open(stage, [slow]).await?;
        let finished = play.launch().await?;
        let status = play.agent.status().await?;
        let story = play.story(&finished);
        ensure!(finished.code == Some(78), "{story}");
        let error = &status["error"];
        let got = (&error["reason"], &error["stage"]);
        ensure!(got == (&json!(reason), &json!("signal")), "{story}");
        finished.expect_said(says)?;
        ensure!(play.stage.counted() == counted, "{story}");
        play.stage.assert_faults_fired()
    })
    .await
}

/// A hook that is named without a reference is the one to be told though the spec's references cannot be resolved.
#[tokio::test]
async fn a_hook_that_needs_no_reference() -> Result<()> {
    let scene = Scene::set().await?;
    let missing = scene.own("missing");
    let keys = format!("environment: {{A: \"{{{{ssm:/{missing}}}}}\"}}");
    let spec = stillborn("20s", &keys);
    let spec = spec.replace("services:", "signal: {launching: up}\nservices:");
    let two = [Hook::launching("other"), Hook::launching("up")];
    let play = Play::open(scene.stage(spec).group("web", two), []).await?;
    let says = [missing.as_str()];
    play.fails(Failure::new(78, "resolve", "reference_missing", &says))
        .await?;
    assert_eq!(delivered(&play).await?, up("delivered"));
    assert_eq!(play.agent.status().await?["group"], "web");
    Ok(())
}

/// The same where the launch fails before the group is known: for its own reason, and the group is told all the same.
#[tokio::test]
async fn what_the_spec_gets_wrong_is_no_reason_for_silence() -> Result<()> {
    let scene = Scene::set().await?;
    let cases = ["{launching: upp}", "{group: api}"].map(|signal| (signal, signal));
    table(cases, async |signal| {
        let spec =
            stillborn("20s", "").replace("services:", &format!("signal: {signal}\nservices:"));
        let slow = Fault::Delay(Duration::from_secs(1))
            .on(HOOKS.0, HOOKS.1)
            .times(1);
        let play = Play::open(scene.stage(spec), [slow]).await?;
        let want = Failure {
            code: 78,
            stage: "pull",
            reason: "image_absent",
            says: &["bake it into the AMI"],
            heard: Heard::Abandon,
        };
        let finished = play.fails(want).await?;
        finished.expect_said("correct `signal:")
    })
    .await
}
