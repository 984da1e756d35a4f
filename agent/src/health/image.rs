//! The image's own HEALTHCHECK, which the engine runs.

use super::probe::Saw;
use crate::{context::Context, workload::Running};
use bollard::models::{Health, HealthStatusEnum};

pub(super) async fn ask(cx: &Context, service: &Running) -> Saw {
    match service.container.inspect(cx).await {
        Ok(found) => {
            let health = found
                .state
                .and_then(|state| state.health)
                .unwrap_or_default();
            saw(&health, |text| service.container.redact(text))
        }
        Err(error) => Saw {
            good: false,
            words: format!(
                "HEALTHCHECK is not to be had: {}",
                service.container.redact(&error.message)
            ),
        },
    }
}

fn saw(health: &Health, redact: impl Fn(&str) -> String) -> Saw {
    let status = health.status.unwrap_or(HealthStatusEnum::NONE);
    let last = health.log.as_ref().and_then(|log| log.last());
    let code = last.and_then(|last| last.exit_code);
    let output = last
        .and_then(|last| last.output.as_deref())
        .unwrap_or_default();
    let output = redact(output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let said = match code {
        Some(code) if code != 0 => format!(", last exited with {code}: {output}"),
        Some(_) | None => String::new(),
    };
    Saw {
        good: status == HealthStatusEnum::HEALTHY,
        words: format!("HEALTHCHECK is {status}{said}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_the_engine_says() {
        for (health, good, words) in [
            (
                r#"{"Status": "healthy", "Log": [{"ExitCode": 0, "Output": "ok"}]}"#,
                true,
                "HEALTHCHECK is healthy",
            ),
            (
                r#"{"Status": "starting"}"#,
                false,
                "HEALTHCHECK is starting",
            ),
            (
                r#"{"Status": "unhealthy", "Log": [{"ExitCode": 0, "Output": ""}, {"ExitCode": 1, "Output": "no\n such"}]}"#,
                false,
                "HEALTHCHECK is unhealthy, last exited with 1: no such",
            ),
            ("{}", false, "HEALTHCHECK is none"),
        ] {
            let saw = saw(&serde_json::from_str(health).unwrap(), str::to_owned);
            assert_eq!((saw.good, saw.words.as_str()), (good, words));
        }
    }
}
