//! Includes that cannot be had or are not what was meant, and time that runs out over them.

use super::*;

/// One include, what goes wrong with it, and how the launch fails.
struct Include {
    /// As `include` lists it; `%` is the test's bucket, `@` its parameters' name.
    written: &'static str,
    order: Option<Order>,
    code: i32,
    reason: &'static str,
    says: Vec<&'static str>,
}

fn include(
    written: &'static str,
    order: impl Into<Option<Order>>,
    fails: (i32, &'static str),
    says: &[&'static str],
) -> Include {
    Include {
        written,
        order: order.into(),
        code: fails.0,
        reason: fails.1,
        says: says.to_vec(),
    }
}

#[tokio::test]
async fn includes() -> Result<()> {
    let scene = Scene::set().await?;
    let bucket = scene.names.unique("launch");
    let own = scene.names.suffix();
    for (key, bytes) in [
        ("web.yaml", GOOD.as_bytes().to_vec()),
        ("bad.yaml", b"services: [web\n".to_vec()),
        ("nested.yaml", b"include: [{from: \"ssm:/x\"}]\n".to_vec()),
        ("large.yaml", vec![b'#'; (4 << 20) + 1]),
    ] {
        scene.ground.moto.put_object(&bucket, key, &bytes).await?;
    }
    scene.parameter("launch", GOOD, "String").await?;
    let s3 = |fault: Fault| fault.on("s3", "GetObject");
    let ssm = |fault: Fault| fault.on("ssm", "GetParameters");
    let elsewhere = AwsError::new(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
    );
    let (missing, denied) = ((78, "include_missing"), (77, "include_denied"));
    let cases = vec![
        (
            "no such key",
            include(
                "{from: \"s3://%/none.yaml\"}",
                None,
                missing,
                &["include s3://%/none.yaml does not exist: ", "(NoSuchKey)"],
            ),
        ),
        (
            "no such bucket",
            include(
                "{from: \"s3://%-none/web.yaml\"}",
                None,
                missing,
                &["(NoSuchBucket)"],
            ),
        ),
        (
            "no such parameter",
            include(
                "{from: \"ssm:/@/none\"}",
                None,
                missing,
                &[
                    "include ssm:/@/none does not exist: ",
                    "Parameter Store has no such parameter",
                ],
            ),
        ),
        (
            "no such version",
            include(
                "{from: \"ssm:/@/launch:9\"}",
                None,
                missing,
                &["include ssm:/@/launch:9 does not exist: "],
            ),
        ),
        (
            "bucket in another region",
            include(
                "{from: \"s3://%/web.yaml\"}",
                s3(Fault::Error(elsewhere)),
                missing,
                &["its bucket is not in eu-west-1"],
            ),
        ),
        (
            "another account's bucket",
            include(
                "{from: \"s3://%/web.yaml\", owner: \"210987654321\"}",
                None,
                denied,
                &["Access Denied", "account 210987654321 does not own"],
            ),
        ),
        (
            "parameter denied",
            include(
                "{from: \"ssm:/@/launch\"}",
                ssm(Fault::Deny),
                denied,
                &[
                    "grant the instance's role `ssm:GetParameters` on arn:aws:ssm:eu-west-1:123456789012:parameter/@/launch",
                ],
            ),
        ),
        (
            "parameter's key denied",
            include(
                "{from: \"ssm:/@/launch\"}",
                ssm(Fault::DenyKms),
                denied,
                &["The ciphertext refers to", "`kms:Decrypt`"],
            ),
        ),
        (
            "changed",
            include(
                "{from: \"s3://%/web.yaml\", sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}",
                None,
                (78, "include_changed"),
                &[
                    "user data, line 2, column ",
                    "s3://%/web.yaml has the SHA-256 ",
                    "not ba7816bf",
                    "it was changed since",
                ],
            ),
        ),
        (
            "no YAML",
            include(
                "{from: \"s3://%/bad.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/bad.yaml, line "],
            ),
        ),
        (
            "nested",
            include(
                "{from: \"s3://%/nested.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/nested.yaml, line 1, column 1: "],
            ),
        ),
        (
            "too large",
            include(
                "{from: \"s3://%/large.yaml\"}",
                None,
                (78, "spec_invalid"),
                &["include s3://%/large.yaml is larger than 4194304 bytes"],
            ),
        ),
    ];
    table(cases, async |case: Include| {
        let named = |text: &str| text.replace('%', &bucket).replace('@', own);
        let user_data = format!("firstlight: 1\ninclude: [{}]\n", named(case.written));
        let play = Play::open(scene.stage(user_data), case.order).await?;
        let says: Vec<String> = case.says.iter().map(|word| named(word)).collect();
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        let want = Failure {
            code: case.code,
            ..wrong(case.reason, &says)
        };
        play.fails(want).await?;
        asked_first(&play)
    })
    .await
}

/// The launch's time runs while the agent is down: back after it was over, it blames the time and nothing else.
#[tokio::test]
async fn the_time_ran_out_while_nobody_looked() -> Result<()> {
    let scene = Scene::set().await?;
    let user_data = "firstlight: 1\ninclude: [{from: \"s3://somewhere/web.yaml\"}]\n";
    let play = Play::open(scene.stage(user_data), [Fault::Hang.on("s3", "GetObject")]).await?;
    let asked = || !play.stage.calls_of("s3", "GetObject").is_empty();
    let running = play.agent.start(&["launch"])?;
    running
        .kill_when(PATIENCE, "the include is asked for", asked)
        .await?;
    play.stage.call_off();
    an_hour_ago_in_another_boot(&play.agent.root().join("var/lib/firstlight/record.json"))?;
    let want = Failure {
        code: 69,
        ..wrong(
            "deadline",
            &[
                "the launch's time was over before this stage began",
                "`timeout`",
            ],
        )
    };
    play.fails(want).await.map(drop)
}

/// Sets back when a launch began.
fn an_hour_ago_in_another_boot(record: &Path) -> Result<()> {
    let mut read: Value = serde_json::from_slice(&std::fs::read(record)?)?;
    let began = &mut read["facts"]["began"];
    let wall = began["wall_ms"].as_u64().context("no beginning")?;
    began["wall_ms"] = json!(wall - 3_600_000);
    began["boot"] = json!("another");
    std::fs::write(record, read.to_string())?;
    Ok(())
}
