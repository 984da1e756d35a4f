//! A Docker engine, the machine's or one of a test's own, and tidying up on it.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, RemoveVolumeOptions,
};
use futures_util::StreamExt as _;
use serde_json::Value;

/// The bridge network that launches share.
const NETWORK: &str = "firstlight";
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of an engine that answers.
#[derive(Debug, Clone)]
pub struct Engine(Docker);

impl Engine {
    /// Connects to the machine's, at DOCKER_HOST or at its usual socket.
    ///
    /// # Errors
    /// If there is none.
    pub async fn connect() -> anyhow::Result<Self> {
        let missing = "no Docker engine answers at DOCKER_HOST or /var/run/docker.sock: `apt-get install docker.io`, start \
                       `dockerd`, and be root or in the docker group";
        Self::of(Docker::connect_with_defaults())
            .await
            .context(missing)
    }

    /// Connects to the engine at an address such as `unix:///run/docker.sock`.
    ///
    /// # Errors
    /// If none answers there.
    pub async fn at(address: &str) -> anyhow::Result<Self> {
        Self::of(Docker::connect_with_host(address))
            .await
            .with_context(|| format!("no Docker engine answers at {address}"))
    }

    async fn of(docker: Result<Docker, bollard::errors::Error>) -> anyhow::Result<Self> {
        let docker = docker?.with_timeout(PATIENCE).negotiate_version().await?;
        docker.ping().await?;
        Ok(Self(docker))
    }

    /// The client, for what is not here.
    #[must_use]
    pub const fn client(&self) -> &Docker {
        &self.0
    }

    /// Names of all containers, running or not, for which `keep` holds of name and labels.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn containers(
        &self,
        keep: impl Fn(&str, &[&str]) -> bool,
    ) -> anyhow::Result<Vec<String>> {
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let listed = self
            .0
            .list_containers(Some(all))
            .await
            .context("listing containers")?;
        let names = listed.iter().filter_map(|container| {
            let name = container.names.as_ref()?.first()?.trim_start_matches('/');
            let labels: Vec<&str> = container
                .labels
                .iter()
                .flat_map(|labels| labels.keys().map(String::as_str))
                .collect();
            keep(name, &labels).then(|| name.to_owned())
        });
        Ok(names.collect())
    }

    /// The containers that an agent made for this instance.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn of_instance(&self, id: &str) -> anyhow::Result<Vec<String>> {
        let label = format!("io.firstlight.instance={id}");
        let filters = HashMap::from([("label", vec![label])]);
        let ours = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self.0.list_containers(Some(ours)).await;
        let listed = listed.context("listing containers")?;
        let names = listed
            .into_iter()
            .filter_map(|container| container.names?.into_iter().next());
        Ok(names
            .map(|name| name.trim_start_matches('/').to_owned())
            .collect())
    }

    /// `docker inspect`, or `None` if there is no such container.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn inspect(&self, name: &str) -> anyhow::Result<Option<Value>> {
        match self.0.inspect_container(name, None).await {
            Ok(container) => Ok(Some(serde_json::to_value(container)?)),
            Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("inspecting {name}")),
        }
    }

    /// What a container has written so far.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn logs(&self, name: &str) -> anyhow::Result<String> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut stream = self.0.logs(name, Some(options));
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            text.push_str(
                &piece
                    .with_context(|| format!("reading the logs of {name}"))?
                    .to_string(),
            );
        }
        Ok(text)
    }

    /// Removes a container with its anonymous volumes, running or not; one that is gone already is fine.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        match self.0.remove_container(name, Some(options)).await {
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("removing container {name}")),
        }
    }

    /// Removes a named volume; one that is gone already is fine.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn remove_volume(&self, name: &str) -> anyhow::Result<()> {
        let options = None::<bollard::query_parameters::RemoveVolumeOptions>;
        match self.0.remove_volume(name, options).await {
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("removing volume {name}")),
        }
    }

    /// Removes an image reference; one that is gone or in use is left.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn remove_image(&self, reference: &str) -> anyhow::Result<()> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        match self.0.remove_image(reference, Some(options), None).await {
            Ok(_)
            | Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("removing image {reference}")),
        }
    }

    /// Removes every image reference that begins with this registry's host; images that other references hold stay.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn remove_images_of(&self, host: &str) -> anyhow::Result<()> {
        let listed = self
            .0
            .list_images(None::<bollard::query_parameters::ListImagesOptions>)
            .await
            .context("listing images")?;
        let prefix = format!("{host}/");
        let references = listed
            .into_iter()
            .flat_map(|image| image.repo_tags.into_iter().chain(image.repo_digests));
        for reference in references.filter(|reference| reference.starts_with(&prefix)) {
            self.remove_image(&reference).await?;
        }
        Ok(())
    }

    /// Kills a container as a power cut would, without a word to it.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill(&self, name: &str) -> anyhow::Result<()> {
        let killed = self.0.kill_container(name, None).await;
        killed.with_context(|| format!("killing container {name}"))
    }

    /// Makes a volume and removes it, so that the engine has something to tell.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn touch_volume(&self, name: &str) -> anyhow::Result<()> {
        let volume = VolumeCreateRequest {
            name: Some(name.to_owned()),
            ..VolumeCreateRequest::default()
        };
        let made = self.0.create_volume(volume).await;
        made.with_context(|| format!("making volume {name}"))?;
        let removed = self
            .0
            .remove_volume(name, None::<RemoveVolumeOptions>)
            .await;
        removed.with_context(|| format!("removing volume {name}"))
    }

    /// Removes the launches' network unless containers are on it.
    ///
    /// # Errors
    /// If the engine doesn't answer.
    pub async fn remove_network(&self) -> anyhow::Result<()> {
        match self.0.remove_network(NETWORK).await {
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 403 | 404 | 409,
                ..
            }) => Ok(()),
            Err(error) => Err(error).context("removing the network firstlight"),
        }
    }

    /// Whether the launches' network is there.
    pub async fn has_network(&self) -> bool {
        self.0.inspect_network(NETWORK, None).await.is_ok()
    }
}
