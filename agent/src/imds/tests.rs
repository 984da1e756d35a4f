#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::{sync::Mutex, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What the service did, one entry a request: `GET latest/user-data token-1`.
type Log = Arc<Mutex<Vec<String>>>;
/// From a logged request, and how often it was seen before, to (status, body).
type Script = fn(&str, usize) -> (u16, Vec<u8>);

async fn serve(stream: TcpStream, script: Script, log: Log) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let mut request = format!("{method} {}", path.trim_start_matches('/'));
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            if let Some(token) = header.strip_prefix("x-aws-ec2-metadata-token:") {
                request = format!("{request} {}", token.trim());
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let seen = {
            let mut log = log.lock().unwrap();
            let seen = log.iter().filter(|entry| **entry == request).count();
            log.push(request.clone());
            seen
        };
        let (status, body) = script(&request, seen);
        if status == 0 {
            // Never answers.
            let _ = stream.read_u8().await;
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
    }
}

fn timings() -> Timings {
    Timings {
        imds_connect: Duration::from_millis(200),
        imds_attempt: Duration::from_millis(200),
        backoff_base: Duration::from_millis(1),
        backoff_cap: Duration::from_millis(5),
        ..Timings::default()
    }
}

/// Runs `ask` against a service that follows `script`; gives its answer and the log.
async fn stage<T>(script: Script, ask: impl AsyncFnOnce(Imds) -> T) -> (T, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let serving = async {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.push(serve(accepted.unwrap().0, script, log.clone()));
                }
                Some(()) = connections.next() => {}
            }
        }
    };
    let imds = Imds::at(vec![endpoint], &timings(), &Report::default());
    let answer = tokio::select! {
        answer = ask(imds) => answer,
        () = serving => unreachable!(),
    };
    let log = log.lock().unwrap().clone();
    (answer, log)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

const DOCUMENT: &str = r#"{"accountId":"123456789012","architecture":"arm64","availabilityZone":"eu-west-1a",
    "imageId":"ami-0123456789abcdef0","instanceId":"i-0123456789abcdef0","instanceType":"c7g.large",
    "region":"eu-west-1","privateIp":"10.0.0.1"}"#;

fn healthy(request: &str, _seen: usize) -> (u16, Vec<u8>) {
    match request {
        "PUT latest/api/token" => (200, b"token".to_vec()),
        "GET latest/dynamic/instance-identity/document token" => (200, DOCUMENT.into()),
        "GET latest/user-data token" => (200, vec![0x1f, 0x8b, 0, 0xff, b'\n']),
        "GET latest/meta-data/tags/instance/Name token" => (200, b"web\n".to_vec()),
        "GET latest/meta-data/autoscaling/target-lifecycle-state token" => {
            (200, b"Warmed:Stopped".to_vec())
        }
        _ => (404, b"<html>not found</html>".to_vec()),
    }
}

