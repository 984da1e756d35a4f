//! One started container: what it prints, when it exits, what it said last. Shared by the stages
//! that start containers and that watch them.

mod lines;

use crate::{
    context::Context,
    docker::{self, CallError, Cause},
    retry,
};
use bollard::{
    Docker,
    container::LogOutput,
    models::ContainerInspectResponse,
    query_parameters::{
        AttachContainerOptionsBuilder, InspectContainerOptions, LogsOptions, WaitContainerOptions,
    },
};
use firstlight_userdata::redact::Redactor;
use futures_util::{
    StreamExt,
    future::{Either, pending, select},
    stream::BoxStream,
};
use lines::{Lines, Stream};
use std::{cell::Cell, fmt, pin::pin, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long an exited container's output may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a container prints, as bollard gives it.
pub type Output = BoxStream<'static, Result<LogOutput, bollard::errors::Error>>;

/// Whether a container runs until the end or to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Until the end.
    Service,
    /// To completion, before the verdict.
    Task,
}

impl Kind {
    /// The word for it in labels and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Task => "task",
        }
    }
}

/// A container that was started, with a hand on its output.
pub struct Watched {
    docker: Docker,
    id: String,
    name: String,
    kind: Kind,
    redact: Arc<Redactor>,
    /// Adopted: what it printed before is the engine's to tell.
    adopted: bool,
    heard: Mutex<Heard>,
}

struct Heard {
    output: Option<Output>,
    lines: Lines,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: i64,
    /// The kernel killed it for want of memory.
    pub out_of_memory: bool,
    /// Its last lines, secrets replaced, oldest first.
    pub last: Vec<String>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ended(self.code, self.out_of_memory).fmt(f)?;
        LastLines(&self.last).fmt(f)
    }
}

/// How a container ended, without its words.
pub fn ended(code: i64, out_of_memory: bool) -> String {
    let why = match out_of_memory {
        true => ", killed because it ran out of memory (raise mem_limit)",
        false => "",
    };
    format!("exited with code {code}{why}")
}

/// A container's last lines, as an error shows them: below it, indented.
#[derive(Debug)]
pub struct LastLines<'a>(pub &'a [String]);

