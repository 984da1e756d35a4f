//! The stage's HTTP front: reads a call, lets a fault strike it, performs it, and writes the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, Uri, request::Parts};
use futures_util::stream;

use super::answer::{Answer, AwsError, Protocol};
use super::call::Call;
use super::fault::{Fault, strike};
use super::line::Line;
use super::log::{Entry, Outcome};
use super::{Shared, autoscaling, cloudformation, lock, pass, words};

/// The largest request body taken, in bytes.
const BODY_LIMIT: usize = 64 << 20;
/// How far a caller's clock may be off, in seconds (IAM User Guide, "Troubleshoot Signature Version 4 requests").
const SKEW: u64 = 5 * 60;
/// How long the first half of a cut answer has to get out before the connection breaks.
const CUT_PAUSE: Duration = Duration::from_millis(50);

/// The metadata service's handler.
pub(super) async fn metadata(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let call = Call::metadata(&parts.method, &parts.uri);
    stage(&shared, &line, call, &parts, Bytes::new()).await
}

/// The control plane's handler.
pub(super) async fn aws(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return AwsError::new(400, "IncompleteBody", "the body broke off or is too large")
            .write(Protocol::S3)
            .respond();
    };
    match Call::aws(&parts.method, &parts.uri, &parts.headers, &body) {
        Some(call) => stage(&shared, &line, call, &parts, body).await,
        None => AwsError::new(
            403,
            "MissingAuthenticationToken",
            "Missing Authentication Token",
        )
        .write(Protocol::Query)
        .respond(),
    }
}

async fn stage(
    shared: &Shared,
    line: &Line,
    call: Call,
    parts: &Parts,
    body: Bytes,
) -> Response<Body> {
    let struck = strike(&mut lock(&shared.orders), &call);
    let number = enter(
        shared,
        &call,
        struck.as_ref().map(|strike| format!("{:?}", strike.fault)),
    );
    let refuse = |error: AwsError| Done::Answered(error.write(call.protocol));
    let Some(strike) = struck else {
        let answer = perform(shared, &call, parts, body).await;
        return finish(shared, number, line, Done::Answered(answer));
    };
    let done = match strike.fault {
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            Done::Answered(perform(shared, &call, parts, body).await)
        }
        Fault::Drop => Done::Lost,
        Fault::Hang => std::future::pending().await,
        Fault::Throttle => refuse(words::throttled(&call)),
        Fault::Deny => refuse(words::denied(&call, &shared.me, strike.naming.as_deref())),
        Fault::DenyKms => refuse(words::key_denied(&call, &shared.me)),
        Fault::Skew => refuse(words::skewed(&call)),
        Fault::Error(error) => refuse(error),
        Fault::Instead(answer) => Done::Answered(answer),
        Fault::Status(status) => Done::Answered(Answer::new(status, "text/plain", "")),
        Fault::Garble => Done::Answered(Answer::new(200, "text/html", "<<{garbled \u{fffd}}>")),
        Fault::Cut => Done::Cut(perform(shared, &call, parts, body).await),
        Fault::DoThenLose => {
            perform(shared, &call, parts, body).await;
            Done::Lost
        }
        Fault::DoThenHang => {
            perform(shared, &call, parts, body).await;
            shared.withheld.notify_one();
            std::future::pending().await
        }
    };
    finish(shared, number, line, done)
}

/// What the caller gets of an answer.
enum Done {
    Answered(Answer),
    Cut(Answer),
    Lost,
}

fn enter(shared: &Shared, call: &Call, fault: Option<String>) -> usize {
    let mut log = lock(&shared.log);
    log.push(Entry {
        at: shared.opened.elapsed(),
        call: call.clone(),
        fault,
        outcome: Outcome::Open,
        ended: None,
    });
    log.len() - 1
}

fn finish(shared: &Shared, number: usize, line: &Line, done: Done) -> Response<Body> {
    let (outcome, response) = match done {
        Done::Answered(answer) => (Outcome::Status(answer.status), answer.respond()),
        Done::Cut(answer) => (Outcome::Severed, cut(answer)),
        Done::Lost => {
            line.sever();
            (Outcome::Severed, Response::new(Body::empty()))
        }
    };
    if let Some(entry) = lock(&shared.log).get_mut(number) {
        entry.outcome = outcome;
        entry.ended = Some(shared.opened.elapsed());
    }
    response
}

/// Announces the whole length, sends half of it, and breaks off.
fn cut(answer: Answer) -> Response<Body> {
    let half = answer.body.slice(..answer.body.len() / 2);
    let length = answer.body.len().to_string();
    let mut response = answer.header("content-length", &length).respond();
    *response.body_mut() = Body::from_stream(stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
            _ => {
                tokio::time::sleep(CUT_PAUSE).await;
                Some((
                    Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe)),
                    None,
                ))
            }
        }
    }));
    response
}

async fn perform(shared: &Shared, call: &Call, parts: &Parts, body: Bytes) -> Answer {
    if call.protocol == Protocol::Metadata {
        return perform_metadata(shared, call, parts);
    }
    let known = call
        .access_key
        .as_deref()
        .is_some_and(|key| lock(&shared.metadata).issued(key));
    if !known {
        return words::stranger(call.protocol).write(call.protocol);
    }
    if call.ahead.unsigned_abs() > SKEW {
        return words::skewed(call).write(call.protocol);
    }
    let now = Instant::now();
    let own = match call.service.as_str() {
        "autoscaling" => autoscaling::answer(call, &shared.me, lock(&shared.group).as_mut(), now),
        "cloudformation" => cloudformation::answer(call, &shared.me, lock(&shared.stack).as_mut()),
        "s3" => foreign_bucket(shared, parts),
        _ => None,
    };
    match own {
        Some(answer) => answer,
        None => pass_on(shared, call, parts, body).await,
    }
}

fn perform_metadata(shared: &Shared, call: &Call, parts: &Parts) -> Answer {
    let (path, now) = (call.parameter("path").unwrap_or_default(), Instant::now());
    let mut metadata = lock(&shared.metadata);
    if !lock(&shared.pinned_target).to_owned() {
        let target = lock(&shared.group)
            .as_mut()
            .and_then(|group| group.target(now));
        metadata.set(super::TARGET_STATE, target.map(str::as_bytes));
    }
    metadata.answer(&parts.method, parts.uri.path(), path, &parts.headers, now)
}

/// S3 refuses when the caller expects another owner (Amazon S3 User Guide, "Verifying bucket ownership with bucket owner
/// condition"). Every bucket on the stage belongs to the instance's account.
fn foreign_bucket(shared: &Shared, parts: &Parts) -> Option<Answer> {
    let expected = parts.headers.get("x-amz-expected-bucket-owner")?;
    (expected.as_bytes() != shared.me.account.as_bytes())
        .then(|| AwsError::new(403, "AccessDenied", "Access Denied").write(Protocol::S3))
}

async fn pass_on(shared: &Shared, call: &Call, parts: &Parts, body: Bytes) -> Answer {
    let Some(moto) = &shared.moto else {
        let message = format!(
            "this stage has no moto behind it to play {}:{}",
            call.service, call.operation
        );
        return AwsError::new(501, "NotOnStage", message).write(call.protocol);
    };
    let uri: &Uri = &parts.uri;
    pass::on(
        &shared.client,
        moto,
        &parts.method,
        uri,
        &parts.headers,
        body,
    )
    .await
    .unwrap_or_else(|error| {
        AwsError::new(502, "BadGateway", format!("{error:#}")).write(call.protocol)
    })
}
