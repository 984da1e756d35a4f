//! What may be ordered to go wrong.

use std::time::{Duration, Instant};

use anyhow::Result;
use firstlight_tests::stage::{AwsError, Fault, Hook, Outcome, Stage};

use crate::caller::Caller;

#[tokio::test]
async fn every_fault_does_what_it_says() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let order =
        |fault: Fault| stage.order(fault.on("autoscaling", "CompleteLifecycleAction").times(1));

    for (fault, status, text) in [
        (Fault::Throttle, 400, "<Code>Throttling</Code>"),
        (
            Fault::Deny,
            403,
            "i-0123456789abcdef0 is not authorized to perform: autoscaling:CompleteLifecycleAction on resource: arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:",
        ),
        (Fault::Skew, 403, "Signature expired"),
        (Fault::Status(503), 503, ""),
        (Fault::Garble, 200, "garbled"),
        (
            Fault::Error(AwsError::new(400, "ResourceContention", "busy")),
            400,
            "<Code>ResourceContention</Code>",
        ),
    ] {
        order(fault.clone());
        let (answered, body) = caller.complete("CONTINUE").await?;
        assert_eq!(
            (answered, body.contains(text)),
            (status, true),
            "{fault:?}: {body}"
        );
    }
    order(Fault::Drop);
    assert!(caller.complete("CONTINUE").await.is_err());
    assert_eq!(stage.counted(), [], "none of these was performed");

    order(Fault::Hang);
    let hung = tokio::time::timeout(Duration::from_millis(200), caller.complete("CONTINUE")).await;
    assert!(hung.is_err());

    let began = Instant::now();
    order(Fault::Delay(Duration::from_millis(200)));
    assert_eq!(caller.complete("CONTINUE").await?.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
    stage.assert_faults_fired()
}

#[tokio::test]
async fn lost_and_cut_answers_were_performed() -> Result<()> {
    for fault in [Fault::DoThenLose, Fault::Cut] {
        let stage = Stage::builder()
            .group("web", [Hook::launching("up")])
            .open()
            .await?;
        let caller = Caller::of(&stage).await?;
        stage.order(fault.clone().on("autoscaling", "CompleteLifecycleAction"));
        assert!(caller.complete("CONTINUE").await.is_err(), "{fault:?}");
        assert_eq!(
            stage.counted(),
            [("up".to_owned(), Outcome::Continue)],
            "{fault:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_fault_that_did_not_happen_is_named() -> Result<()> {
    let stage = Stage::builder().open().await?;
    stage.order(Fault::Throttle.on("ssm", "GetParameters").naming("/web/x"));
    let error = stage.assert_faults_fired().unwrap_err().to_string();
    assert!(
        error.contains("Throttle on ssm GetParameters naming /web/x: fired 0"),
        "{error}"
    );
    Ok(())
}
