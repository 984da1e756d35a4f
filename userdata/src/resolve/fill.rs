//! The walk over every string of a spec, once to list what to fetch and once to put it in.

use super::{
    Text, Values,
    text::{Place, closed, open},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span},
    reference::{Target, Template},
    spec::{
        CloudFormation, Container, Encoding, File, Logging, Registry, Resolved, Service, Signal,
        Spec, Task, Unresolved,
    },
    value::name,
};
use std::collections::{BTreeMap, BTreeSet};

/// The kernel's limit for one argument or variable, its end included (MAX_ARG_STRLEN, execve(2)).
const LONGEST_STRING: usize = 128 * 1024;

/// What the walk carries along.
pub(super) struct Filler<'a> {
    /// `None` while only listing what to fetch: nothing is a problem then.
    pub(super) values: Option<&'a Values>,
    pub(super) wanted: BTreeSet<Target>,
    pub(super) problems: Diagnostics,
}

/// What a walk wants fetched, de-duplicated and sorted.
pub(super) fn listed(walk: impl FnOnce(&mut Filler<'_>)) -> Vec<Target> {
    let mut filler = Filler {
        values: None,
        wanted: BTreeSet::new(),
        problems: Diagnostics::default(),
    };
    walk(&mut filler);
    filler.wanted.into_iter().collect()
}

/// What a walk makes of the values, or everything that is wrong with them.
pub(super) fn filled<T>(
    values: &Values,
    walk: impl FnOnce(&mut Filler<'_>) -> Option<T>,
) -> Result<T, Diagnostics> {
    let mut filler = Filler {
        values: Some(values),
        wanted: BTreeSet::new(),
        problems: Diagnostics::default(),
    };
    match walk(&mut filler) {
        Some(filled) if filler.problems.is_empty() => Ok(filled),
        Some(_) | None => Err(filler.problems),
    }
}

impl Filler<'_> {
    pub(super) fn spec(&mut self, spec: &Spec<Unresolved>) -> Option<Spec<Resolved>> {
        let registries = spec
            .registries
            .iter()
            .map(|(host, registry)| (host.clone(), self.registry(registry)))
            .collect();
        let services: Vec<_> = spec
            .services
            .iter()
            .map(|(name, service)| (name, self.service(service)))
            .collect();
        let tasks: Vec<_> = spec
            .tasks
            .iter()
            .map(|(name, task)| (name, self.task(task)))
            .collect();
        Some(Spec {
            timeout: spec.timeout,
            registries,
            signal: self.signal(&spec.signal),
            drain: spec.drain.clone(),
            diagnostics: self.diagnostics(spec),
            when_service_dies: spec.when_service_dies,
            document: spec.document.clone(),
            services: services
                .into_iter()
                .map(|(name, service)| Some((name.clone(), service?)))
                .collect::<Option<_>>()?,
            tasks: tasks
                .into_iter()
                .map(|(name, task)| Some((name.clone(), task?)))
                .collect::<Option<_>>()?,
        })
    }

    pub(super) fn registry(&mut self, registry: &Registry<Unresolved>) -> Registry<Resolved> {
        Registry {
            username: self.text(&registry.username, closed("registries")),
            password: self.text(&registry.password, closed("registries")),
        }
    }

    pub(super) fn diagnostics(&mut self, spec: &Spec<Unresolved>) -> Option<Text> {
        let written = spec.diagnostics.as_ref()?;
        Some(self.text(written, open("diagnostics")))
    }

    fn service(&mut self, service: &Service<Unresolved>) -> Option<Service<Resolved>> {
        let container = self.container(&service.container);
        Some(Service {
            container: container?,
            health: service.health.clone(),
            restart: service.restart,
        })
    }

    fn task(&mut self, task: &Task<Unresolved>) -> Option<Task<Resolved>> {
        Some(Task {
            container: self.container(&task.container)?,
            timeout: task.timeout,
        })
    }

    pub(super) fn signal(&mut self, signal: &Signal<Unresolved>) -> Signal<Resolved> {
        Signal {
            group: signal
                .group
                .as_ref()
                .map(|text| self.text(text, open("signal"))),
            launching: self.texts(&signal.launching, open("signal")),
            terminating: self.texts(&signal.terminating, open("signal")),
            cloudformation: signal
                .cloudformation
                .as_ref()
                .map(|resource| CloudFormation {
                    stack: self.text(&resource.stack, open("signal")),
                    resource: self.text(&resource.resource, open("signal")),
                }),
        }
    }

    /// `None` when the image does not fit; everything else is filled and checked all the same.
    fn container(&mut self, container: &Container<Unresolved>) -> Option<Container<Resolved>> {
        let image = self.image(&container.image);
        let environment = self.environment(container);
        Some(Container {
            entrypoint: container
                .entrypoint
                .as_ref()
                .map(|words| self.arguments(words, open("entrypoint"))),
            command: container
                .command
                .as_ref()
                .map(|words| self.arguments(words, open("command"))),
            environment_from: (),
            environment,
            files: container
                .files
                .iter()
                .map(|(path, file)| (path.clone(), self.file(file)))
                .collect(),
            hostname: container.hostname.as_ref().map(|text| self.hostname(text)),
            extra_hosts: self.texts(&container.extra_hosts, open("extra_hosts")),
            labels: self.map(&container.labels, open("labels")),
            logging: container.logging.as_ref().map(|logging| Logging {
                driver: logging.driver.clone(),
                options: self.map(&logging.options, open("logging.options")),
            }),
            pull_policy: container.pull_policy,
            user: container.user.clone(),
            depends_on: container.depends_on.clone(),
            ports: container.ports.clone(),
            volumes: container.volumes.clone(),
            tmpfs: container.tmpfs.clone(),
            read_only: container.read_only,
            working_dir: container.working_dir.clone(),
            devices: container.devices.clone(),
            gpus: container.gpus,
            nano_cpus: container.nano_cpus,
            mem_limit: container.mem_limit,
            pids_limit: container.pids_limit,
            shm_size: container.shm_size,
            ulimits: container.ulimits.clone(),
            sysctls: container.sysctls.clone(),
            network_mode: container.network_mode.clone(),
            init: container.init,
            cap_add: container.cap_add.clone(),
            cap_drop: container.cap_drop.clone(),
            security_opt: container.security_opt.clone(),
            group_add: container.group_add.clone(),
            stop_signal: container.stop_signal.clone(),
            stop_grace_period: container.stop_grace_period,
            image: image?,
        })
    }

    fn environment(&mut self, container: &Container<Unresolved>) -> BTreeMap<String, Text> {
        let mut own = BTreeMap::new();
        for (name, template) in &container.environment {
            let text = self.text(template, closed("environment"));
            self.check_variable(name, &text, &template.span);
            own.insert(name.clone(), text);
        }
        let mut all = self.environment_from(&container.environment_from, &own);
        all.extend(own);
        all
    }

    fn arguments(&mut self, words: &[Template], place: Place) -> Vec<Text> {
        let texts = self.texts(words, place);
        for (text, template) in texts.iter().zip(words) {
            if text.expose().len() >= LONGEST_STRING {
                let problem = format!(
                    "an argument in `{}` is longer than the kernel's {LONGEST_STRING} bytes",
                    place.key
                );
                self.problems
                    .push(Diagnostic::at(&template.span, problem).hint("put it into `files`"));
            }
        }
        texts
    }

    /// Docker and the kernel would refuse it later, and less clearly.
    pub(super) fn check_variable(&mut self, name: &str, text: &Text, span: &Span) {
        let value = text.expose();
        if value.contains('\0') {
            self.problems.push(
                Diagnostic::at(span, format!("the value of `{name}` holds a NUL byte"))
                    .hint("put it into `files`"),
            );
        }
        if name.len() + value.len() + 2 > LONGEST_STRING {
            let problem = format!(
                "`{name}` and its value are longer than the kernel's {LONGEST_STRING} bytes"
            );
            self.problems
                .push(Diagnostic::at(span, problem).hint("put it into `files`"));
        }
    }

    fn file(&mut self, file: &File<Unresolved>) -> File<Resolved> {
        let content = self.text(&file.content, closed("files"));
        if file.encoding == Encoding::Base64 && file.encoding.decode(content.expose()).is_err() {
            self.problems.push(Diagnostic::at(
                &file.content.span,
                "the content is not base64, as `encoding` says it is",
            ));
        }
        File {
            content,
            encoding: file.encoding,
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
        }
    }

    fn hostname(&mut self, template: &Template) -> Text {
        let text = self.text(template, open("hostname"));
        if self.values.is_some()
            && let Err(complaint) = name::host(text.expose())
        {
            self.problems.push(complaint.at(&template.span));
        }
        text
    }
}
