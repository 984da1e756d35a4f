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
    container::{self, Output, Watched, call, patiently},
    context::Context,
    docker::{CallError, Cause},
    image::{Image, Images},
    report::ContainerEvent,
    retry::Class,
};
use bollard::{
    Docker,
    models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum as Status},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, StartContainerOptions,
    },
};
use firstlight_userdata::redact::Redactor;
use std::sync::Arc;

/// What making a container takes.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) cx: &'a Context,
    pub(super) docker: Docker,
    pub(super) instance: &'a str,
    pub(super) ami: &'a str,
    pub(super) launch: &'a Launch,
    pub(super) digest: &'a str,
    pub(super) images: &'a Images,
    pub(super) redact: Arc<Redactor>,
    /// Started again after the verdict: how something ended before is not how this launch goes.
    pub(super) again: bool,
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
        let mut taken = 0;
        loop {
            let found = self.found(part.name).await?;
            match adopt::decide(&self.labels(part), found.as_ref())? {
                Plan::Create => match self
                    .create(part.name, self.body(part, &network).await?)
                    .await
                {
                    Ok(id) => return self.start(part, id).await,
                    // Our own create was carried out though its answer was lost, or still is: the
                    // engine keeps the name for a container that it does not show yet.
                    Err(error) if error.cause == Cause::NameTaken => {
                        taken += 1;
                        self.look_again(part, taken, &error).await;
                    }
                    Err(error) => return Err(self.refused(part, &error)),
                },
                Plan::Start(id) => return self.start(part, id).await,
                Plan::Adopt(id) => return self.adopt(part, id).await,
                Plan::Ended(id) if self.again => self.remove(part.name, &id).await?,
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
            ami: self.ami.to_owned(),
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

    /// Waits before the next look at a name that is taken. Whoever waits for the container ends it.
    async fn look_again(&self, part: &Part<'_>, times: u32, error: &CallError) {
        let message = format!("{}: {}", part.name, self.redact.redact(&error.message));
        let (class, left) = (Class::Transient, self.cx.deadline.remaining());
        self.cx
            .report
            .retrying("docker:create", class, times, &message, left);
        tokio::time::sleep(self.cx.timings.engine_backoff().bound(times)).await;
    }

    async fn body(
        &self,
        part: &Part<'_>,
        network: &Network,
    ) -> Result<ContainerCreateBody, WorkloadError> {
        let image = self.image(part.name)?;
        let given = Given {
            image: &image.pinned,
            labels: self.labels(part).pairs().collect(),
            files: files::put(self.cx, self.launch, self.digest, part.name, part.container)?,
            network: network.clone(),
        };
        Ok(create::body(part, given))
    }

    async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, CallError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        // A new volume gets a copy of what the image has in its place.
        let created = patiently(self.cx, "docker:create", async || {
            let (options, body) = (options.clone(), body.clone());
            let created = self.docker.create_container(Some(options), body).await;
            created.map_err(CallError::from)
        })
        .await?;
        for warning in created.warnings {
            let message = format!("{name}: {}", self.redact.redact(&warning));
            self.cx.report.warn("docker_warning", &message);
        }
        Ok(created.id)
    }

    async fn start(&self, part: &Part<'_>, id: String) -> Result<Option<Watched>, WorkloadError> {
        let output = self
            .attach(&id)
            .await
            .map_err(|error| self.refused(part, &error))?;
        patiently(self.cx, "docker:start", async || {
            self.start_once(&id).await.map_err(CallError::from)
        })
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
        container::attach(self.cx, &self.docker, id).await
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
        let (docker, redact) = (self.docker.clone(), Arc::clone(&self.redact));
        Watched::new(docker, (part.name, id), part.kind, redact, output, adopted)
    }

    fn refused(&self, part: &Part<'_>, error: &CallError) -> WorkloadError {
        self.answered(format!("{} {}", part.kind.as_str(), part.name), error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{super::example, *};
    use crate::{
        docker::fake::{Answer, Fake},
        workload::order,
    };
    use std::time::Duration;

    /// Makes a service named web, to the error that ends it.
    async fn made(engine: &Fake) -> WorkloadError {
        let mut spec = example::spec();
        let service = example::service(example::container());
        spec.services.insert("web".into(), service);
        let image = Image {
            reference: "example".into(),
            pinned: "example@sha256:00".into(),
            has_healthcheck: false,
        };
        let maker = Maker {
            cx: &engine.cx,
            docker: engine.docker.clone(),
            instance: "i-1",
            ami: "ami-1",
            launch: &Launch {
                epoch: 1,
                boot_id: "boot".into(),
            },
            digest: "digest",
            images: &Images::from([("web".to_owned(), image)]),
            redact: Arc::default(),
            again: false,
        };
        let parts = order::plan(&spec);
        maker
            .make(parts.first().unwrap(), Network::Bridge)
            .await
            .unwrap_err()
    }

    const ABSENT: Answer = Answer::Say(404, r#"{"message":"No such container: web"}"#);
    const ENOUGH: &str = r#"{"message":"enough"}"#;
    const LOOK: &str = "GET /containers/web/json";
    const CREATE: &str = "POST /containers/create";

    #[tokio::test]
    async fn a_name_without_a_container_is_waited_for() {
        let taken = r#"{"message":"Conflict. The container name \"/web\" is already in use by container \"5f0b\"."}"#;
        let engine = Fake::new(Duration::from_secs(60), move |call, nth| {
            match (call, nth) {
                (CREATE, 1..4) => Answer::Say(409, taken),
                (CREATE, _) => Answer::Say(500, ENOUGH),
                _ => ABSENT,
            }
        })
        .await;
        let error = made(&engine).await;
        assert!(error.to_string().contains("enough"), "{error}");
        assert_eq!(engine.asked(), [[LOOK, CREATE]; 4].concat());
    }

    #[tokio::test]
    async fn a_create_may_take_its_time() {
        let engine = Fake::new(Duration::from_secs(60), |call, _| match call {
            CREATE => Answer::Late(Duration::from_secs(1), 500, ENOUGH),
            _ => ABSENT,
        })
        .await;
        assert!(engine.cx.timings.docker_attempt < Duration::from_secs(1));
        let error = made(&engine).await;
        assert!(error.to_string().contains("enough"), "{error}");
        assert_eq!(engine.asked(), [LOOK, CREATE]);
    }
}
