//! Telling the group: whom, when, how often, and what a person reads when nobody could be told.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{
    AwsError, Builder, Fault, Hook, Instance, Lifecycle, Opens, Outcome, Stage,
};
use firstlight_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, stillborn, table};

const COMPLETE: (&str, &str) = ("autoscaling", "CompleteLifecycleAction");
const INSTANCES: (&str, &str) = ("autoscaling", "DescribeAutoScalingInstances");
const HOOKS: (&str, &str) = ("autoscaling", "DescribeLifecycleHooks");
const BEAT: (&str, &str) = ("autoscaling", "RecordLifecycleActionHeartbeat");

/// A test's image, and specs that come up from it.
struct Ready {
    scene: Scene,
    image: String,
}

impl Ready {
    async fn set() -> Result<Self> {
        let scene = Scene::set().await?;
        let image = scene.image().await?;
        Ok(Self { scene, image })
    }

    /// A spec that comes up; `signal` is its `signal:`, a flow map, or nothing.
    fn spec(&self, signal: &str) -> String {
        let top = if signal.is_empty() {
            String::new()
        } else {
            format!("signal: {signal}\n")
        };
        let stem = format!("web{}", fastrand::u32(..));
        self.scene.healthy(&self.image, &stem, "", &top)
    }

    fn stage(&self, signal: &str) -> Builder {
        self.scene.stage(self.spec(signal))
    }
}

/// An instance whose metadata shows the group's tag.
fn tagged() -> Instance {
    let tag = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    Instance {
        tags: Some([tag].into()),
        ..Instance::unique()
    }
}

fn called(play: &Play, (service, operation): (&str, &str)) -> usize {
    play.stage.calls_of(service, operation).len()
}

/// What the status says came of telling each.
async fn delivered(play: &Play) -> Result<Vec<(String, String)>> {
    let status = play.agent.status().await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = status["delivery"].as_array().context("no delivery")?;
    Ok(told
        .iter()
        .map(|one| (text(&one["target"]), text(&one["outcome"])))
        .collect())
}

fn up(outcome: &str) -> Vec<(String, String)> {
    vec![("web/up".to_owned(), outcome.to_owned())]
}

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
                "`signal: {group: api}` names a group that this instance is not in: it is in web; correct or remove it",
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

/// A group that cannot be named, hooks that cannot be listed, a signal that is denied: 77, and what to allow.
#[tokio::test]
async fn who_may_not_tell() -> Result<()> {
    let ready = Ready::set().await?;
    let deny = |(service, operation): (&str, &str)| Fault::Deny.on(service, operation);
    let hooks = "the launch hooks of group web cannot be listed: ";
    let cases = [
        (
            "the signal",
            (
                deny(COMPLETE),
                vec![
                    "is not authorized to perform: autoscaling:CompleteLifecycleAction on resource: arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:",
                    "allow autoscaling:CompleteLifecycleAction on arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web",
                    "web/up could not be told: denied",
                ],
            ),
        ),
        (
            "the hooks",
            (
                deny(HOOKS),
                vec![
                    hooks,
                    "allow autoscaling:DescribeLifecycleHooks on \"*\", or name the hook in `signal: {launching: …}`",
                ],
            ),
        ),
        (
            "the group",
            (
                deny(INSTANCES),
                vec![
                    "this instance is in an Auto Scaling group (metadata has a target state), and which one cannot be found out: ",
                    "name it in `signal: {group: …}`, allow tags in instance metadata, or allow autoscaling:DescribeAutoScalingInstances",
                ],
            ),
        ),
    ];
    table(cases, async |(order, says)| {
        let play = Play::open(ready.stage(""), [order]).await?;
        let finished = play.ends(77, Heard::Nothing).await?;
        for said in says {
            finished.expect_said(said)?;
        }
        let told = delivered(&play).await?;
        ensure!(told.len() == 1 && told[0].1 == "denied", "{told:?}");
        let status = play.agent.status().await?;
        ensure!(
            status["verdict"]["kind"] == json!("continue"),
            "the verdict stands: {status:#}"
        );
        Ok(())
    })
    .await
}

