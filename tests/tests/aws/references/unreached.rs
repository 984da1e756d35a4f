//! References that throttle, hang or are away: tried to the end, and seen to be.

use super::*;

#[tokio::test]
async fn what_never_answers() -> Result<()> {
    let scene = set().await?;
    let path = "environment_from: [\"ssm:/@/one/\"]";
    let mut cases = Vec::new();
    for (service, operation, keys_, named) in [
        (
            "ssm",
            "GetParameters",
            "environment: {A: \"{{ssm:/@/a}}\"}",
            "ssm:/@/a: ",
        ),
        ("ssm", "GetParametersByPath", path, "ssm:/@/one/: "),
        (
            "secretsmanager",
            "GetSecretValue",
            "environment: {A: \"{{secretsmanager:@/words}}\"}",
            "secretsmanager:@/words: ",
        ),
    ] {
        let call = format!("{service}:{operation}");
        for (fault, reason, word) in [
            (Fault::Throttle, "reference_throttled", "Rate exceeded"),
            (Fault::Status(429), "reference_throttled", "HTTP status 429"),
            (
                Fault::Drop,
                "reference_unreachable",
                "check route, security group, VPC endpoint and DNS",
            ),
            (Fault::Hang, "reference_unreachable", "no answer in time"),
            (
                Fault::Status(503),
                "reference_unreachable",
                "HTTP status 503",
            ),
            (
                Fault::Skew,
                "reference_unreachable",
                "check that the clock is synchronised",
            ),
        ] {
            let case = keys(keys_)
                .struck(fault.clone().on(service, operation))
                .fails(69, reason)
                .says(&[named, &call, word])
                .in_vain();
            cases.push((format!("{fault:?} of {call}"), case));
        }
    }
    table(cases, async |case| run(&scene, case).await.map(drop)).await
}

/// Every throttle is a line of the log, and counted in the status.
#[tokio::test]
async fn a_throttle_is_seen() -> Result<()> {
    let scene = set().await?;
    let throttled = wants("ssm:/@/a")
        .struck(Fault::Throttle.on("ssm", "GetParameters"))
        .fails(69, "reference_throttled")
        .says(&["raise the service's quota, or launch fewer instances at once"])
        .in_vain();
    let play = run(&scene, throttled).await?;
    let struck = play.stage.calls_of("ssm", "GetParameters").len();
    ensure!(struck > 2, "only {struck} attempts");
    let status = play.agent.status().await?;
    assert_eq!(status["throttles"], json!({"ssm:GetParameters": struck}));
    Ok(())
}

/// Nothing listens, a name does not resolve: told as such, with the address.
#[tokio::test]
async fn what_is_not_reached() -> Result<()> {
    let scene = set().await?;
    table(
        [
            ("refused", ("http://127.0.0.1:9", "onnection refused")),
            ("no such name", ("http://ssm.invalid", "ssm.invalid")),
        ],
        async |(endpoint, word)| {
            let own = stillborn("5s", "environment: {A: \"{{ssm:/x}}\"}");
            let play = Play::open(scene.stage(own), [])
                .await?
                .env("AWS_ENDPOINT_URL_SSM", endpoint);
            let want = Failure {
                code: 69,
                stage: "resolve",
                reason: "reference_unreachable",
                says: &["ssm:/x: ssm:GetParameters did not reach ", endpoint, word],
                heard: Heard::Abandon,
            };
            play.fails(want).await.map(drop)
        },
    )
    .await
}

/// A role that never comes: nobody can be told, and the error says what is missing.
#[tokio::test]
async fn a_role_that_never_comes() -> Result<()> {
    let scene = set().await?;
    let spec = stillborn("5s", "environment: {A: \"{{ssm:/x}}\"}");
    let play = Play::open(
        scene.stage(spec),
        [Fault::Status(404).on_metadata("meta-data/iam/security-credentials/")],
    )
    .await?
    .timings(&json!({"delivery_least": 1500}));
    let finished = play.launch().await?;
    let status = play.agent.status().await?;
    let story = play.story(&finished);
    assert_eq!(finished.code, Some(76), "decided, not delivered: {story}");
    assert_eq!(
        status["error"]["reason"],
        json!("reference_unreachable"),
        "{story}"
    );
    let message = status["error"]["message"].as_str().unwrap();
    ensure!(message.contains("attach an instance profile"), "{message}");
    assert_eq!(play.stage.counted(), []);
    Ok(())
}

/// The launch's time is over while a call is under way: nothing is wrong but the time.
#[tokio::test]
async fn the_time_is_over() -> Result<()> {
    let scene = set().await?;
    let slow = Duration::from_secs(60);
    let path = "environment_from: [\"ssm:/@/one/\"]";
    let cases = [
        ("ssm", "GetParameters", wants("ssm:/@/a"), "ssm:/@/a: "),
        ("ssm", "GetParametersByPath", keys(path), "ssm:/@/one/: "),
        (
            "secretsmanager",
            "GetSecretValue",
            wants("secretsmanager:@/words"),
            "secretsmanager:@/words: ",
        ),
    ]
    .map(|(service, operation, case, named)| {
        let case = case
            .struck(Fault::Delay(slow).on(service, operation))
            .fails(69, "deadline")
            .says(&[named, operation, "give the launch a longer `timeout`"])
            .in_vain()
            .timings(json!({"aws_attempt": 60_000}));
        (operation, case)
    });
    all(&scene, cases.into()).await
}

/// A slow answer is no missing one, as long as the launch's time lasts.
#[tokio::test]
async fn slow_is_not_missing() -> Result<()> {
    let scene = set().await?;
    let slow = Fault::Delay(Duration::from_millis(500)).on("ssm", "GetParameters");
    let case = wants("ssm:/@/words#x")
        .struck(slow)
        .says(&["is no JSON object"]);
    let status: Value = run(&scene, case).await?.agent.status().await?;
    assert_eq!(status["throttles"], json!({}));
    Ok(())
}
