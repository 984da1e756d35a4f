//! The floor: the calls of a launch in a straight line, and nothing else.
//!
//! The same libraries as the agent's and the same requests, in the order in which each needs the one
//! before: metadata, hooks, heartbeat, parameters, pull, network, create, start, probe, signal. No spec,
//! no checks, no record, no log, no retry. What the agent takes beyond this is what it costs.
//!
//! Reads one JSON document ([`Plan`]) from its first argument's file. Endpoints come from the usual
//! variables.

use anyhow::{Context, Result, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_ssm::config::{Credentials, SharedCredentialsProvider};
use bollard::{
    Docker,
    auth::DockerCredentials,
    models::{ContainerCreateBody, HostConfig, NetworkCreateRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, InspectContainerOptions,
        InspectNetworkOptions, StartContainerOptions,
    },
};
use futures_util::TryStreamExt;
use serde::Deserialize;
use std::{collections::HashMap, time::Duration};

/// What to launch.
#[derive(Debug, Deserialize)]
struct Plan {
    /// Image reference.
    image: String,
    /// Pull it, with these credentials, or take what is there.
    pull: Option<Login>,
    /// Parameters by environment variable.
    parameters: HashMap<String, String>,
    /// A path whose parameters all become variables.
    path: Option<String>,
    /// The container's name.
    name: String,
    /// Where to probe.
    port: u16,
    /// What to probe.
    probe: String,
}

#[derive(Debug, Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    instance_id: String,
    region: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Role {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

const INTERVAL: Duration = Duration::from_millis(100);
const THRESHOLD: u32 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("usage: floor PLAN.json")?;
    let plan: Plan = serde_json::from_slice(&std::fs::read(file)?)?;
    let metadata = Metadata::open().await?;
    let me: Document =
        serde_json::from_str(&metadata.get("dynamic/instance-identity/document").await?)?;
    metadata
        .get("meta-data/autoscaling/target-lifecycle-state")
        .await?;
    let group = metadata
        .get("meta-data/tags/instance/aws:autoscaling:groupName")
        .await?;
    metadata.get("user-data").await?;
    let role = metadata.get("meta-data/iam/security-credentials/").await?;
    let role: Role = serde_json::from_str(
        &metadata
            .get(&format!(
                "meta-data/iam/security-credentials/{}",
                role.trim()
            ))
            .await?,
    )?;
    let aws = settings(&me, role).await;

    let groups = aws_sdk_autoscaling::Client::new(&aws);
    let hooks = groups
        .describe_lifecycle_hooks()
        .auto_scaling_group_name(&group)
        .send()
        .await?;
    let hook = hooks
        .lifecycle_hooks()
        .first()
        .and_then(|hook| hook.lifecycle_hook_name())
        .context("no hook")?;
    groups
        .record_lifecycle_action_heartbeat()
        .auto_scaling_group_name(&group)
        .lifecycle_hook_name(hook)
        .instance_id(&me.instance_id)
        .send()
        .await?;

    let environment = parameters(&aws_sdk_ssm::Client::new(&aws), &plan).await?;
    start(&plan, environment).await?;
    groups
        .complete_lifecycle_action()
        .auto_scaling_group_name(&group)
        .lifecycle_hook_name(hook)
        .instance_id(&me.instance_id)
        .lifecycle_action_result("CONTINUE")
        .send()
        .await?;
    Ok(())
}

struct Metadata {
    http: reqwest::Client,
    endpoint: String,
    token: String,
}

impl Metadata {
    async fn open() -> Result<Metadata> {
        let endpoint = std::env::var("AWS_EC2_METADATA_SERVICE_ENDPOINT")?;
        let endpoint = format!("{}/latest", endpoint.trim_end_matches('/'));
        let http = reqwest::Client::builder().no_proxy().build()?;
        let token = http
            .put(format!("{endpoint}/api/token"))
            .header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        Ok(Metadata {
            http,
            endpoint,
            token,
        })
    }

    async fn get(&self, path: &str) -> Result<String> {
        let answer = self
            .http
            .get(format!("{}/{path}", self.endpoint))
            .header("X-aws-ec2-metadata-token", &self.token)
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.text().await?)
    }
}