/// What a launch hook gives up after is nothing to fail for, but is said.
#[tokio::test]
async fn heartbeats_that_are_denied() -> Result<()> {
    let ready = Ready::set().await?;
    let play = Play::open(ready.stage(""), [Fault::Deny.on(BEAT.0, BEAT.1)]).await?;
    let finished = play.succeeds(Heard::Continue).await?;
    finished.expect_said("hook up gives up 3600 s after it began to wait, unless autoscaling:RecordLifecycleActionHeartbeat is allowed")?;
    assert_eq!(called(&play, BEAT), 1, "it is not asked again");
    Ok(())
}

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
    // None after the verdict.
    let told = play.first(COMPLETE.0, COMPLETE.1);
    let last = play
        .stage
        .calls()
        .iter()
        .rposition(|call| call.is(BEAT.0, BEAT.1));
    ensure!(last < told, "{}", play.stage.transcript());
    Ok(())
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
        ensure!(
            verdicts
                .iter()
                .all(|verdict| verdict.outcome == verdicts[0].outcome),
            "{verdicts:?}"
        );
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
            (ready.stage(""), fault.clone(), 0, Heard::Continue),
        ));
        cases.push((
            format!("{fault:?} of ABANDON"),
            (broken(), fault, 78, Heard::Abandon),
        ));
    }
    table(cases, async |(stage, fault, code, heard)| {
        let play = Play::open(stage, [fault.on(COMPLETE.0, COMPLETE.1).times(1)]).await?;
        let finished = play.ends(code, heard).await?;
        let verdicts = play.stage.verdicts();
        ensure!(
            verdicts.len() == 2 && verdicts[0].outcome == verdicts[1].outcome,
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
        let broken = ready.scene.stage(stillborn("3s", ""));
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
    play.stage.terminate();
    let finished = running.finish(PATIENCE).await?;
    finished.expect_code(0)?;
    finished.expect_said("the group is terminating the instance")?;
    assert_eq!(play.stage.counted(), [], "{}", play.story(&finished));
    assert_eq!(delivered(&play).await?, up("settled"));
    Ok(())
}

/// CloudFormation's signal: success, failure, a stack that waits no more, one that is not there, and one that may not be told.
#[tokio::test]
async fn cloudformation() -> Result<()> {
    let ready = Ready::set().await?;
    let signal = "{cloudformation: {stack: web, resource: Group}}";
    let resource = "allow cloudformation:SignalResource on arn:aws:cloudformation:eu-west-1:123456789012:stack/web/*";
    let failing =
        || stillborn("20s", "").replace("services:", &format!("signal: {signal}\nservices:"));
    let deny = || Some(Fault::Deny.on("cloudformation", "SignalResource"));
    let cases = [
        (
            "success",
            (
                ready.stage(signal),
                "CREATE_IN_PROGRESS",
                None,
                0,
                "delivered",
                vec!["SUCCESS"],
                "told stack web/Group",
            ),
        ),
        (
            "failure",
            (
                ready.scene.stage(failing()),
                "UPDATE_IN_PROGRESS",
                None,
                78,
                "delivered",
                vec!["FAILURE"],
                "told stack web/Group",
            ),
        ),
        (
            "it waits no more",
            (
                ready.stage(signal),
                "CREATE_COMPLETE",
                None,
                0,
                "settled",
                vec![],
                "the stack waits for no signal any more",
            ),
        ),
        (
            "denied",
            (
                ready.stage(signal),
                "CREATE_IN_PROGRESS",
                deny(),
                77,
                "denied",
                vec![],
                resource,
            ),
        ),
    ];
    table(
        cases,
        async |(stage, state, order, code, outcome, signals, says)| {
            let play = Play::open(stage.stack("web", state), order).await?;
            let heard = if signals == ["FAILURE"] {
                Heard::Abandon
            } else {
                Heard::Continue
            };
            let finished = play.ends(code, heard).await?;
            finished.expect_said(says)?;
            let told = delivered(&play).await?;
            let stack = ("stack web/Group".to_owned(), outcome.to_owned());
            ensure!(told == [up("delivered"), vec![stack]].concat(), "{told:?}");
            let taken: Vec<String> = play
                .stage
                .signals()
                .into_iter()
                .map(|signal| signal.status)
                .collect();
            ensure!(taken == signals, "{taken:?}");
            let who = play.stage.signals().into_iter().all(|signal| {
                signal.unique_id == play.stage.instance().id && signal.resource == "Group"
            });
            ensure!(who, "{:?}", play.stage.signals());
            Ok(())
        },
    )
    .await
}

/// Outside a group a stack can wait all the same; one that does not exist is the spec's fault.
#[tokio::test]
async fn cloudformation_alone() -> Result<()> {
    let ready = Ready::set().await?;
    let cases = [
        ("there", ("web", 0, vec!["SUCCESS"], "told stack web/Group")),
        (
            "not there",
            ("webb", 78, vec![], "Stack webb does not exist"),
        ),
    ];
    table(cases, async |(stack, code, signals, says)| {
        let spec = ready.spec(&format!(
            "{{cloudformation: {{stack: {stack}, resource: Group}}}}"
        ));
        let stage = Stage::builder()
            .instance(Instance::unique())
            .moto(ready.scene.ground.moto.url())
            .stack("web", "CREATE_IN_PROGRESS")
            .user_data(spec);
        let play = Play::open(stage, []).await?;
        let finished = play.ends(code, Heard::Nothing).await?;
        finished.expect_said(says)?;
        let taken: Vec<String> = play
            .stage
            .signals()
            .into_iter()
            .map(|signal| signal.status)
            .collect();
        ensure!(taken == signals, "{taken:?}");
        Ok(())
    })
    .await
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
