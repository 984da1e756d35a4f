//! A program on the instance, as the stage sees one.

use anyhow::Result;
use firstlight_tests::stage::Stage;
use serde_json::Value;

/// A caller with the stage's own credentials.
pub(crate) struct Caller<'a> {
    stage: &'a Stage,
    pub(crate) client: reqwest::Client,
    /// The access key that calls are signed with.
    pub(crate) key: String,
}

impl<'a> Caller<'a> {
    pub(crate) async fn of(stage: &'a Stage) -> Result<Self> {
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

    pub(crate) async fn token(&self) -> Result<String> {
        let url = format!("{}/latest/api/token", self.stage.metadata_url());
        let request = self
            .client
            .put(url)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "60");
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> reqwest::Result<reqwest::Response> {
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

    pub(crate) async fn query(&self, service: &str, form: &str) -> Result<(u16, String)> {
        let answer = self.signed(service).body(form.to_owned()).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    pub(crate) async fn json(&self, target: &str, body: &Value) -> Result<(u16, Value)> {
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

    pub(crate) async fn complete(&self, result: &str) -> Result<(u16, String)> {
        let form = format!(
            "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=web&LifecycleHookName=up\
             &InstanceId=i-0123456789abcdef0&LifecycleActionResult={result}"
        );
        self.query("autoscaling", &form).await
    }
}
