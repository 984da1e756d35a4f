//! The top level, services and tasks, and whom to tell.

use super::{
    collection::{self, Distinct, List, Map, Merged, OneOrList, RegistryHost},
    compose, container,
    health::HealthRecord,
    keys::{Keys, Record},
    scalar::{Delay, Name, OneOf, Time},
    text::{Named, S3Url, Secret},
};
use crate::spec::{
    CloudFormation, Drain, DrainOn, Registry, Restart, Service, Signal, Spec, Task, Unresolved,
    WhenServiceDies,
};

/// The document, without what `sources` took out of it.
pub(super) struct Top;
impl Record for Top {
    type Value = Spec<Unresolved>;
    const MERGES: bool = true;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Spec<Unresolved>> {
        let timeout = keys.or::<Time>(
            "timeout",
            "15m",
            "everything up to the verdict, from the agent's first start",
        );
        let registries = keys.take::<Merged<Map<RegistryHost, RegistryRecord>>>(
            "registries",
            "credentials by registry host; ECR needs none",
        );
        let services = keys.take::<Merged<Map<collection::Container, ServiceRecord>>>(
            "services",
            "what runs until the end, by name",
        );
        let tasks = keys.take::<Merged<Map<collection::Container, TaskRecord>>>(
            "tasks",
            "what runs to completion before the verdict, by name",
        );
        let signal = keys.take::<SignalRecord>("signal", "whom to tell");
        let drain = keys.take::<DrainRecord>("drain", "when and how to drain");
        let diagnostics = keys.take::<S3Url>(
            "diagnostics",
            "where evidence goes before an ABANDON: `s3://bucket/prefix/`",
        );
        let when_service_dies = keys.or::<OneOf<WhenServiceDies>>(
            "when_service_dies",
            "report",
            "what to do about a service that keeps dying",
        );
        Some(Spec {
            timeout: timeout?,
            registries: registries.unwrap_or_default(),
            services: services.unwrap_or_default(),
            tasks: tasks.unwrap_or_default(),
            signal: signal.unwrap_or_else(|| Signal {
                group: None,
                launching: Vec::new(),
                terminating: Vec::new(),
                cloudformation: None,
            }),
            drain: drain.unwrap_or_else(|| Drain {
                on: DEFAULT_DRAIN.to_vec(),
                delay: std::time::Duration::ZERO,
            }),
            diagnostics,
            when_service_dies: when_service_dies?,
            document: String::new(),
        })
    }
    fn advice(key: &str) -> Option<&'static str> {
        compose::top(key)
    }
}

const DEFAULT_DRAIN: [DrainOn; 2] = [DrainOn::Terminate, DrainOn::Spot];

struct RegistryRecord;
impl Record for RegistryRecord {
    type Value = Registry<Unresolved>;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Registry<Unresolved>> {
        let username = keys.required::<Secret>("username", "the user's name");
        let password = keys.required::<Secret>("password", "the password or token");
        Some(Registry {
            username: username?,
            password: password?,
        })
    }
}

struct ServiceRecord;
impl Record for ServiceRecord {
    type Value = Service<Unresolved>;
    const MERGES: bool = true;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Service<Unresolved>> {
        let container = container::container(keys);
        let ports = container::ports(keys);
        let health = keys.take::<HealthRecord>(
            "health",
            "when it counts as healthy; by default the image's HEALTHCHECK, else running for 10 s",
        );
        let restart = keys.or::<OneOf<Restart>>(
            "restart",
            "always",
            "what the agent does when it exits after the verdict",
        );
        let container = container.map(|container| crate::spec::Container { ports, ..container });
        Some(Service {
            container: container?,
            health,
            restart: restart?,
        })
    }
    fn advice(key: &str) -> Option<&'static str> {
        match key {
            "extends" => {
                Some("only a task extends a service; YAML anchors share keys between services")
            }
            "timeout" => {
                Some("a task has a timeout; a service has `health` and the launch's `timeout`")
            }
            key => container::advice(key),
        }
    }
}

struct TaskRecord;
impl Record for TaskRecord {
    type Value = Task<Unresolved>;
    const MERGES: bool = true;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Task<Unresolved>> {
        let container = container::container(keys);
        // `extends` did its work before; here it is only declared.
        keys.take::<Name>(
            "extends",
            "the service whose keys it takes, less `ports`, `health`, `restart` and `depends_on`",
        );
        let timeout = keys.take::<Time>(
            "timeout",
            "how long it may run; by default what remains of the launch's time",
        );
        Some(Task {
            container: container?,
            timeout,
        })
    }
    fn advice(key: &str) -> Option<&'static str> {
        match key {
            "ports" => Some("a task publishes no ports"),
            "health" | "healthcheck" => Some("a task is done when it exits 0"),
            "restart" => Some("a task runs once; what fails in it fails the launch"),
            key => container::advice(key),
        }
    }
}

struct SignalRecord;
impl Record for SignalRecord {
    type Value = Signal<Unresolved>;
    const MERGES: bool = true;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Signal<Unresolved>> {
        Some(Signal {
            group: keys.take::<Named>("group", "the group's name; by default the instance's own"),
            launching: keys
                .take::<Distinct<OneOrList<Named>>>(
                    "launching",
                    "launch hook, or a list; by default the group's only one",
                )
                .unwrap_or_default(),
            terminating: keys
                .take::<Distinct<OneOrList<Named>>>(
                    "terminating",
                    "terminate hook, or a list; by default the group's only one",
                )
                .unwrap_or_default(),
            cloudformation: keys.take::<CloudFormationRecord>(
                "cloudformation",
                "a resource that waits for a signal",
            ),
        })
    }
}

struct CloudFormationRecord;
impl Record for CloudFormationRecord {
    type Value = CloudFormation<Unresolved>;
    fn read(keys: &mut Keys<'_, '_>) -> Option<CloudFormation<Unresolved>> {
        let stack = keys.required::<Named>("stack", "the stack's name or id");
        let resource = keys.required::<Named>("resource", "the resource's logical id");
        Some(CloudFormation {
            stack: stack?,
            resource: resource?,
        })
    }
}

struct DrainRecord;
impl Record for DrainRecord {
    type Value = Drain;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Drain> {
        let on = keys
            .take::<List<OneOf<DrainOn>>>("on", "what starts it; by default `[terminate, spot]`");
        let delay = keys.or::<Delay>(
            "delay",
            "0s",
            "how long to keep serving after `rebalance` or `maintenance`, and where the group's state can't be read",
        );
        Some(Drain {
            on: on.unwrap_or_else(|| DEFAULT_DRAIN.to_vec()),
            delay: delay?,
        })
    }
}
