//! What this role may not do for its signal.

use super::*;

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