impl fmt::Display for LastLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; it printed nothing");
        }
        f.write_str("; its last lines:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Watched {
    /// Takes charge of a container. `output` is attached before the start, so that nothing is missed.
    pub fn new(
        docker: Docker,
        (name, id): (&str, String),
        kind: Kind,
        redact: Arc<Redactor>,
        output: Option<Output>,
        adopted: bool,
    ) -> Watched {
        Watched {
            docker,
            id,
            name: name.to_owned(),
            kind,
            redact,
            adopted,
            heard: Mutex::new(Heard {
                output,
                lines: Lines::default(),
            }),
        }
    }

    /// The engine.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Docker's id for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Text that firstlight did not write, with every secret replaced.
    pub fn redact(&self, text: &str) -> String {
        self.redact.redact(text)
    }

    /// What the engine knows of it.
    ///
    /// # Errors
    /// The engine's.
    pub async fn inspect(&self, cx: &Context) -> Result<ContainerInspectResponse, CallError> {
        call(cx, "docker:inspect", async || {
            let options = None::<InspectContainerOptions>;
            self.docker.inspect_container(&self.id, options).await
        })
        .await
    }

    /// Reads its output until it exits; a task's lines are reported. May be dropped and called
    /// again, by one at a time. Does not end at the deadline: whoever waits, does.
    ///
    /// # Errors
    /// The engine could not be asked.
    pub async fn exited(&self, cx: &Context) -> Result<Exit, CallError> {
        self.over(cx).await?;
        let state = self.inspect(cx).await?.state.unwrap_or_default();
        Ok(Exit {
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            last: self.last_lines(cx).await,
        })
    }

    /// The same, without how it ended, and it also ends when the engine goes away.
    ///
    /// # Errors
    /// The engine went away, or knows no such container.
    pub async fn over_or_lost(&self, cx: &Context) -> Result<(), CallError> {
        self.until(cx, self.wait_once("not-running")).await
    }

    /// Waits until it has been started by somebody, and exited again.
    ///
    /// # Errors
    /// The engine went away, or knows no such container.
    pub async fn over_again(&self) -> Result<(), CallError> {
        self.wait_once("next-exit").await
    }

    /// Hears what it prints from its next start on, in place of what it printed before.
    ///
    /// # Errors
    /// The engine's.
    pub async fn attach(&self, cx: &Context) -> Result<(), CallError> {
        let output = attach(cx, &self.docker, &self.id).await?;
        let mut heard = self.heard.lock().await;
        heard.output = Some(output);
        heard.lines = Lines::default();
        Ok(())
    }

    async fn over(&self, cx: &Context) -> Result<(), CallError> {
        self.until(cx, self.ended(cx)).await
    }

    async fn until(
        &self,
        cx: &Context,
        ended: impl Future<Output = Result<(), CallError>>,
    ) -> Result<(), CallError> {
        let listening = pin!(self.listen(cx));
        let ended = pin!(ended);
        match select(listening, ended).await {
            Either::Left(((), ended)) => ended.await,
            Either::Right((result, listening)) => {
                // Another process may hold its output open; what it says is not awaited.
                let _late = tokio::time::timeout(LAST_WORDS, listening).await;
                result
            }
        }
    }

    /// Its last lines, secrets replaced.
    pub async fn last_lines(&self, cx: &Context) -> Vec<String> {
        let mut heard = self.heard.lock().await;
        heard.lines.end(&self.redact, |line| self.say(cx, line));
        if !self.adopted {
            return heard.lines.last();
        }
        let recorded = recorded(&self.docker, &self.id, lines::KEPT, &self.redact);
        match docker::ask(cx, recorded).await {
            Ok(lines) => lines,
            Err(error) if heard.lines.last().is_empty() => {
                vec![format!(
                    "(not to be had: started before this run of the agent, and the log driver can't be read: {})",
                    self.redact(&error.message)
                )]
            }
            Err(_) => heard.lines.last(),
        }
    }

    async fn listen(&self, cx: &Context) {
        let mut heard = self.heard.lock().await;
        let Heard { output, lines } = &mut *heard;
        let Some(stream) = output else { return };
        // An error ends the output like its end does; `ended` knows whether the engine is there.
        while let Some(Ok(piece)) = stream.next().await {
            hear(lines, piece, &self.redact, |line| self.say(cx, line));
        }
        *output = None;
    }

    fn say(&self, cx: &Context, line: &str) {
        match self.kind {
            Kind::Task => cx.report.task_line(&self.name, line),
            Kind::Service => {}
        }
    }

    /// Waits until it does not run, through restarts of the engine.
    async fn ended(&self, cx: &Context) -> Result<(), CallError> {
        patiently(cx, "docker:wait", async || {
            self.wait_once("not-running").await
        })
        .await
    }

    async fn wait_once(&self, condition: &str) -> Result<(), CallError> {
        let options = WaitContainerOptions {
            condition: condition.to_owned(),
        };
        let answer = pin!(self.docker.wait_container(&self.id, Some(options)))
            .next()
            .await;
        match answer {
            // bollard makes an error of every exit code but 0
            Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(CallError::from(error)),
            None => Err(silent("docker:wait")),
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The last lines that the engine recorded of a container's output, secrets replaced, oldest first.
/// Bounded like those of a container that is watched.
///
/// # Errors
/// The engine's: there is no such container, or its log driver can't be read.
pub async fn recorded(
    docker: &Docker,
    id: &str,
    most: usize,
    redact: &Redactor,
) -> Result<Vec<String>, bollard::errors::Error> {
    let mut lines = Lines::keeping(most);
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        tail: most.to_string(),
        ..LogsOptions::default()
    };
    let mut stream = pin!(docker.logs(id, Some(options)));
    while let Some(piece) = stream.next().await {
        hear(&mut lines, piece?, redact, |_| {});
    }
    lines.end(redact, |_| {});
    Ok(lines.last())
}

fn hear(lines: &mut Lines, piece: LogOutput, redact: &Redactor, say: impl FnMut(&str)) {
    let stream = match piece {
        LogOutput::StdErr { .. } => Stream::Err,
        LogOutput::StdOut { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. } => {
            Stream::Out
        }
    };
    lines.feed(stream, &piece.into_bytes(), redact, say);
}

/// Everything that a container prints from now on.
///
/// # Errors
/// The engine's.
pub async fn attach(cx: &Context, docker: &Docker, id: &str) -> Result<Output, CallError> {
    let options = AttachContainerOptionsBuilder::new()
        .stream(true)
        .stdout(true)
        .stderr(true)
        .build();
    let attached = call(cx, "docker:attach", async || {
        docker.attach_container(id, Some(options.clone())).await
    })
    .await?;
    Ok(attached.output)
}

/// Asks the engine something it should answer at once, again until the deadline while it is away.
///
/// # Errors
/// The engine's, told apart.
pub async fn call<T>(
    cx: &Context,
    what: &'static str,
    ask: impl AsyncFn() -> Result<T, bollard::errors::Error>,
) -> Result<T, CallError> {
    retry::until(
        what,
        cx.timings.engine_backoff(),
        cx.deadline,
        &cx.report,
        |last| last.unwrap_or_else(|| silent(what)),
        async || docker::ask(cx, ask()).await,
    )
    .await
}

/// Asks the engine something that takes as long as it takes, again while it is away. Cut off by the
/// deadline it does not end: that is for those to announce who know what they waited for.
///
/// # Errors
/// The engine's, told apart.
pub async fn patiently<T>(
    cx: &Context,
    what: &'static str,
    ask: impl AsyncFnMut() -> Result<T, CallError>,
) -> Result<T, CallError> {
    let cut_off = Cell::new(false);
    let answer = retry::until(
        what,
        cx.timings.engine_backoff(),
        cx.deadline,
        &cx.report,
        |_| {
            cut_off.set(true);
            silent(what)
        },
        ask,
    )
    .await;
    if cut_off.get() {
        pending::<()>().await;
    }
    answer
}

fn silent(what: &str) -> CallError {
    CallError {
        cause: Cause::Unreachable,
        status: None,
        message: format!("the Docker engine gave no answer to {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{Answer, Fake};

    #[tokio::test]
    async fn an_engine_that_was_away_for_a_moment_is_no_news_at_the_deadline() {
        let engine = Fake::new(Duration::from_millis(400), |_, nth| match nth {
            1 => Answer::HangUp,
            _ => Answer::Silence,
        })
        .await;
        let (docker, cx) = (engine.docker.clone(), &engine.cx);
        let name = ("web", "web".to_owned());
        let redact = Arc::default();
        let web = Watched::new(docker, name, Kind::Service, redact, None, false);
        let later = cx.deadline.instant() + Duration::from_millis(200);
        let exited = tokio::time::timeout_at(later, web.exited(cx)).await;
        assert!(exited.is_err(), "{exited:?}");
        assert_eq!(engine.asked(), ["POST /containers/web/wait"; 2]);
    }
}