#[tokio::test]
async fn answers_come_with_one_token() {
    let (answers, log) = stage(healthy, async |imds| {
        let me = imds.identify(soon()).await.unwrap();
        assert_eq!(me.instance_id, "i-0123456789abcdef0");
        assert_eq!(me.account, "123456789012");
        let bytes = imds.user_data(soon()).await.unwrap();
        assert_eq!(bytes, Some(vec![0x1f, 0x8b, 0, 0xff, b'\n']));
        let tag = imds.tag("Name", soon()).await.unwrap();
        assert_eq!(tag.as_deref(), Some("web"));
        assert_eq!(imds.tag("Missing", soon()).await.unwrap(), None);
        imds.target_state(soon()).await.unwrap()
    })
    .await;
    assert_eq!(answers, Some(TargetState::WarmedStopped));
    let tokens = log.iter().filter(|entry| entry.starts_with("PUT")).count();
    assert_eq!((tokens, log.len()), (1, 6), "{log:?}");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_a_request() {
    fn script(request: &str, seen: usize) -> (u16, Vec<u8>) {
        match (request, seen) {
            ("PUT latest/api/token", n) => (200, format!("token-{n}").into()),
            ("GET latest/user-data token-0", _) => (401, vec![]),
            ("GET latest/user-data token-1", _) => (200, b"data".to_vec()),
            _ => (500, vec![]),
        }
    }
    let (answer, log) = stage(script, async |imds| imds.user_data(soon()).await).await;
    assert_eq!(answer, Ok(Some(b"data".to_vec())));
    assert_eq!(
        log,
        [
            "PUT latest/api/token",
            "GET latest/user-data token-0",
            "PUT latest/api/token",
            "GET latest/user-data token-1"
        ]
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    fn script(request: &str, seen: usize) -> (u16, Vec<u8>) {
        match (request, seen) {
            ("PUT latest/api/token", 0) => (503, vec![]),
            ("PUT latest/api/token", 1) => (200, b"<html>".to_vec()),
            ("PUT latest/api/token", 2) => (0, vec![]),
            ("PUT latest/api/token", _) => (200, b"token".to_vec()),
            (_, 0) => (500, vec![]),
            (_, 1) => (429, vec![]),
            (_, 2) => (200, b"{}".to_vec()),
            (_, 3) => (200, DOCUMENT.replace("i-0", "i-X").into()),
            _ => (200, DOCUMENT.into()),
        }
    }
    let (answer, log) = stage(script, async |imds| imds.identify(soon()).await).await;
    assert_eq!(answer.unwrap().region, "eu-west-1");
    assert_eq!(log.len(), 9, "{log:?}");
}

#[tokio::test]
async fn some_answers_are_the_end() {
    fn denied(_: &str, _: usize) -> (u16, Vec<u8>) {
        (403, vec![])
    }
    fn refused(request: &str, _: usize) -> (u16, Vec<u8>) {
        match request {
            "PUT latest/api/token" => (200, b"token".to_vec()),
            _ => (400, vec![]),
        }
    }
    fn redirect(_: &str, _: usize) -> (u16, Vec<u8>) {
        (302, vec![])
    }
    fn large(request: &str, _: usize) -> (u16, Vec<u8>) {
        match request {
            "PUT latest/api/token" => (200, b"token".to_vec()),
            _ => (200, vec![b'x'; 65_537]),
        }
    }
    for (script, requests, says) in [
        (denied as Script, 3, "--http-endpoint enabled"),
        (refused, 2, "HTTP status 400"),
        (redirect, 1, "HTTP status 302"),
        (large, 2, "more than 65536 bytes"),
    ] {
        let (answer, log) = stage(script, async |imds| imds.user_data(soon()).await).await;
        let error = answer.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(log.len(), requests, "{says}: {log:?}");
    }
}

#[tokio::test]
async fn a_token_that_hangs_names_the_hop_limit() {
    fn hang(_: &str, _: usize) -> (u16, Vec<u8>) {
        (0, vec![])
    }
    let (answer, _) = stage(hang, async |imds| {
        imds.user_data(Deadline::after(Duration::from_millis(500)))
            .await
    })
    .await;
    let error = answer.unwrap_err();
    assert!(error.to_string().contains("hop limit"), "{error}");
    assert!(matches!(error, ImdsError::Unreachable { .. }));
}

#[tokio::test]
async fn the_second_endpoint_is_used_where_the_first_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", closed.local_addr().unwrap())
    };
    let alive = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let imds = Imds::at(vec![dead, alive], &timings(), &Report::default());
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, healthy, log.clone()).await;
    };
    tokio::select! {
        tag = imds.tag("Name", soon()) => assert_eq!(tag.unwrap().as_deref(), Some("web")),
        () = serving => panic!("the connection was closed"),
    }
}

#[test]
fn the_environment_names_the_endpoint() {
    for (endpoint, mode, expected) in [
        (
            None,
            None,
            vec!["http://169.254.169.254", "http://[fd00:ec2::254]"],
        ),
        (Some(""), Some("IPv4"), vec!["http://169.254.169.254"]),
        (None, Some("IPv6"), vec!["http://[fd00:ec2::254]"]),
        (
            Some("http://127.0.0.1:1338/"),
            Some("IPv6"),
            vec!["http://127.0.0.1:1338"],
        ),
    ] {
        assert_eq!(endpoints(endpoint, mode), expected);
    }
}

#[test]
fn target_states_keep_their_text() {
    for text in [
        "InService",
        "Standby",
        "Detached",
        "Terminated",
        "Warmed:Hibernated",
        "Warmed:Running",
        "Warmed:Stopped",
        "Warmed:Terminated",
        "Replaced",
    ] {
        let state = TargetState::from(text.to_owned());
        assert_eq!(matches!(state, TargetState::Unknown(_)), text == "Replaced");
        assert_eq!(String::from(state), text);
    }
}

#[test]
fn text_is_not_a_page() {
    assert_eq!(text(b"web\r\n".to_vec()).as_deref(), Ok("web"));
    assert!(text(b" <html>".to_vec()).is_err());
    assert!(text(vec![0xff]).is_err());
}
