//! The closed set of probes, and how often each is asked.

use super::{
    command::Command,
    error::HealthError,
    http::Get,
    image::{self, Check},
    settle,
    target::Target,
    tcp,
};
use crate::{context::Context, workload::Running};
use firstlight_userdata::spec::Probe;
use std::time::Duration;

/// What one probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saw {
    pub(super) good: bool,
    /// For people, as in "GET :3000/ answered 503, wanted 200". Secrets replaced.
    pub(super) words: String,
}

/// How often a probe is asked, and how often it must be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) threshold: u32,
}

/// A service's probe.
#[derive(Debug)]
pub(super) struct Prober<'a> {
    cx: &'a Context,
    service: &'a Running,
    how: How<'a>,
}

#[derive(Debug)]
enum How<'a> {
    Http(Get<'a>, Target),
    Tcp(u16, Target),
    Command(Command),
    Image(Check),
    Settle,
}

impl<'a> Prober<'a> {
    pub(super) fn new(cx: &'a Context, service: &'a Running) -> Result<Prober<'a>, HealthError> {
        let get = |scheme, probe| {
            Get::new(scheme, probe).map_err(|message| HealthError::Setup {
                name: service.name.clone(),
                message,
            })
        };
        let how = match service.health.as_ref().map(|health| &health.probe) {
            Some(Probe::Http(probe)) => How::Http(get("http", probe)?, Target::default()),
            Some(Probe::Https(probe)) => How::Http(get("https", probe)?, Target::default()),
            Some(Probe::Tcp { port }) => How::Tcp(*port, Target::default()),
            Some(Probe::Command(command)) => How::Command(Command::new(command)),
            None if service.has_healthcheck => How::Image(Check::default()),
            None => How::Settle,
        };
        Ok(Prober { cx, service, how })
    }

    pub(super) fn pace(&self, cx: &Context) -> Pace {
        match (&self.service.health, &self.how) {
            (Some(health), _) => Pace {
                interval: health.interval,
                timeout: health.timeout,
                threshold: health.healthy_threshold,
            },
            // As the engine counts it: once is enough, and how long it may take is the image's to say.
            (None, How::Image(_)) => Pace {
                interval: image::EVERY,
                timeout: cx.deadline.remaining(),
                threshold: 1,
            },
            (None, _) => Pace {
                interval: cx.timings.backoff_base,
                timeout: cx.timings.settle + cx.timings.docker_attempt,
                threshold: 1,
            },
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Asking again would get no other answer.
    pub(super) async fn ask(&mut self) -> Result<Saw, HealthError> {
        let (cx, service) = (self.cx, self.service);
        match &mut self.how {
            How::Http(get, target) => match target.find(cx, service).await? {
                Ok(address) => Ok(get.ask(address).await),
                Err(saw) => Ok(saw),
            },
            How::Tcp(port, target) => match target.find(cx, service).await? {
                Ok(address) => Ok(tcp::ask(address, *port).await),
                Err(saw) => Ok(saw),
            },
            How::Command(command) => Ok(command.ask(cx, service).await),
            How::Image(check) => Ok(check.ask(cx, service).await),
            How::Settle => Ok(settle::ask(cx, service).await),
        }
    }

    /// What it saw when no answer came in time.
    pub(super) fn silent(&self, timeout: Duration) -> Saw {
        let what = match &self.how {
            How::Http(get, _) => get.to_string(),
            How::Tcp(port, _) => format!("TCP :{port}"),
            How::Command(command) => command.to_string(),
            How::Image(_) | How::Settle => "the Docker engine".to_owned(),
        };
        Saw {
            good: false,
            words: format!("{what} gave no answer within {timeout:?}"),
        }
    }
}
