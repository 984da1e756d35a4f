//! What each test stands on: a context, an image, and one launch's names and labels.

use crate::parts::{bind, identity, redactor, shell, spec};
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
    workload::{self, Kept, Launch, Run, Workload, WorkloadError},
};
use firstlight_userdata::spec::*;
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    path::PathBuf,
    process::Command,
    rc::Rc,
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
    root: tempfile::TempDir,
}

impl Stand {
    pub(crate) async fn new() -> Stand {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = tempfile::tempdir().unwrap();
        let timings = Timings {
            settle: Duration::from_millis(500),
            backoff_base: Duration::from_millis(50),
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
            root,
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
        self.run(Run::First).await
    }

    pub(crate) async fn run(&self, run: Run) -> Result<Workload, WorkloadError> {
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
            (&self.launch, run),
            &self.resolution,
            &images,
            healthy,
        )
        .await
    }

    /// What is kept of a launch: with what this process knows of it, or nothing but what is recorded.
    pub(crate) fn kept(&self, known: Option<Workload>) -> Kept {
        Kept {
            launch: Some(self.launch.clone()),
            document: Some(self.document()),
            workload: known.map(Rc::new),
        }
    }

    /// As much of the spec as matters after the verdict.
    fn document(&self) -> String {
        let restart = |restart| match restart {
            Restart::Always => "always",
            Restart::OnFailure => "on-failure",
            Restart::No => "no",
        };
        let service = |(name, service): (&String, &Service<Resolved>)| {
            let mut written = format!("image: example, restart: {:?}", restart(service.restart));
            if let NetworkMode::Service(host) = &service.container.network_mode {
                write!(written, ", network_mode: \"service:{host}\"").unwrap();
            }
            format!("{name:?}: {{{written}}}")
        };
        let spec = &self.resolution.spec;
        let services: Vec<String> = spec.services.iter().map(service).collect();
        let delay = spec.drain.delay.as_millis();
        let services = services.join(", ");
        format!("firstlight: 1\ndrain: {{delay: {delay}ms}}\nservices: {{{services}}}\n")
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

    /// Whether it was started, and has not ended.
    pub(crate) async fn is_running(&self, name: &str) -> bool {
        self.running().await.contains_key(&self.name(name))
    }

    /// How often it was started, as it counts itself in `/data/starts` (see [`counting`]).
    pub(crate) fn starts(&self, name: &str) -> usize {
        let lines = std::fs::read_to_string(self.data(name).join("starts"));
        lines.unwrap_or_default().lines().count()
    }

    fn data(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join("data").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A container that counts its starts, then does this.
    pub(crate) fn counting(&self, name: &str, script: &str) -> Container<Resolved> {
        let source = self.data(name).to_str().unwrap().to_owned();
        Container {
            volumes: vec![bind(&source)],
            ..shell(&format!("echo start >>/data/starts; {script}"))
        }
    }

    /// Kills it, as its own fault would.
    pub(crate) async fn kill(&self, name: &str) {
        let name = self.name(name);
        self.docker.kill_container(&name, None).await.unwrap();
    }

    /// Starts it, as a person would.
    pub(crate) async fn start(&self, name: &str) {
        let name = self.name(name);
        self.docker.start_container(&name, None).await.unwrap();
    }

    /// How many folders of secret files there are, one a transition.
    pub(crate) fn secrets(&self) -> usize {
        let folder = std::fs::read_dir(&self.cx.paths.run);
        folder.map_or(0, Iterator::count)
    }

    /// When each ended, as text that sorts.
    pub(crate) async fn ended(&self) -> BTreeMap<String, String> {
        let mut ended = BTreeMap::new();
        for (name, id) in self.containers().await {
            let state = self.inspect(&id).await.unwrap().state.unwrap();
            ended.insert(name, state.finished_at.unwrap());
        }
        ended
    }

    /// The network namespace of a container that runs; one that does not has none.
    pub(crate) async fn network(&self, name: &str) -> Option<PathBuf> {
        let pid = self.inspect(&self.name(name)).await?.state?.pid?;
        std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()
    }

    /// Whether both run, in one network.
    pub(crate) async fn share_a_network(&self, one: &str, other: &str) -> bool {
        let (one, other) = (self.network(one).await, self.network(other).await);
        one.is_some() && one == other
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

/// Waits until that is so.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Deadline::after(Duration::from_secs(30));
    while !is_so().await {
        assert!(!deadline.passed(), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
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
