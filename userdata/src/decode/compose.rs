//! Keys of Docker Compose that are not taken, each with what to write instead.
//!
//! The list follows the Compose specification's services element.

/// At the top level.
pub(super) fn top(key: &str) -> Option<&'static str> {
    Some(match key {
        "version" => "write `firstlight: 1`; Compose's `version` means nothing here",
        "name" => "containers are named after their services; leave it out",
        "volumes" => "named volumes are made when a service names them; leave it out",
        "networks" => "containers share the network `firstlight`; leave it out",
        "secrets" | "configs" => "put the content into the service's `files`",
        "include" => "it was read already",
        "service" => "did you mean `services`?",
        "task" | "jobs" => "did you mean `tasks`?",
        "registry" | "auths" => "did you mean `registries`?",
        "image" | "command" | "environment" | "ports" | "files" | "health" | "healthcheck" => {
            "it belongs to a service: `services: {NAME: {…}}`"
        }
        _ => return None,
    })
}

/// In a service or task.
pub(super) fn container(key: &str) -> Option<&'static str> {
    Some(match key {
        "annotations" => "use `labels`",
        "attach" | "stdin_open" | "tty" => {
            "nobody is at a terminal when an instance launches; leave it out"
        }
        "blkio_config" | "cpu_count" | "cpu_percent" | "cpu_period" | "cpu_quota"
        | "cpu_rt_period" | "cpu_rt_runtime" | "cpu_shares" | "cpuset" => "use `cpus`",
        "build" | "dockerfile" => "build the image before, and name it in `image`",
        "cap-add" => "did you mean `cap_add`?",
        "cgroup" | "cgroup_parent" | "isolation" | "runtime" | "platform" | "storage_opt"
        | "userns_mode" | "uts" | "ipc" | "pid" => {
            "it is not taken; set it for the whole engine in /etc/docker/daemon.json, where that is possible"
        }
        "configs" | "secrets" | "secret" | "config" => {
            "use `files`: `files: {/run/secrets/NAME: {content: \"{{ssm:/…}}\"}}`"
        }
        "container_name" => "a container is named after its service; leave it out",
        "cpu" | "cpu_limit" => "use `cpus`",
        "credential_spec" => "it is for Windows; leave it out",
        "deploy" => {
            "use `cpus`, `mem_limit`, `pids_limit` and `gpus`; the Auto Scaling group makes the replicas"
        }
        "develop" | "profiles" | "post_start" | "pre_stop" | "provider" | "models" | "scale"
        | "replicas" => "it is for developing with Compose; leave it out",
        "device_cgroup_rules" => "use `devices`",
        "dns" | "dns_opt" | "dns_search" | "domainname" | "mac_address" => {
            "the engine's settings hold; use `extra_hosts` for single names"
        }
        "driver_opts" | "expose" | "external_links" | "links" | "networks" => {
            "containers share the network `firstlight` and find each other by name; leave it out"
        }
        "env" => "use `environment`",
        "env_file" | "envFrom" | "environmentFrom" => "use `environment_from`",
        "extends" => "only a task extends a service",
        "gpu" => "use `gpus`",
        "health_check" | "healthcheck" | "readiness" => {
            "use `health`: `health: {http: {port: 80, path: /}}`, or `tcp` or `command`"
        }
        "label_file" => "use `labels`",
        "log_driver" | "log_opt" => "use `logging`: `logging: {driver: …, options: {…}}`",
        "mem_reservation" | "mem_swappiness" | "memswap_limit" | "memory" | "mem"
        | "oom_kill_disable" | "oom_score_adj" => "use `mem_limit`",
        "mounts" | "volume" | "volumes_from" => "use `volumes`",
        "privileged" => "name what it needs in `cap_add`, `devices` and `security_opt`",
        "pull" => "use `pull_policy`",
        "restart_policy" => "use `restart`: `always`, `on-failure` or `no`",
        "use_api_socket" => {
            "mount the engine's socket with `volumes` if the service is to be root on the instance"
        }
        "volume_driver" => "mount the file system on the instance, and bind it with `volumes`",
        "workdir" | "cwd" => "use `working_dir`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Every attribute of Compose's services element that firstlight does not take
    /// (compose-spec, 05-services.md).
    const NOT_TAKEN: [&str; 67] = [
        "annotations",
        "attach",
        "blkio_config",
        "build",
        "cgroup",
        "cgroup_parent",
        "configs",
        "container_name",
        "cpu_count",
        "cpu_percent",
        "cpu_period",
        "cpu_quota",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "cpu_shares",
        "cpuset",
        "credential_spec",
        "deploy",
        "develop",
        "device_cgroup_rules",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "driver_opts",
        "env_file",
        "expose",
        "extends",
        "external_links",
        "healthcheck",
        "ipc",
        "isolation",
        "label_file",
        "links",
        "mac_address",
        "mem_reservation",
        "mem_swappiness",
        "memswap_limit",
        "models",
        "networks",
        "oom_kill_disable",
        "oom_score_adj",
        "pid",
        "platform",
        "post_start",
        "pre_stop",
        "privileged",
        "profiles",
        "provider",
        "runtime",
        "scale",
        "secrets",
        "stdin_open",
        "storage_opt",
        "tty",
        "use_api_socket",
        "userns_mode",
        "uts",
        "volumes_from",
        "volume_driver",
        "env",
        "cpu",
        "gpu",
        "log_driver",
        "log_opt",
        "restart_policy",
        "dockerfile",
    ];

    #[test]
    fn every_compose_key_has_its_own_hint() {
        for key in NOT_TAKEN {
            assert!(container(key).is_some(), "{key}");
        }
        assert!(container("environment").is_none());
        for key in [
            "version", "name", "volumes", "networks", "secrets", "configs",
        ] {
            assert!(top(key).is_some(), "{key}");
        }
    }
}
