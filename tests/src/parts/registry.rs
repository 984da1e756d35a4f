//! A Docker registry on loopback, with basic authentication or without.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::image::{Blob, Image};
use super::{PORTS, Server, client, free_port, program};

const INSTALL: &str = "`apt-get install docker-registry apache2-utils`";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A user and a password.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// The user and password given.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// What moto's GetAuthorizationToken gives out for `account`, so that this registry can stand in for ECR.
    #[must_use]
    pub fn ecr(account: &str) -> Self {
        Self::new("AWS", &format!("{account}-auth-token"))
    }
}

/// A registry of our own, empty at first.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    logins: Vec<Login>,
    client: reqwest::Client,
    _server: Server,
    _folder: TempDir,
}

impl Registry {
    /// Starts one that lets these users in; everyone where there are none.
    ///
    /// # Errors
    /// If it isn't installed or doesn't come up.
    pub async fn start(logins: &[Login]) -> anyhow::Result<Self> {
        let program = program("FIRSTLIGHT_REGISTRY", &[], "docker-registry", INSTALL)?;
        let mut attempt = 1;
        loop {
            match Self::attempt(&program, logins).await {
                Err(_) if attempt < PORTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn attempt(program: &Path, logins: &[Login]) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("firstlight-registry-")?;
        let (root, port) = (folder.path(), free_port()?);
        let mut config = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"}}\n",
            root.join("data").display()
        );
        if !logins.is_empty() {
            let file = root.join("htpasswd");
            std::fs::write(&file, htpasswd(logins).await?)?;
            config.push_str(&format!(
                "auth:\n  htpasswd: {{realm: stage, path: {}}}\n",
                file.display()
            ));
        }
        let file = root.join("config.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        // Its settings may also come from the environment, which is not ours.
        command.env_clear().arg("serve").arg(&file);
        let server = Server::start(
            command,
            root.join("log"),
            &format!("http://127.0.0.1:{port}/v2/"),
        )
        .await?;
        Ok(Self {
            port,
            logins: logins.to_vec(),
            client: client()?,
            _server: server,
            _folder: folder,
        })
    }

    /// Host and port, as image references have them.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an image and gives its manifest's digest.
    ///
    /// # Errors
    /// If the registry refuses.
    pub async fn push(&self, name: &str, tag: &str, image: &Image) -> anyhow::Result<String> {
        let built = image.build().context("building the image")?;
        for blob in &built.blobs {
            self.push_blob(name, blob)
                .await
                .with_context(|| format!("pushing {} of {name}:{tag}", blob.digest))?;
        }
        self.push_manifest(name, tag, built.manifest).await?;
        Ok(built.digest)
    }

    /// Puts an image that is here under a name more, without a byte of it being sent again.
    ///
    /// # Errors
    /// If it isn't here.
    pub async fn copy(&self, from: &str, tag: &str, to: &str) -> anyhow::Result<()> {
        let path = format!("/v2/{from}/manifests/{tag}");
        let asked = self.request(reqwest::Method::GET, &path);
        let asked = asked.header("accept", MANIFEST).send().await?;
        let manifest = asked.error_for_status().context("reading a manifest")?;
        let manifest = manifest.bytes().await?.to_vec();
        let read: Value = serde_json::from_slice(&manifest)?;
        let layers = read["layers"].as_array().into_iter().flatten();
        for blob in layers.chain([&read["config"]]) {
            let digest = blob["digest"].as_str().context("a blob without a digest")?;
            let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
            let mounted = self.request(reqwest::Method::POST, &path).send().await?;
            let status = mounted.status();
            ensure!(
                status.as_u16() == 201,
                "mounting {digest} in {to}: {status}"
            );
        }
        self.push_manifest(to, tag, manifest).await
    }

    async fn push_manifest(&self, name: &str, tag: &str, manifest: Vec<u8>) -> anyhow::Result<()> {
        let request = self
            .request(reqwest::Method::PUT, &format!("/v2/{name}/manifests/{tag}"))
            .header("content-type", MANIFEST)
            .body(manifest);
        let answer = request.send().await?;
        if !answer.status().is_success() {
            bail!(
                "pushing the manifest of {name}:{tag}: {} {}",
                answer.status(),
                answer.text().await?
            );
        }
        Ok(())
    }

    async fn push_blob(&self, name: &str, blob: &Blob) -> anyhow::Result<()> {
        let exists = self
            .request(
                reqwest::Method::HEAD,
                &format!("/v2/{name}/blobs/{}", blob.digest),
            )
            .send()
            .await?;
        if exists.status().is_success() {
            return Ok(());
        }
        let begun = self
            .request(reqwest::Method::POST, &format!("/v2/{name}/blobs/uploads/"))
            .send()
            .await?;
        let begun = begun.error_for_status().context("beginning an upload")?;
        let location = begun
            .headers()
            .get("location")
            .and_then(|l| l.to_str().ok())
            .context("no upload location")?;
        let mut url = reqwest::Url::parse(location).or_else(|_| {
            reqwest::Url::parse(&format!("http://{}", self.host()))
                .and_then(|base| base.join(location))
        })?;
        url.query_pairs_mut().append_pair("digest", &blob.digest);
        let file = tokio::fs::File::open(blob.file.path()).await?;
        let length = file.metadata().await?.len();
        let put = self
            .authorized(self.client.put(url))
            .header("content-type", "application/octet-stream")
            .header("content-length", length)
            .body(reqwest::Body::from(file));
        put.send().await?.error_for_status().context("uploading")?;
        Ok(())
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.authorized(
            self.client
                .request(method, format!("http://{}{path}", self.host())),
        )
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self.logins.first() {
            Some(login) => {
                let pair = BASE64_STANDARD.encode(format!("{}:{}", login.user, login.password));
                request.header("authorization", format!("Basic {pair}"))
            }
            None => request,
        }
    }
}

/// The lines of an htpasswd file. The passwords go in by standard input: an argument list is for all to read.
async fn htpasswd(logins: &[Login]) -> anyhow::Result<String> {
    let program = program("FIRSTLIGHT_HTPASSWD", &[], "htpasswd", INSTALL)?;
    let mut lines = String::new();
    for login in logins {
        // A low cost: a test logs in often, and its passwords are no secrets.
        let mut child = Command::new(&program)
            .args(["-niBC", "4", &login.user])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting htpasswd")?;
        let mut input = child.stdin.take().context("htpasswd without input")?;
        input.write_all(login.password.as_bytes()).await?;
        drop(input);
        let out = child.wait_with_output().await?;
        if !out.status.success() {
            bail!("htpasswd ended with {}", out.status);
        }
        lines.push_str(&String::from_utf8_lossy(&out.stdout));
    }
    Ok(lines)
}
