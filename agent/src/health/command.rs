//! A command inside the container; exit 0 is success.
//!
//! The engine can't kill what it executes: a command that hangs stays. While it does, no other is
//! started, so that one at most hangs.

use super::probe::Saw;
use crate::{
    context::Context,
    docker::{self, Cause},
    workload::Running,
};
use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use futures_util::StreamExt;
use std::fmt;

/// How much of its output is shown, in bytes.
const SHOWN: usize = 512;
/// How much of its output is kept, in bytes: a secret at its beginning is whole when it is looked
/// for, unless it is longer than any parameter.
const KEPT: usize = SHOWN + 8 * 1024;

/// A command, to be run again and again.
#[derive(Debug)]
pub(super) struct Command {
    /// What it is called, for people.
    name: String,
    words: Vec<String>,
    /// The one that was started last and may still run.
    running: Option<String>,
}

impl Command {
    pub(super) fn new(words: &[String]) -> Command {
        Command::named(&format!("`{}`", words.join(" ")), words.to_vec())
    }

    pub(super) fn named(name: &str, words: Vec<String>) -> Command {
        Command {
            name: name.to_owned(),
            words,
            running: None,
        }
    }

    #[cfg(test)]
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) async fn ask(&mut self, cx: &Context, service: &Running) -> Saw {
        match self.run(cx, service).await {
            Ok(saw) => saw,
            Err(error) => Saw {
                good: false,
                words: format!(
                    "{self} could not be run: {}",
                    service.container.redact(&error.message)
                ),
            },
        }
    }

    async fn run(&mut self, cx: &Context, service: &Running) -> Result<Saw, docker::CallError> {
        let docker = service.container.docker();
        if let Some(id) = &self.running {
            let runs = match docker::ask(cx, docker.inspect_exec(id)).await {
                Ok(before) => before.running == Some(true),
                // An engine that was restarted knows of none.
                Err(error) if error.cause == Cause::NoSuchOther => false,
                Err(error) => return Err(error),
            };
            if runs {
                return Ok(Saw {
                    good: false,
                    words: format!("{self} still runs"),
                });
            }
            self.running = None;
        }
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(self.words.clone()),
            ..CreateExecOptions::default()
        };
        let id = docker::ask(cx, docker.create_exec(&service.id, options))
            .await?
            .id;
        self.running = Some(id.clone());
        let options = None::<StartExecOptions>;
        let output = match docker::ask(cx, docker.start_exec(&id, options)).await? {
            StartExecResults::Attached { mut output, .. } => {
                let mut tail = Vec::new();
                while let Some(piece) = output.next().await {
                    keep(&mut tail, piece?);
                }
                tail
            }
            StartExecResults::Detached => Vec::new(),
        };
        let ended = docker::ask(cx, docker.inspect_exec(&id)).await?;
        let text = service.container.redact(&String::from_utf8_lossy(&output));
        Ok(self.saw(ended.exit_code, &text))
    }

    fn saw(&self, code: Option<i64>, output: &str) -> Saw {
        let code = code.map_or("an unknown code".to_owned(), |code| code.to_string());
        if code == "0" {
            return Saw {
                good: true,
                words: format!("{self} exited with 0"),
            };
        }
        let output = shown(output);
        let said = if output.is_empty() {
            String::new()
        } else {
            format!(": {output}")
        };
        Saw {
            good: false,
            words: format!("{self} exited with {code}{said}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn keep(tail: &mut Vec<u8>, piece: LogOutput) {
    tail.extend_from_slice(&piece.into_bytes());
    let surplus = tail.len().saturating_sub(KEPT);
    tail.drain(..surplus);
}

/// Its end, on one line.
fn shown(output: &str) -> String {
    let line: Vec<&str> = output.split_whitespace().collect();
    let line = line.join(" ");
    let start = line.ceil_char_boundary(line.len().saturating_sub(SHOWN));
    let (_, end) = line.split_at(start);
    end.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        container::{Kind, Watched},
        docker::fake::{Answer, Fake},
    };
    use std::{sync::Arc, time::Duration};
    use tokio::time::{Instant, timeout};

    #[tokio::test]
    async fn one_that_the_engine_has_forgotten_does_not_run() {
        let engine = Fake::new(Duration::from_secs(60), |call, nth| match (call, nth) {
            ("POST /containers/web/exec", 1) => Answer::Say(201, r#"{"Id":"one"}"#),
            ("GET /exec/one/json", _) => {
                Answer::Say(404, r#"{"message":"No such exec instance: one"}"#)
            }
            ("POST /containers/web/exec", _) => Answer::Say(500, r#"{"message":"enough"}"#),
            _ => Answer::Silence,
        })
        .await;
        let (docker, redact) = (engine.docker.clone(), Arc::default());
        let name = ("web", "web".to_owned());
        let service = Running {
            name: "web".into(),
            id: "web".into(),
            health: None,
            has_healthcheck: false,
            since: Instant::now(),
            container: Arc::new(Watched::new(
                docker,
                name,
                Kind::Service,
                redact,
                None,
                false,
            )),
        };
        let mut command = Command::new(&["true".to_owned()]);
        let saw = command.ask(&engine.cx, &service).await;
        assert!(saw.words.contains("did not answer"), "{saw:?}");
        let saw = timeout(Duration::from_secs(30), command.ask(&engine.cx, &service)).await;
        assert!(
            saw.as_ref().is_ok_and(|saw| saw.words.ends_with("enough")),
            "{saw:?}"
        );
        assert_eq!(
            engine.asked(),
            [
                "POST /containers/web/exec",
                "POST /exec/one/start",
                "GET /exec/one/json",
                "POST /containers/web/exec",
            ]
        );
    }

    #[test]
    fn words() {
        let words = [
            "pg_isready".to_owned(),
            "-U".to_owned(),
            "postgres".to_owned(),
        ];
        let command = Command::new(&words);
        for (code, output, want) in [
            (
                Some(0),
                "accepting",
                "`pg_isready -U postgres` exited with 0",
            ),
            (
                Some(2),
                "no\n response\n",
                "`pg_isready -U postgres` exited with 2: no response",
            ),
            (Some(1), "", "`pg_isready -U postgres` exited with 1"),
            (
                None,
                "",
                "`pg_isready -U postgres` exited with an unknown code",
            ),
        ] {
            let saw = command.saw(code, output);
            assert_eq!((saw.good, saw.words.as_str()), (code == Some(0), want));
        }
        assert_eq!(shown(&"é".repeat(SHOWN)).len(), SHOWN);
    }

    #[test]
    fn output_is_bounded() {
        let mut tail = Vec::new();
        for _ in 0..10 {
            let message = vec![b'x'; 10_000].into();
            keep(&mut tail, LogOutput::StdOut { message });
        }
        assert_eq!(tail.len(), KEPT);
    }
}