async fn settings(me: &Document, role: Role) -> SdkConfig {
    let credentials = Credentials::new(
        role.access_key_id,
        role.secret_access_key,
        Some(role.token),
        None,
        "floor",
    );
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(me.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

async fn parameters(ssm: &aws_sdk_ssm::Client, plan: &Plan) -> Result<Vec<String>> {
    let mut environment = vec![];
    let wanted: Vec<(&String, &String)> = plan.parameters.iter().collect();
    for batch in wanted.chunks(10) {
        let names = batch.iter().map(|(_, name)| (*name).clone()).collect();
        let answer = ssm
            .get_parameters()
            .set_names(Some(names))
            .with_decryption(true)
            .send()
            .await?;
        ensure!(answer.invalid_parameters().is_empty(), "missing parameters");
        for parameter in answer.parameters() {
            let (variable, _) = batch
                .iter()
                .find(|(_, name)| Some(name.as_str()) == parameter.name())
                .context("a parameter nobody asked for")?;
            environment.push(format!(
                "{variable}={}",
                parameter.value().unwrap_or_default()
            ));
        }
    }
    if let Some(path) = &plan.path {
        let mut token = None;
        loop {
            let page = ssm
                .get_parameters_by_path()
                .path(path)
                .recursive(true)
                .with_decryption(true)
                .set_next_token(token)
                .send()
                .await?;
            for parameter in page.parameters() {
                let name = parameter
                    .name()
                    .unwrap_or_default()
                    .trim_start_matches(path)
                    .replace(['/', '-', '.'], "_");
                environment.push(format!("{name}={}", parameter.value().unwrap_or_default()));
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
    }
    Ok(environment)
}

async fn start(plan: &Plan, environment: Vec<String>) -> Result<()> {
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    let image = match &plan.pull {
        Some(login) => pull(&docker, plan, login).await?,
        None => plan.image.clone(),
    };
    docker.inspect_image(&image).await?;
    if docker
        .inspect_network("firstlight", None::<InspectNetworkOptions>)
        .await
        .is_err()
    {
        docker
            .create_network(NetworkCreateRequest {
                name: "firstlight".into(),
                ..Default::default()
            })
            .await?;
    }
    let body = ContainerCreateBody {
        image: Some(image),
        env: Some(environment),
        host_config: Some(HostConfig {
            network_mode: Some("firstlight".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::new()
        .name(&plan.name)
        .build();
    let id = docker.create_container(Some(options), body).await?.id;
    docker
        .start_container(&id, None::<StartContainerOptions>)
        .await?;
    let container = docker
        .inspect_container(&id, None::<InspectContainerOptions>)
        .await?;
    let address = container
        .network_settings
        .and_then(|settings| settings.networks)
        .and_then(|networks| {
            networks
                .get("firstlight")
                .and_then(|network| network.ip_address.clone())
        })
        .context("the container has no address")?;
    probe(&format!("http://{address}:{}{}", plan.port, plan.probe)).await
}

async fn pull(docker: &Docker, plan: &Plan, login: &Login) -> Result<String> {
    let credentials = DockerCredentials {
        username: Some(login.username.clone()),
        password: Some(login.password.clone()),
        ..Default::default()
    };
    let options = CreateImageOptionsBuilder::new()
        .from_image(&plan.image)
        .build();
    docker
        .create_image(Some(options), None, Some(credentials))
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let image = docker.inspect_image(&plan.image).await?;
    image
        .repo_digests
        .and_then(|digests| digests.into_iter().next())
        .context("the image has no digest")
}

async fn probe(url: &str) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut healthy = 0;
    for _ in 0..600 {
        let next = tokio::time::Instant::now() + INTERVAL;
        match http.get(url).send().await {
            Ok(answer) if answer.status() == 200 => healthy += 1,
            _ => healthy = 0,
        }
        if healthy == THRESHOLD {
            return Ok(());
        }
        tokio::time::sleep_until(next).await;
    }
    bail!("never healthy")
}
