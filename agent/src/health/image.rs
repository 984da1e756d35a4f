//! The image's own HEALTHCHECK. The engine runs it too, at the image's own pace: every 30 s by default,
//! for the first time after as long. A launch does not wait for that.

use super::{command::Command, probe::Saw};
use crate::{context::Context, workload::Running};
use bollard::models::ContainerConfig;
use std::time::Duration;

/// How often it is run, as other probes are by default.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// Docker's default for how long it may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An image's HEALTHCHECK, once it is known.
#[derive(Debug, Default)]
pub(super) struct Check(Option<(Command, Duration)>);

impl Check {
    pub(super) async fn ask(&mut self, cx: &Context, service: &Running) -> Saw {
        let bad = |words| Saw { good: false, words };
        let (command, timeout) = match &mut self.0 {
            Some(known) => known,
            unknown => match service.container.inspect(cx).await {
                Ok(found) => unknown.insert(check(found.config.unwrap_or_default())),
                Err(error) => {
                    let why = service.container.redact(&error.message);
                    return bad(format!("HEALTHCHECK is not to be had: {why}"));
                }
            },
        };
        match tokio::time::timeout(*timeout, command.ask(cx, service)).await {
            Ok(saw) => saw,
            Err(_elapsed) => bad(format!("{command} gave no answer within {timeout:?}")),
        }
    }
}

/// What the engine runs (Dockerfile reference, HEALTHCHECK), and how long it may take.
fn check(config: ContainerConfig) -> (Command, Duration) {
    let healthcheck = config.healthcheck.unwrap_or_default();
    let mut test = healthcheck.test.unwrap_or_default().into_iter();
    let words = match test.next().as_deref() {
        Some("CMD-SHELL") => {
            let shell = config.shell.filter(|shell| !shell.is_empty());
            let shell = shell.unwrap_or_else(|| ["/bin/sh", "-c"].map(str::to_owned).to_vec());
            shell.into_iter().chain(test).collect()
        }
        Some(_) | None => test.collect(),
    };
    let timeout = healthcheck
        .timeout
        .and_then(|nanos| u64::try_from(nanos).ok());
    let timeout = timeout.filter(|nanos| *nanos > 0).map(Duration::from_nanos);
    let command = Command::named("HEALTHCHECK", words);
    (command, timeout.unwrap_or(TIMEOUT))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_run() {
        for (config, words, timeout) in [
            (
                r#"{"Healthcheck": {"Test": ["CMD", "/app", "probe"]}}"#,
                &["/app", "probe"][..],
                TIMEOUT,
            ),
            (
                r#"{"Healthcheck": {"Test": ["CMD-SHELL", "curl -f localhost || exit 1"], "Timeout": 3000000000}}"#,
                &["/bin/sh", "-c", "curl -f localhost || exit 1"],
                Duration::from_secs(3),
            ),
            (
                r#"{"Shell": ["/bin/bash", "-ec"], "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Timeout": 0}}"#,
                &["/bin/bash", "-ec", "true"],
                TIMEOUT,
            ),
        ] {
            let (command, limit) = check(serde_json::from_str(config).unwrap());
            assert_eq!(command.words(), words, "{config}");
            assert_eq!(limit, timeout, "{config}");
            assert_eq!(command.to_string(), "HEALTHCHECK");
        }
    }
}
