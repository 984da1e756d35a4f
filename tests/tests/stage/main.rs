//! The stage itself: what a caller gets of it over HTTP, fault by fault, and what it passes on to a real moto.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod caller;
mod faults;
mod group;

use anyhow::Result;
use caller::Caller;
use firstlight_tests::parts::moto::Moto;
use firstlight_tests::stage::{Fault, Hook, Stage};
use serde_json::json;

#[tokio::test]
async fn metadata_answers_on_the_second_address_too() -> Result<()> {
    let stage = Stage::builder().user_data("hello").open().await?;
    let Some(url) = stage.metadata_url_six() else {
        return Ok(());
    };
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(format!("{url}/latest/user-data")).send().await?;
    assert_eq!(answer.status(), 401);
    Ok(())
}

#[tokio::test]
async fn only_credentials_from_its_metadata_count() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .open()
        .await?;
    let mut caller = Caller::of(&stage).await?;
    caller.key = "AKIAELSEWHERE".to_owned();
    let (status, body) = caller.complete("CONTINUE").await?;
    assert_eq!((status, body.contains("InvalidClientTokenId")), (403, true));
    assert_eq!(stage.counted(), []);
    Ok(())
}

#[tokio::test]
async fn a_stack_takes_signals_only_while_in_progress() -> Result<()> {
    let form = "Action=SignalResource&StackName=web&LogicalResourceId=Group&UniqueId=i-0123456789abcdef0&Status=SUCCESS";
    for (state, status, count) in [("CREATE_IN_PROGRESS", 200, 1), ("CREATE_COMPLETE", 400, 0)] {
        let stage = Stage::builder().stack("web", state).open().await?;
        let (answered, body) = Caller::of(&stage)
            .await?
            .query("cloudformation", form)
            .await?;
        assert_eq!((answered, stage.signals().len()), (status, count));
        assert_eq!(
            body.contains("is in CREATE_COMPLETE state and cannot be signaled"),
            count == 0,
            "{body}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_rest_is_motos() -> Result<()> {
    let moto = Moto::start("eu-west-1").await?;
    moto.put_parameter("/web/color", "blue", "String").await?;
    moto.put_parameter("/web/password", "hush", "SecureString")
        .await?;
    moto.put_secret("web/tls", "key").await?;
    moto.put_object("bucket", "some/key", b"bytes").await?;
    let stage = Stage::builder().moto(moto.url()).open().await?;
    let caller = Caller::of(&stage).await?;
    let names =
        json!({"Names": ["/web/color", "/web/password", "/web/none"], "WithDecryption": true});

    let (_, answer) = caller.json("AmazonSSM.GetParameters", &names).await?;
    let mut values: Vec<&str> = answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["Value"].as_str())
        .collect();
    // They come in no order.
    values.sort_unstable();
    assert_eq!(
        (values, &answer["InvalidParameters"]),
        (vec!["blue", "hush"], &json!(["/web/none"]))
    );
    let (_, answer) = caller
        .json(
            "secretsmanager.GetSecretValue",
            &json!({"SecretId": "web/tls"}),
        )
        .await?;
    assert_eq!(answer["SecretString"], "key");
    let object = caller
        .client
        .get(format!("{}/bucket/some/key", stage.aws_url()));
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261121/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        caller.key
    );
    let object = |owner: &'static str| {
        object
            .try_clone()
            .unwrap()
            .header("authorization", &scope)
            .header("x-amz-expected-bucket-owner", owner)
            .send()
    };
    assert_eq!(object("123456789012").await?.text().await?, "bytes");
    assert_eq!(object("210987654321").await?.status(), 403);

    stage.order(
        Fault::Deny
            .on("ssm", "GetParameters")
            .naming("/web/color")
            .times(1),
    );
    let (status, answer) = caller.json("AmazonSSM.GetParameters", &names).await?;
    assert_eq!(status, 400);
    assert_eq!(
        answer["message"],
        "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is not authorized to perform: ssm:GetParameters \
         on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/web/color because no identity-based policy allows the \
         ssm:GetParameters action"
    );
    stage.order(
        Fault::DenyKms
            .on("secretsmanager", "GetSecretValue")
            .times(1),
    );
    let (_, answer) = caller
        .json(
            "secretsmanager.GetSecretValue",
            &json!({"SecretId": "web/tls"}),
        )
        .await?;
    assert_eq!(answer["message"], "Access to KMS is not allowed");
    assert!(!stage.transcript().contains("hush"), "no values in the log");
    stage.assert_faults_fired()
}
