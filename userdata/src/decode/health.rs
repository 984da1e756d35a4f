//! When a service counts as healthy.

use super::{
    collection::Words,
    keys::{Keys, Record},
    scalar::{Count, Matcher, Plain, PortNumber, Time, UrlPath},
};
use crate::{
    spec::{Health, HttpProbe, Probe},
    value::Complaint,
};

/// `health`
pub(super) struct HealthRecord;
impl Record for HealthRecord {
    type Value = Health;
    fn read(keys: &mut Keys<'_, '_>) -> Option<Health> {
        let http = keys.take::<Http>("http", "a GET over HTTP");
        let https = keys.take::<Http>("https", "a GET over HTTPS; the certificate is not checked");
        let tcp = keys.take::<Tcp>("tcp", "a TCP connection");
        let command = keys.take::<Words<Plain>>(
            "command",
            "a command run in the container; exit 0 is success",
        );
        let interval = keys.or::<Time>("interval", "2s", "from one probe's start to the next");
        let timeout = keys.or::<Time>("timeout", "2s", "how long one probe may take");
        let healthy_threshold = keys.or::<Count>(
            "healthy_threshold",
            "2",
            "how many successes in a row are wanted",
        );
        match keys
            .present(&["http", "https", "tcp", "command"])
            .as_slice()
        {
            [] => keys.complain(
                Complaint::new("`health` names no probe")
                    .hint("give it one of `http`, `https`, `tcp` and `command`"),
            ),
            [_] => {}
            several => keys.complain(
                Complaint::new(format!(
                    "`health` names {} probes: `{}`",
                    several.len(),
                    several.join("`, `")
                ))
                .hint("leave one"),
            ),
        }
        if command.as_ref().is_some_and(Vec::is_empty) {
            keys.complain(
                Complaint::new("`command` is empty")
                    .hint("write the words to run, as in `[pg_isready]`"),
            );
        }
        let probe = (http.map(Probe::Http))
            .or(https.map(Probe::Https))
            .or(tcp.map(|port| Probe::Tcp { port }))
            .or(command.map(Probe::Command))?;
        Some(Health {
            probe,
            interval: interval?,
            timeout: timeout?,
            healthy_threshold: healthy_threshold?,
        })
    }
    fn advice(key: &str) -> Option<&'static str> {
        match key {
            "test" => Some("write `command: [...]`, or `http`, `https` or `tcp`"),
            "retries" | "unhealthy_threshold" => Some(
                "probing goes on until the launch's `timeout`; `healthy_threshold` counts successes",
            ),
            "start_period" | "start_interval" => {
                Some("failures count for nothing until the launch's `timeout`")
            }
            "disable" => {
                Some("leave `health` out: the image's HEALTHCHECK counts, else running for 10 s")
            }
            "port" | "path" | "matcher" => Some("put it below `http`"),
            _ => None,
        }
    }
}

struct Http;
impl Record for Http {
    type Value = HttpProbe;
    fn read(keys: &mut Keys<'_, '_>) -> Option<HttpProbe> {
        let port =
            keys.required::<PortNumber>("port", "the container's own port, not the published one");
        let path = keys.or::<UrlPath>("path", "/", "path and query");
        let matcher = keys.or::<Matcher>("matcher", "200", "statuses that count as success");
        Some(HttpProbe {
            port: port?,
            path: path?,
            matcher: matcher?,
        })
    }
}

struct Tcp;
impl Record for Tcp {
    type Value = u16;
    fn read(keys: &mut Keys<'_, '_>) -> Option<u16> {
        keys.required::<PortNumber>("port", "the container's own port, not the published one")
    }
}
