//! Makes, starts or adopts one container.

use super::{
    Launch, adopt,
    adopt::{Labels, Plan},
    create::{self, Given, Network},
    error::WorkloadError,
    files,
    order::Part,
};
use crate::{
    container::{Output, Watched, call},
    context::Context,
    docker::{CallError, Cause},
    image::{Image, Images},
    report::ContainerEvent,
};
use bollard::{
    Docker,
    models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum as Status},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
        StartContainerOptions,
    },
};
use firstlight_userdata::redact::Redactor;
use std::time::Duration;

/// The image's HEALTHCHECK is run at least this often: Docker waits one interval, 30 s by default,
/// before it asks for the first time.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What making a container takes.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) cx: &'a Context,
    pub(super) docker: Docker,
    pub(super) instance: &'a str,
    pub(super) launch: &'a Launch,
    pub(super) digest: &'a str,
    pub(super) images: &'a Images,
    pub(super) redact: Redactor,
}

impl Maker<'_> {
    /// Brings one container to run, whatever was there before. `None`: a task that is finished.
    ///
    /// # Errors
    /// See [`WorkloadError`].
    pub(super) async fn make(
        &self,
        part: &Part<'_>,
        network: Network,
    ) -> Result<Option<Watched>, WorkloadError> {
        let mut taken = None;
        loop {
            let found = self.found(part.name).await?;
            match adopt::decide(&self.labels(part), found.as_ref())? {
                Plan::Create => match self
                    .create(part.name, self.body(part, &network).await?)
                    .await
                {
                    Ok(id) => return self.start(part, id).await,
                    // Our own create was carried out though its answer was lost: look again. Twice
                    // the same is an engine that keeps a name for a container it does not have.
                    Err(error) if error.cause == Cause::NameTaken && taken.is_none() => {
                        taken = Some(error);
                    }
                    Err(error) => return Err(self.refused(part, &error)),
                },
                Plan::Start(id) => return self.start(part, id).await,
                Plan::Adopt(id) => return self.adopt(part, id).await,
                Plan::Ended(id) => return Ok(Some(self.watched(part, id, None, true))),
                Plan::Finished(_) => return Ok(None),
                Plan::Replace(id) => self.remove(part.name, &id).await?,
            }
        }
    }

    /// What the engine finds under a name.
    ///
    /// # Errors
    /// The engine's.
    pub(super) async fn found(
        &self,
        name: &str,
    ) -> Result<Option<ContainerInspectResponse>, WorkloadError> {
        match self.inspect(name).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.cause == Cause::NoSuchContainer => Ok(None),
            Err(error) => Err(self.answered(format!("container {name}"), &error)),
        }
    }

    /// The labels of this launch.
    pub(super) fn labels(&self, part: &Part<'_>) -> Labels {
        Labels {
            instance: self.instance.to_owned(),
            name: part.name.to_owned(),
            kind: part.kind,
            epoch: self.launch.epoch,
            boot: self.launch.boot_id.clone(),
            digest: self.digest.to_owned(),
            depth: part.depth,
        }
    }

    /// The image that was pulled for it.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn image(&self, name: &str) -> Result<&Image, WorkloadError> {
        let image = self.images.get(name);
        image.ok_or_else(|| WorkloadError::NoImage(name.to_owned()))
    }

    /// The engine's answer about one thing, told apart, secrets replaced.
    pub(super) fn answered(&self, what: String, error: &CallError) -> WorkloadError {
        WorkloadError::answered(what, error, self.redact.redact(&error.message))
    }

    async fn body(
        &self,
        part: &Part<'_>,
        network: &Network,
    ) -> Result<ContainerCreateBody, WorkloadError> {
        let image = self.image(part.name)?;
        let check_every = self.check_every(part, image).await;
        let given = Given {
            image: &image.pinned,
            labels: self.labels(part).pairs().collect(),
            files: files::put(self.cx, self.launch, self.digest, part.name, part.container)?,
            network: network.clone(),
            check_every: check_every.map_err(|error| self.refused(part, &error))?,
        };
        Ok(create::body(part, given))
    }

    async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, CallError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = call(self.cx, "docker:create", async || {
            let (options, body) = (options.clone(), body.clone());
            self.docker.create_container(Some(options), body).await
        })
        .await?;
        for warning in created.warnings {
            let message = format!("{name}: {}", self.redact.redact(&warning));
            self.cx.report.warn("docker_warning", &message);
        }
        Ok(created.id)
    }

    /// How often the engine runs the image's HEALTHCHECK: as the image says, if that is more often.
    async fn check_every(
        &self,
        part: &Part<'_>,
        image: &Image,
    ) -> Result<Option<Duration>, CallError> {
        if part.health.is_some() || !image.has_healthcheck {
            return Ok(None);
        }
        let found = call(self.cx, "docker:image inspect", async || {
            self.docker.inspect_image(&image.pinned).await
        })
        .await?;
        let check = found.config.and_then(|config| config.healthcheck);
        let interval = check.and_then(|check| check.interval);
        let interval = interval.and_then(|nanos| u64::try_from(nanos).ok());
        let said = interval
            .filter(|nanos| *nanos > 0)
            .map(Duration::from_nanos);
        Ok(Some(said.unwrap_or(CHECK_EVERY).min(CHECK_EVERY)))
    }

    async fn start(&self, part: &Part<'_>, id: String) -> Result<Option<Watched>, WorkloadError> {
        let output = self
            .attach(&id)
            .await
            .map_err(|error| self.refused(part, &error))?;
        call(self.cx, "docker:start", async || self.start_once(&id).await)
            .await
            .map_err(|error| self.refused(part, &error))?;
        self.cx
            .report
            .container(part.name, &id, ContainerEvent::Started);
        Ok(Some(self.watched(part, id, Some(output), false)))
    }

    /// Starts it unless it has been: a first try that was carried out though its answer was lost must
    /// not run a task twice.
    async fn start_once(&self, id: &str) -> Result<(), bollard::errors::Error> {
        let options = None::<InspectContainerOptions>;
        let state = self.docker.inspect_container(id, options).await?.state;
        if state.and_then(|state| state.status) != Some(Status::CREATED) {
            return Ok(());
        }
        self.docker
            .start_container(id, None::<StartContainerOptions>)
            .await
    }

    async fn adopt(&self, part: &Part<'_>, id: String) -> Result<Option<Watched>, WorkloadError> {
        // From here on; what it said before is the engine's to tell. It may end meanwhile.
        let output = match self.attach(&id).await {
            Ok(output) => Some(output),
            Err(error) if error.cause == Cause::Unreachable => {
                return Err(self.refused(part, &error));
            }
            Err(_) => None,
        };
        self.cx
            .report
            .container(part.name, &id, ContainerEvent::Adopted);
        Ok(Some(self.watched(part, id, output, true)))
    }

    async fn attach(&self, id: &str) -> Result<Output, CallError> {
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = call(self.cx, "docker:attach", async || {
            self.docker
                .attach_container(id, Some(options.clone()))
                .await
        })
        .await?;
        Ok(attached.output)
    }

    async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse, CallError> {
        call(self.cx, "docker:inspect", async || {
            let options = None::<InspectContainerOptions>;
            self.docker.inspect_container(id, options).await
        })
        .await
    }

    fn watched(
        &self,
        part: &Part<'_>,
        id: String,
        output: Option<Output>,
        adopted: bool,
    ) -> Watched {
        let (docker, redact) = (self.docker.clone(), self.redact.clone());
        Watched::new(docker, (part.name, id), part.kind, redact, output, adopted)
    }

    fn refused(&self, part: &Part<'_>, error: &CallError) -> WorkloadError {
        self.answered(format!("{} {}", part.kind.as_str(), part.name), error)
    }
}
