//! Passing a call on to moto, which plays what the stage does not.

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};

use super::answer::Answer;

/// Header lines that belong to one connection, not to the message.
const HOP_BY_HOP: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "expect",
];

/// Sends the request to the server at `base` and brings its answer back.
pub(super) async fn on(
    client: &reqwest::Client,
    base: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> anyhow::Result<Answer> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{base}{path}");
    let request = client
        .request(method.clone(), &url)
        .headers(message_headers(headers))
        .body(body);
    let response = request
        .send()
        .await
        .with_context(|| format!("passing {method} {path} on to moto"))?;
    let (status, headers) = (
        response.status().as_u16(),
        message_headers(response.headers()),
    );
    let body = response.bytes().await.context("reading moto's answer")?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn message_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(*name);
    }
    kept
}
