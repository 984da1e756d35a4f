//! An engine for tests, which answers as it is told; any other service of one address, too.

use crate::{
    context::{Context, Deadline, Paths, Timings},
    docker::OUT_OF_THE_WAY,
    imds::Imds,
    report::Report,
};
use aws_config::{Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::Credentials;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

/// What becomes of a call.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// This status and body.
    Say(u16, &'static str),
    /// The same, that much later.
    Late(Duration, u16, &'static str),
    /// No answer, ever.
    Silence,
    /// The connection ends.
    HangUp,
}

/// An engine, and a context for what asks it.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) cx: Context,
    pub(crate) docker: Docker,
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Fake {
    /// An engine that answers the nth (from 1) call of a kind (`GET /containers/web/json`) as
    /// `answer` says, and a deadline that long from now.
    pub(crate) async fn new(
        within: Duration,
        answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    ) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&asked), answer));
        Fake {
            cx: context(within),
            docker: Docker::connect_with_http(&address, OUT_OF_THE_WAY, API_DEFAULT_VERSION)
                .unwrap(),
            address,
            asked,
            _serving: serving,
        }
    }

    /// Settings for AWS clients that ask this one, with credentials that open nothing.
    pub(crate) async fn aws(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.cx.timings.aws_attempt)
            .build();
        aws_config::from_env()
            .region(Region::new("eu-west-1"))
            .credentials_provider(credentials)
            .endpoint_url(format!("http://{}", self.address))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .load()
            .await
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A context for what asks nobody else.
pub(crate) fn context(within: Duration) -> Context {
    let report = Report::default();
    let timings = Timings {
        backoff_base: Duration::from_millis(10),
        docker_attempt: Duration::from_millis(200),
        ..Timings::default()
    };
    Context {
        paths: Paths::below(Path::new("/nowhere")),
        imds: Imds::from_env(&timings, &report),
        timings,
        deadline: Deadline::after(within),
        began: Instant::now(),
        aws: aws_config::SdkConfig::builder().build(),
        report,
    }
}

async fn serve(
    listener: TcpListener,
    asked: Arc<Mutex<Vec<String>>>,
    answer: impl Fn(&str, usize) -> Answer,
) {
    let mut open = JoinSet::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Some(call) = call(&mut stream).await else {
            continue;
        };
        let nth = {
            let mut asked = asked.lock().unwrap();
            asked.push(call.clone());
            asked.iter().filter(|other| **other == call).count()
        };
        open.spawn(say(stream, answer(&call, nth)));
    }
}

/// Reads one request; its method and its path without version and query.
async fn call(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break;
            }
        }
        let mut piece = [0; 4096];
        let read = stream
            .read(&mut piece)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    let mut words = text.split([' ', '?']);
    let (method, path) = (words.next()?, words.next()?);
    let versioned = path.strip_prefix("/v1.");
    let path = versioned.map_or(path, |rest| rest.trim_start_matches(|c| c != '/'));
    Some(format!("{method} {path}"))
}

async fn say(mut stream: TcpStream, answer: Answer) {
    let (status, body) = match answer {
        Answer::Say(status, body) => (status, body),
        Answer::Late(wait, status, body) => {
            tokio::time::sleep(wait).await;
            (status, body)
        }
        Answer::Silence => return std::future::pending().await,
        Answer::HangUp => return,
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever asked may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
}
