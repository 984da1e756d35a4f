//! Answers that are wrong: once, and for ever.

use super::*;

/// Every answer goes wrong once, and the launch goes well.
#[tokio::test]
async fn every_answer_goes_wrong_once() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    let large = Answer::new(200, "text/plain", "<".repeat(500));
    let faults = [
        ("drop", Fault::Drop),
        ("cut", Fault::Cut),
        ("hang", Fault::Hang),
        ("500", Fault::Status(500)),
        ("503", Fault::Status(503)),
        ("429", Fault::Throttle),
        ("401", Fault::Status(401)),
        ("403", Fault::Status(403)),
        ("a page", Fault::Garble),
        ("another page", Fault::Instead(large)),
    ];
    table(faults, async |fault| {
        // What user data may be is for its reader to say.
        let is_page = matches!(fault, Fault::Garble | Fault::Instead(_));
        let paths = [TOKEN, DOCUMENT, TARGET, TAG, USER_DATA, ROLES, ROLE];
        let paths = paths
            .into_iter()
            .filter(|path| !(is_page && *path == USER_DATA));
        let orders = paths.map(|path| fault.clone().on_metadata(path).times(1));
        let spec = scene.healthy(&image, &format!("web{}", fastrand::u32(..)), "", "");
        let play = Play::open(scene.stage(spec).instance(tagged()), orders).await?;
        let finished = play.succeeds(Heard::Continue).await?;
        if fault == Fault::Throttle {
            finished.expect_said("throttled by imds:user-data, attempt 1")?;
        }
        Ok(())
    })
    .await
}

/// What stays wrong: before the instance is known nobody can be told, after that the group is.
#[tokio::test]
async fn what_stays_wrong() -> Result<()> {
    let scene = Scene::set().await?;
    let large = || Fault::Instead(Answer::new(200, "text/plain", "x".repeat(70_000)));
    let (unreachable, invalid, denied) = (
        (69, "metadata_unreachable"),
        (69, "metadata_invalid"),
        (77, "metadata_denied"),
    );
    let enable = "aws ec2 modify-instance-metadata-options --http-endpoint enabled";
    let mut cases = Vec::new();
    for (path, stage, heard) in [
        (DOCUMENT, "identify", Heard::Nothing),
        (USER_DATA, "configure", Heard::Abandon),
    ] {
        for (fault, (code, reason), says) in [
            (Fault::Hang, unreachable, "no answer in time"),
            (
                Fault::Drop,
                unreachable,
                "check that the metadata service is enabled",
            ),
            (Fault::Status(500), unreachable, "HTTP status 500"),
            (
                Fault::Throttle,
                unreachable,
                "too many requests from this instance",
            ),
            (Fault::Status(401), unreachable, "HTTP status 401"),
            (Fault::Cut, invalid, "a body cut off"),
            (large(), invalid, "more than 65536 bytes"),
            (Fault::Status(400), invalid, "HTTP status 400"),
            (Fault::Status(403), denied, enable),
        ] {
            cases.push((
                format!("{fault:?} of {path}"),
                (path, fault, code, reason, stage, heard, says),
            ));
        }
    }
    for (path, fault, code, reason, says) in [
        (
            TOKEN,
            Fault::Hang,
            69,
            "metadata_unreachable",
            "set the metadata hop limit to 2",
        ),
        (TOKEN, Fault::Status(403), 77, "metadata_denied", enable),
        (
            TOKEN,
            Fault::Garble,
            69,
            "metadata_invalid",
            "a token that cannot be",
        ),
        (
            DOCUMENT,
            Fault::Garble,
            69,
            "metadata_invalid",
            "something else answers at this address",
        ),
        (
            DOCUMENT,
            Fault::Status(404),
            69,
            "metadata_invalid",
            "there is no identity document",
        ),
        (
            TARGET,
            Fault::Garble,
            69,
            "metadata_invalid",
            "something else answers at this address",
        ),
    ] {
        cases.push((
            format!("{fault:?} of {path}"),
            (path, fault, code, reason, "identify", Heard::Nothing, says),
        ));
    }
    let other = Answer::new(200, "text/plain", r#"{"instanceId": "i-/../x"}"#);
    let other = (
        DOCUMENT,
        Fault::Instead(other),
        69,
        "metadata_invalid",
        "identify",
        Heard::Nothing,
        "an identity document that",
    );
    cases.push(("another document".to_owned(), other));
    table(
        cases,
        async |(path, fault, code, reason, stage, heard, says)| {
            // Only what hangs is to be given up; on a busy machine all else takes its time.
            let attempt = if fault == Fault::Hang { 400 } else { 10_000 };
            let (is_denied, is_refused) =
                (fault == Fault::Status(403), fault == Fault::Status(401));
            let play = Play::open(scene.stage(stillborn("20s", "")), [fault.on_metadata(path)])
                .await?
                .timings(&json!({"imds_budget": 1500, "imds_attempt": attempt}));
            let want = Failure {
                code,
                stage,
                reason,
                says: &[says],
                heard,
            };
            play.fails(want).await?;
            if is_denied {
                ensure!(
                    asked(&play.stage, path) == 3,
                    "403 is an answer at the third time"
                );
            }
            if is_refused {
                // Each attempt replaces its token once, and no more.
                let (tokens, gets) = (asked(&play.stage, TOKEN), asked(&play.stage, path));
                ensure!(tokens <= gets + 1, "{tokens} tokens for {gets} requests");
            }
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn nobody_listens() -> Result<()> {
    let scene = Scene::set().await?;
    let play = Play::open(scene.stage(stillborn("20s", "")), [])
        .await?
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
        .timings(&json!({"imds_budget": 700}));
    let want = Failure {
        code: 69,
        stage: "identify",
        reason: "metadata_unreachable",
        says: &[
            "http://127.0.0.1:9",
            "onnection refused",
            "the endpoint is right",
        ],
        heard: Heard::Nothing,
    };
    play.fails(want).await?;
    ensure!(play.stage.calls().is_empty(), "{}", play.stage.transcript());
    Ok(())
}
