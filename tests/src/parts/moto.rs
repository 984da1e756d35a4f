//! moto: Parameter Store, Secrets Manager, S3, ECR, STS and Logs, kept by others.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{PORTS, Server, client, free_port, program, repository};

/// A moto server of our own, with nothing in it yet.
#[derive(Debug)]
pub struct Moto {
    url: String,
    region: String,
    client: reqwest::Client,
    _server: Server,
    _folder: TempDir,
}

impl Moto {
    /// Starts one. `region` is where what is put into it goes.
    ///
    /// # Errors
    /// If it isn't installed or doesn't come up.
    pub async fn start(region: &str) -> anyhow::Result<Self> {
        let install = "`python3 -m venv .setup/venv && .setup/venv/bin/pip install 'moto[server]'`, or set FIRSTLIGHT_MOTO";
        let program = program(
            "FIRSTLIGHT_MOTO",
            &[repository().join(".setup/venv/bin/moto_server")],
            "moto_server",
            install,
        )?;
        let mut attempt = 1;
        loop {
            match Self::attempt(&program, region).await {
                Err(_) if attempt < PORTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn attempt(program: &Path, region: &str) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("firstlight-moto-")?;
        let port = free_port()?.to_string();
        let url = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(program);
        command
            .args(["-H", "127.0.0.1", "-p", &port])
            .current_dir(folder.path());
        // moto must not look for credentials or metadata of the machine it runs on.
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE");
        let server = Server::start(
            command,
            folder.path().join("log"),
            &format!("{url}/moto-api/"),
        )
        .await?;
        Ok(Self {
            url,
            region: region.to_owned(),
            client: client()?,
            _server: server,
            _folder: folder,
        })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Puts a parameter; `kind` is `String`, `StringList` or `SecureString`. An existing one gets a new version.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn put_parameter(&self, name: &str, value: &str, kind: &str) -> anyhow::Result<()> {
        let parameter = json!({"Name": name, "Value": value, "Type": kind, "Overwrite": true});
        self.json("ssm", "AmazonSSM.PutParameter", &parameter)
            .await
            .map(drop)
    }

    /// Puts a secret's string.
    ///
    /// # Errors
    /// If moto refuses, as when it exists.
    pub async fn put_secret(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let secret = json!({"Name": name, "SecretString": value, "ClientRequestToken": token()});
        self.json("secretsmanager", "secretsmanager.CreateSecret", &secret)
            .await
            .map(drop)
    }

    /// Puts an object, making its bucket.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn put_object(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.make_bucket(bucket).await?;
        let put = self
            .request("s3", reqwest::Method::PUT, &format!("{bucket}/{key}"))
            .body(bytes.to_vec());
        put.send()
            .await?
            .error_for_status()
            .with_context(|| format!("putting s3://{bucket}/{key}"))?;
        Ok(())
    }

    /// Makes a bucket, if it is not there.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn make_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        let location = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{}\
             </LocationConstraint></CreateBucketConfiguration>",
            self.region
        );
        let made = self
            .request("s3", reqwest::Method::PUT, bucket)
            .body(location)
            .send()
            .await?;
        if !made.status().is_success() && made.status().as_u16() != 409 {
            bail!("making bucket {bucket}: {}", made.status());
        }
        Ok(())
    }

    /// The objects of a bucket: keys, in order, and contents.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn objects(&self, bucket: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let get = async |path: &str| {
            let answer = self
                .request("s3", reqwest::Method::GET, path)
                .send()
                .await?;
            let answer = answer.error_for_status();
            answer
                .with_context(|| format!("getting {path}"))?
                .bytes()
                .await
                .map_err(anyhow::Error::from)
        };
        let list = get(&format!("{bucket}?list-type=2")).await?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let keys = list.split("<Key>").skip(1);
        let mut objects = Vec::new();
        for key in keys.filter_map(|rest| rest.split("</Key>").next()) {
            objects.push((
                key.to_owned(),
                get(&format!("{bucket}/{key}")).await?.to_vec(),
            ));
        }
        Ok(objects)
    }

    /// Makes any JSON call, such as `ssm` and `AmazonSSM.LabelParameterVersion`.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .request(service, reqwest::Method::POST, "")
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string());
        let answer = request
            .send()
            .await
            .with_context(|| format!("calling {target}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        // The body of a refusal may repeat the value that was put: only its kind is passed on.
        if !status.is_success() {
            let kind = serde_json::from_str::<Value>(&text)
                .ok()
                .and_then(|body| Some(body.get("__type")?.to_string()));
            bail!("{target} answered {status} {}", kind.unwrap_or_default());
        }
        serde_json::from_str(&text).with_context(|| format!("reading the answer of {target}"))
    }

    /// Makes any call of the query protocol, such as `cloudformation` and `Action=CreateStack`, and answers with its XML.
    ///
    /// # Errors
    /// If moto refuses.
    pub async fn query(&self, service: &str, call: &[(&str, &str)]) -> anyhow::Result<String> {
        let form = reqwest::Url::parse_with_params(&self.url, call)?;
        let request = self
            .request(service, reqwest::Method::POST, "")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        let answer = request
            .send()
            .await
            .with_context(|| format!("calling {service}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{service} answered {status}: {text}");
        }
        Ok(text)
    }

    /// moto reads service and region from the credential scope and checks no signature.
    fn request(
        &self,
        service: &str,
        method: reqwest::Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        let scope = format!("AKIATEST/20260101/{}/{service}/aws4_request", self.region);
        self.client
            .request(method, format!("{}/{path}", self.url))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
    }
}

fn token() -> String {
    format!("{:032x}", fastrand::u128(..))
}
