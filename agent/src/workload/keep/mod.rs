//! Keeps services after the verdict: watches those of one launch, and starts again what exits.
//!
//! The same container is started, for its secret files are there as long as the boot is. What is to be
//! done follows from what the engine says of a container now, not from what was done to it before: so an
//! agent that was away, and an engine that was, are nothing special. One idea a file: [`deaths`] counts,
//! [`found`] knows what is to be kept, [`service`] keeps one, [`exit`] is for when it does not run.
//!
//! To treat an exit in another way: `down` in [`exit`].

mod deaths;
mod exit;
mod found;
mod service;

use super::{Launch, Workload};
use crate::{
    context::{Context, Deadline},
    imds::Identity,
};
use futures_util::future::join_all;
use service::Keeper;
use std::{convert::Infallible, future::pending, rc::Rc};

/// Services to keep.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The launch that started them, in this boot; `None`: there is none.
    pub launch: Option<Launch>,
    /// The merged spec.
    pub document: Option<String>,
    /// What this process knows of them. Where an earlier one started them nobody knows the secrets in
    /// what they print, and it is not shown.
    pub workload: Option<Rc<Workload>>,
}

/// Starts services again that exit, as their `restart` says, until it is dropped. `tell` is given the
/// name of one that keeps dying, each time anew.
///
/// A service restarts alone, with those that share its network: Docker leaves them in the old one.
pub async fn keep(cx: &Context, me: &Identity, kept: &Kept, tell: impl Fn(String)) -> Infallible {
    // The launch's time is over.
    let cx = &Context {
        deadline: Deadline::never(),
        ..cx.clone()
    };
    let services = found::services(cx, me, kept).await;
    let keeper = Keeper::new(cx, &services, tell);
    join_all(services.iter().map(|service| keeper.keep(service))).await;
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        container::{Kind, Watched},
        docker::fake::{Answer, Fake},
        workload::Running,
    };
    use futures_util::future::{Either, select};
    use std::{cell::RefCell, pin::pin, sync::Arc, time::Duration};
    use tokio::time::Instant;

    const LOOK: &str = "GET /containers/web/json";
    const WAIT: &str = "POST /containers/web/wait";
    const START: &str = "POST /containers/web/start";
    const RUNS: Answer = Answer::Say(200, r#"{"State":{"Running":true,"StartedAt":"s"}}"#);
    const STARTED: Answer = Answer::Say(204, "");

    /// A service named web, which is known to this process.
    fn kept(engine: &Fake, restart: &str) -> Kept {
        let (docker, name) = (engine.docker.clone(), ("web", "web".to_owned()));
        let container = Watched::new(docker, name, Kind::Service, Arc::default(), None, false);
        let running = Running {
            name: "web".into(),
            id: "web".into(),
            health: None,
            has_healthcheck: false,
            since: Instant::now(),
            container: Arc::new(container),
        };
        let document =
            format!("firstlight: 1\nservices: {{web: {{image: x, restart: {restart:?}}}}}");
        let workload = Workload {
            services: vec![running],
        };
        Kept {
            launch: None,
            document: Some(document),
            workload: Some(Rc::new(workload)),
        }
    }

    /// What was told while it was kept for that long, and how often it was started.
    async fn keeping(engine: &Fake, restart: &str, millis: u64) -> (usize, usize) {
        let told = RefCell::new(0);
        let me = crate::workload::example::identity();
        let kept = kept(engine, restart);
        let keep = keep(&engine.cx, &me, &kept, |_| *told.borrow_mut() += 1);
        let time = tokio::time::sleep(Duration::from_millis(millis));
        match select(pin!(keep), pin!(time)).await {
            Either::Left((never, _)) => match never {},
            Either::Right(((), _)) => {}
        }
        let asked = engine.asked();
        (
            told.into_inner(),
            asked.iter().filter(|call| *call == START).count(),
        )
    }

    #[tokio::test]
    async fn what_ran_when_the_engine_went_away_is_started_when_it_is_back() {
        let engine = Fake::new(Duration::ZERO, |call, nth| match (call, nth) {
            (LOOK, 2..6) | (WAIT, 1) => Answer::HangUp,
            // As the engine leaves what it stopped.
            (LOOK, 6) => Answer::Say(
                200,
                r#"{"State":{"Running":false,"ExitCode":0,"FinishedAt":"f"}}"#,
            ),
            (LOOK, _) => RUNS,
            (START, _) => STARTED,
            _ => Answer::Silence,
        })
        .await;
        assert_eq!(keeping(&engine, "on-failure", 3000).await, (0, 1));
    }

    #[tokio::test]
    async fn what_the_engine_stopped_before_it_went_away_is_started_when_it_is_back() {
        let engine = Fake::new(Duration::ZERO, |call, nth| match (call, nth) {
            (WAIT, 1) => Answer::Say(200, r#"{"StatusCode":0}"#),
            (LOOK, 3..5) | (WAIT, 2) => Answer::HangUp,
            (LOOK, 2 | 5) => Answer::Say(
                200,
                r#"{"State":{"Running":false,"ExitCode":0,"FinishedAt":"f"}}"#,
            ),
            (LOOK, _) => RUNS,
            (START, _) => STARTED,
            _ => Answer::Silence,
        })
        .await;
        assert_eq!(keeping(&engine, "on-failure", 3000).await, (0, 1));
    }

    #[tokio::test]
    async fn a_start_that_is_refused_counts_and_is_tried_again() {
        let mut engine = Fake::new(Duration::ZERO, |call, _| match call {
            LOOK => Answer::Say(
                200,
                r#"{"State":{"Running":false,"ExitCode":1,"FinishedAt":"f"}}"#,
            ),
            START => Answer::Say(500, r#"{"message":"no such file"}"#),
            _ => Answer::HangUp,
        })
        .await;
        engine.cx.timings.restart_cap = Duration::from_millis(10);
        let (told, starts) = keeping(&engine, "always", 5000).await;
        assert!(starts >= 4 && told == (starts + 1) / 5, "{told} {starts}");
    }

    #[tokio::test]
    async fn what_is_gone_is_let_go() {
        let engine = Fake::new(Duration::ZERO, |call, _| match call {
            LOOK => Answer::Say(404, r#"{"message":"No such container: web"}"#),
            _ => Answer::Silence,
        })
        .await;
        assert_eq!(keeping(&engine, "always", 500).await, (0, 0));
        assert_eq!(engine.asked(), [LOOK]);
    }
}
