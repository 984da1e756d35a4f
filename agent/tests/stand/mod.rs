//! What each test stands on: a context, an image, and one launch's names and labels.

use bollard::{
    Docker,
    models::{ContainerCreateBody, ContainerInspectResponse},
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};
use firstlight::{
    context::{Context, Deadline, Paths, Timings},
    health,
    image::Image,
    imds::{Identity, Imds},
    references::Resolution,
    report::Report,
    workload::{self, Launch, Workload, WorkloadError},
};
use firstlight_userdata::{redact::Redactor, resolve::Text, spec::*, value::ImageRef};
use std::{
    collections::{BTreeMap, HashMap},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const INSTANCE: &str = "io.firstlight.instance";

pub(crate) struct Stand {
    pub(crate) cx: Context,
    pub(crate) me: Identity,
    pub(crate) launch: Launch,
    pub(crate) resolution: Resolution,
    docker: Docker,
    _root: tempfile::TempDir,
}

impl Stand {
    pub(crate) async fn new() -> Stand {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = tempfile::tempdir().unwrap();
        let timings = Timings {
            settle: Duration::from_millis(500),
            ..Timings::default()
        };
        let report = Report::default();
        let cx = Context {
            paths: Paths::below(root.path()),
            imds: Imds::from_env(&timings, &report),
            timings,
            deadline: Deadline::after(Duration::from_secs(60)),
            began: tokio::time::Instant::now(),
            aws: aws_config::SdkConfig::builder().build(),
            report,
        };
        Stand {
            me: identity(format!("i-test{}x{number}", std::process::id())),
            launch: Launch {
                epoch: 1,
                boot_id: "boot-1".into(),
            },
            resolution: Resolution {
                spec: spec(),
                versions: BTreeMap::new(),
                digest: "d1".into(),
                redactor: redactor().into(),
            },
            docker: firstlight::docker::engine(&cx).await.unwrap(),
            cx,
            _root: root,
        }
    }

    /// A name that no other test has.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.me.instance_id)
    }

    pub(crate) fn service(
        &mut self,
        name: &str,
        container: Container<Resolved>,
        health: Option<Health>,
    ) {
        let service = Service {
            container,
            health,
            restart: Restart::Always,
        };
        self.resolution
            .spec
            .services
            .insert(self.name(name), service);
    }

    pub(crate) fn task(&mut self, name: &str, container: Container<Resolved>) {
        let task = Task {
            container,
            timeout: None,
        };
        self.resolution.spec.tasks.insert(self.name(name), task);
    }

    pub(crate) async fn launch(&self) -> Result<Workload, WorkloadError> {
        let (cx, spec) = (&self.cx, &self.resolution.spec);
        let image = Image {
            reference: "busybox".into(),
            pinned: image().to_owned(),
            has_healthcheck: false,
        };
        let names = spec.services.keys().chain(spec.tasks.keys());
        let images = names.map(|name| (name.clone(), image.clone())).collect();
        let healthy = async |running: &workload::Running| health::wait_one(cx, running).await;
        workload::ensure(
            cx,
            &self.me,
            &self.launch,
            &self.resolution,
            &images,
            healthy,
        )
        .await
    }

    /// The context with little time left.
    pub(crate) fn soon(&self) -> Context {
        Context {
            deadline: Deadline::after(Duration::from_secs(3)),
            ..self.cx.clone()
        }
    }

    /// Our containers: name to id.
    pub(crate) async fn containers(&self) -> BTreeMap<String, String> {
        self.listed(true).await
    }

    pub(crate) async fn running(&self) -> BTreeMap<String, String> {
        self.listed(false).await
    }

    async fn listed(&self, all: bool) -> BTreeMap<String, String> {
        let label = format!("{INSTANCE}={}", self.me.instance_id);
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new()
            .all(all)
            .filters(&filters)
            .build();
        let found = self.docker.list_containers(Some(options)).await.unwrap();
        let name =
            |names: Option<Vec<String>>| names.unwrap()[0].trim_start_matches('/').to_owned();
        found
            .into_iter()
            .map(|found| (name(found.names), found.id.unwrap()))
            .collect()
    }

    /// When each was started, as text that sorts.
    pub(crate) async fn started(&self) -> BTreeMap<String, String> {
        let mut started = BTreeMap::new();
        for (name, id) in self.containers().await {
            let state = self.inspect(&id).await.unwrap().state.unwrap();
            started.insert(name, state.started_at.unwrap());
        }
        started
    }

    /// Puts a container back to where it is when the agent is killed between making and starting it.
    pub(crate) async fn made_not_started(&self, name: &str) -> String {
        let name = self.name(name);
        let found = self.inspect(&name).await.unwrap();
        let config = found.config.unwrap();
        self.remove(&name).await;
        let body = ContainerCreateBody {
            image: config.image,
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            labels: config.labels,
            ..ContainerCreateBody::default()
        };
        self.create(&name, body).await
    }

    /// A container that firstlight did not make.
    pub(crate) async fn foreign(&self, name: &str) -> String {
        let body = ContainerCreateBody {
            image: Some(image().to_owned()),
            cmd: Some(vec!["true".into()]),
            ..ContainerCreateBody::default()
        };
        self.create(&self.name(name), body).await
    }

    async fn create(&self, name: &str, body: ContainerCreateBody) -> String {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.docker
            .create_container(Some(options), body)
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn exists(&self, id: &str) -> bool {
        self.inspect(id).await.is_some()
    }

    pub(crate) async fn exit_code(&self, name: &str) -> i64 {
        let found = self.inspect(&self.name(name)).await.unwrap();
        found.state.unwrap().exit_code.unwrap()
    }

    async fn inspect(&self, id: &str) -> Option<ContainerInspectResponse> {
        self.docker.inspect_container(id, None).await.ok()
    }

    pub(crate) async fn remove(&self, id: &str) {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        self.docker
            .remove_container(id, Some(options))
            .await
            .unwrap();
    }

    /// Removes what this test made, and nothing else.
    pub(crate) async fn clean(self) {
        for id in self.containers().await.values() {
            self.remove(id).await;
        }
    }
}

pub(crate) fn shell(script: &str) -> Container<Resolved> {
    Container {
        command: Some(["/bin/sh", "-c", script].map(Text::plain).to_vec()),
        stop_grace_period: Duration::from_secs(1),
        ..container()
    }
}

pub(crate) fn health(probe: Probe) -> Health {
    Health {
        probe,
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(2),
        healthy_threshold: 2,
    }
}

pub(crate) fn http(port: u16, path: &str) -> Probe {
    Probe::Http(HttpProbe {
        port,
        path: path.to_owned(),
        matcher: vec![(200, 200)],
    })
}

pub(crate) fn command(script: &str) -> Probe {
    Probe::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

pub(crate) fn file(content: &str, mode: u32) -> File<Resolved> {
    File {
        content: Text::secret(content),
        encoding: Encoding::Text,
        mode,
        uid: 0,
        gid: 0,
    }
}

pub(crate) fn bind(source: &str) -> Volume {
    Volume {
        source: VolumeSource::Bind(source.to_owned()),
        target: "/data".to_owned(),
        read_only: false,
    }
}

/// An image of busybox alone, by id; the same each time, so that it is made once.
fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let script = r#"set -eu
            root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
            mkdir "$root/bin" "$root/etc" "$root/tmp" "$root/www"; cp "$(command -v busybox)" "$root/bin/busybox"
            # Debian has a linked one too; ldd fails on the static one.
            for library in $(ldd "$root/bin/busybox" 2>/dev/null | grep -o '/[^ )]*'); do cp --parents "$library" "$root"; done
            for name in sh httpd sleep cat echo true test touch nslookup; do ln -s busybox "$root/bin/$name"; done
            tar -C "$root" --sort=name --mtime=@0 -c . | docker import --change 'ENV PATH=/bin' - firstlight-test-busybox"#;
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// Knows the secrets that tests give out.
fn redactor() -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add("ssm:/password", "hunter2");
    redactor
}

fn identity(instance_id: String) -> Identity {
    Identity {
        instance_id,
        image_id: "ami-1".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        availability_zone: "eu-west-1a".into(),
        instance_type: "c7g.large".into(),
        architecture: "x86_64".into(),
    }
}

fn spec() -> Spec<Resolved> {
    Spec {
        timeout: Duration::from_secs(900),
        registries: BTreeMap::new(),
        services: BTreeMap::new(),
        tasks: BTreeMap::new(),
        signal: Signal {
            group: None,
            launching: vec![],
            terminating: vec![],
            cloudformation: None,
        },
        drain: Drain {
            on: vec![],
            delay: Duration::ZERO,
        },
        diagnostics: None,
        when_service_dies: WhenServiceDies::Report,
        document: String::new(),
    }
}

fn container() -> Container<Resolved> {
    Container {
        image: ImageRef::parse("example").unwrap(),
        pull_policy: None,
        entrypoint: None,
        command: None,
        user: None,
        environment_from: (),
        environment: BTreeMap::new(),
        files: BTreeMap::new(),
        depends_on: vec![],
        ports: vec![],
        volumes: vec![],
        tmpfs: vec![],
        read_only: false,
        working_dir: None,
        hostname: None,
        extra_hosts: vec![],
        labels: BTreeMap::new(),
        devices: vec![],
        gpus: None,
        nano_cpus: None,
        mem_limit: None,
        pids_limit: None,
        shm_size: None,
        ulimits: BTreeMap::new(),
        sysctls: BTreeMap::new(),
        network_mode: NetworkMode::Bridge,
        init: None,
        cap_add: vec![],
        cap_drop: vec![],
        security_opt: vec![],
        group_add: vec![],
        stop_signal: None,
        stop_grace_period: Duration::from_secs(10),
        logging: None,
    }
}
