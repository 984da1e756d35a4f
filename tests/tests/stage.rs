//! The stage itself: what a caller gets of it over HTTP, fault by fault, and what it passes on to a real moto.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use anyhow::Result;
use firstlight_tests::parts::moto::Moto;
use firstlight_tests::stage::{AwsError, Fault, Hook, Lifecycle, Opens, Outcome, Stage};
use serde_json::{Value, json};

/// A caller with the stage's own credentials.
struct Caller<'a> {
    stage: &'a Stage,
    client: reqwest::Client,
    key: String,
}

impl<'a> Caller<'a> {
    async fn of(stage: &'a Stage) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut new = Self {
            stage,
            client,
            key: String::new(),
        };
        let token = new.token().await?;
        let body = new
            .get("meta-data/iam/security-credentials/web", &token)
            .await?
            .text()
            .await?;
        new.key = serde_json::from_str::<Value>(&body)?["AccessKeyId"]
            .as_str()
            .unwrap()
            .to_owned();
        Ok(new)
    }

    async fn token(&self) -> Result<String> {
        let url = format!("{}/latest/api/token", self.stage.metadata_url());
        let request = self
            .client
            .put(url)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "60");
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    async fn get(&self, path: &str, token: &str) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}/latest/{path}", self.stage.metadata_url());
        self.client
            .get(url)
            .header("x-aws-ec2-metadata-token", token)
            .send()
            .await
    }

    fn signed(&self, service: &str) -> reqwest::RequestBuilder {
        let scope = format!("{}/20261121/eu-west-1/{service}/aws4_request", self.key);
        let line = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        self.client
            .post(self.stage.aws_url())
            .header("authorization", line)
    }

    async fn query(&self, service: &str, form: &str) -> Result<(u16, String)> {
        let answer = self.signed(service).body(form.to_owned()).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    async fn json(&self, target: &str, body: &Value) -> Result<(u16, Value)> {
        let service = if target.starts_with("AmazonSSM") {
            "ssm"
        } else {
            "secretsmanager"
        };
        let request = self
            .signed(service)
            .header("x-amz-target", target)
            .body(body.to_string());
        let answer = request.send().await?;
        Ok((
            answer.status().as_u16(),
            serde_json::from_str(&answer.text().await?)?,
        ))
    }

    async fn complete(&self, result: &str) -> Result<(u16, String)> {
        let form = format!(
            "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=web&LifecycleHookName=up\
             &InstanceId=i-0123456789abcdef0&LifecycleActionResult={result}"
        );
        self.query("autoscaling", &form).await
    }
}

#[tokio::test]
async fn a_group_hears_its_instance() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .opens(Opens::AfterCompletions(1))
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let (status, body) = caller.complete("CONTINUE").await?;
    assert_eq!(status, 400);
    assert!(body.contains("<Code>ValidationError</Code>"), "{body}");
    assert!(
        body.contains("No active Lifecycle Action found with instance ID i-0123456789abcdef0"),
        "{body}"
    );
    let (_, described) = caller
        .query("autoscaling", "Action=DescribeAutoScalingInstances")
        .await?;
    assert!(
        described.contains("<LifecycleState>Pending:Wait</LifecycleState>"),
        "{described}"
    );
    let (_, hooks) = caller
        .query(
            "autoscaling",
            "Action=DescribeLifecycleHooks&AutoScalingGroupName=web",
        )
        .await?;
    assert!(
        hooks.contains("<LifecycleHookName>up</LifecycleHookName>"),
        "{hooks}"
    );
    assert_eq!(caller.complete("CONTINUE").await?.0, 200);
    assert_eq!(stage.lifecycle(), Some(Lifecycle::InService));
    assert_eq!(stage.counted(), [("up".to_owned(), Outcome::Continue)]);
    assert_eq!(
        stage.verdicts().len(),
        2,
        "the refused one is in the history"
    );
    assert_eq!(
        stage
            .calls_of("autoscaling", "CompleteLifecycleAction")
            .len(),
        2
    );
    Ok(())
}

#[tokio::test]
async fn target_state_follows_the_group_until_it_is_set() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let token = caller.token().await?;
    let path = "meta-data/autoscaling/target-lifecycle-state";
    assert_eq!(caller.get(path, &token).await?.text().await?, "InService");
    caller.complete("ABANDON").await?;
    assert_eq!(caller.get(path, &token).await?.text().await?, "Terminated");
    stage.set_metadata(path, Some(b"Warmed:Stopped"));
    assert_eq!(
        caller.get(path, &token).await?.text().await?,
        "Warmed:Stopped"
    );
    stage.set_metadata(path, None);
    assert_eq!(caller.get(path, &token).await?.status(), 404);
    Ok(())
}

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
