//! The protocol: tokens, time-outs, endpoints, and what each status means.

use super::error::{ImdsError, Miss};
use crate::{
    context::{Deadline, Timings},
    report::Report,
    retry::{self, Backoff},
};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderValue},
    redirect::Policy,
};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// Largest body taken. User data has at most 16 KiB, all else less.
const BODY_MOST: usize = 64 * 1024;
/// What is asked for: six hours, the longest there is.
const TOKEN_TTL: Duration = Duration::from_secs(21_600);
/// A token is renewed this long before it expires.
const TOKEN_SPARE: Duration = Duration::from_secs(120);
/// Largest wait between attempts: at boot, the service is seconds away at most.
const BACKOFF_MOST: Duration = Duration::from_secs(10);

const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// One connection to the service, used by one request at a time: EC2 limits both rate and connections.
#[derive(Debug)]
pub(super) struct Client {
    /// An error only where the TLS library does not start; the service itself speaks plain HTTP.
    http: Result<reqwest::Client, String>,
    endpoints: Vec<String>,
    session: Mutex<Session>,
    budget: Duration,
    backoff: Backoff,
    report: Report,
}

/// What the last answer taught.
#[derive(Debug, Default)]
struct Session {
    /// Which endpoint answered.
    endpoint: usize,
    token: Option<Token>,
}

#[derive(Debug)]
struct Token {
    /// Marked sensitive, so that no Debug shows it.
    value: HeaderValue,
    renew: Instant,
}

impl Client {
    pub(super) fn new(endpoints: Vec<String>, timings: &Timings, report: &Report) -> Client {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .pool_max_idle_per_host(1)
            .connect_timeout(timings.imds_connect)
            .timeout(timings.imds_attempt)
            // Plain HTTP only: without this, the machine's trust store would be read for nothing.
            .tls_certs_only([])
            .build()
            .map_err(|error| error.to_string());
        Client {
            http,
            endpoints,
            session: Mutex::default(),
            budget: timings.imds_budget,
            backoff: Backoff {
                base: timings.backoff_base,
                cap: timings.backoff_cap.min(BACKOFF_MOST),
            },
            report: report.clone(),
        }
    }

    /// GETs `latest/{path}` until `valid` takes the body (`None`: 404) or time is up.
    pub(super) async fn get<T>(
        &self,
        path: &str,
        deadline: Deadline,
        valid: impl Fn(Option<Vec<u8>>) -> Result<T, String>,
    ) -> Result<T, ImdsError> {
        let mut denials = 0;
        let attempt = async || {
            let body = self.once(path).await.map_err(|miss| match miss {
                Miss::Denied(_) => {
                    denials += 1;
                    Miss::Denied(denials)
                }
                other @ (Miss::Silent(_)
                | Miss::Busy(_)
                | Miss::Broken(_)
                | Miss::Garbled(_)
                | Miss::Refused(_)) => other,
            })?;
            valid(body).map_err(|what| Miss::Garbled(format!("latest/{path}: {what}")))
        };
        retry::until(
            &format!("imds:{path}"),
            self.backoff,
            deadline.at_most(self.budget),
            &self.report,
            |last| last.unwrap_or_else(|| Miss::Silent("no answer".to_owned())),
            attempt,
        )
        .await
        .map_err(|miss| miss.last(self.endpoints.join(" and ")))
    }

    /// GETs `latest/{path}` once: from the endpoint that answered last, and where it is silent, the others.
    pub(super) async fn once(&self, path: &str) -> Result<Option<Vec<u8>>, Miss> {
        let mut session = self.session.lock().await;
        let mut silent: Vec<String> = Vec::new();
        for offset in 0..self.endpoints.len() {
            let index = (session.endpoint + offset) % self.endpoints.len();
            let Some(endpoint) = self.endpoints.get(index) else {
                continue;
            };
            match self.attempt_one(&mut session.token, endpoint, path).await {
                Err(Miss::Silent(what)) => silent.push(what),
                answer => {
                    session.endpoint = index;
                    return answer;
                }
            }
        }
        Err(Miss::Silent(silent.join("; ")))
    }

    /// One GET at one endpoint, with a new token where the old one is refused.
    async fn attempt_one(
        &self,
        token: &mut Option<Token>,
        endpoint: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Miss> {
        let url = format!("{endpoint}/latest/{path}");
        let fresh = match token.take() {
            Some(held) if Instant::now() < held.renew => held,
            _ => self.new_token(endpoint).await?,
        };
        let response = self.get_with(&url, token.insert(fresh)).await?;
        let response = if response.status() == StatusCode::UNAUTHORIZED {
            *token = None;
            let fresh = self.new_token(endpoint).await?;
            self.get_with(&url, token.insert(fresh)).await?
        } else {
            response
        };
        match response.status() {
            StatusCode::OK => Ok(Some(bounded(response).await?)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(miss(status, &url)),
        }
    }

    async fn get_with(&self, url: &str, token: &Token) -> Result<Response, Miss> {
        let request = self.request(Method::GET, url)?;
        send(request.header(TOKEN_HEADER, token.value.clone()), url, "").await
    }

    /// A token. Its answer travels one network hop unless the instance's options say more, so that
    /// inside a container's network it never arrives.
    async fn new_token(&self, endpoint: &str) -> Result<Token, Miss> {
        let url = format!("{endpoint}/latest/api/token");
        let request = self
            .request(Method::PUT, &url)?
            .header(TTL_HEADER, TOKEN_TTL.as_secs());
        let hint = " (inside a container, set the metadata hop limit to 2)";
        let response = send(request, &url, hint).await?;
        if response.status() != StatusCode::OK {
            return Err(miss(response.status(), &url));
        }
        let ttl = ttl(response.headers());
        let body = bounded(response).await?;
        let garbled = || Miss::Garbled("a token that cannot be".to_owned());
        if body.is_empty() || body.first() == Some(&b'<') {
            return Err(garbled());
        }
        let mut value = HeaderValue::from_bytes(body.trim_ascii()).map_err(|_| garbled())?;
        value.set_sensitive(true);
        Ok(Token {
            value,
            renew: Instant::now() + ttl.saturating_sub(TOKEN_SPARE).max(ttl / 2),
        })
    }

    fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, Miss> {
        match &self.http {
            Ok(http) => Ok(http.request(method, url)),
            Err(error) => Err(Miss::Refused(format!("no HTTP client: {error}"))),
        }
    }
}

/// Sends a request; `hint` is for the one that hangs.
async fn send(request: RequestBuilder, url: &str, hint: &str) -> Result<Response, Miss> {
    request.send().await.map_err(|error| {
        if error.is_builder() {
            Miss::Refused(format!("{url} is not a URL"))
        } else if error.is_timeout() && !error.is_connect() {
            Miss::Silent(format!("{url}: no answer in time{hint}"))
        } else {
            Miss::Silent(format!("{url}: {}", innermost(&error)))
        }
    })
}

/// How long a token holds; what was asked for, where the answer does not say.
fn ttl(headers: &HeaderMap) -> Duration {
    headers
        .get(TTL_HEADER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map_or(TOKEN_TTL, Duration::from_secs)
        .min(TOKEN_TTL)
}

/// What a status other than 200 and 404 means.
fn miss(status: StatusCode, url: &str) -> Miss {
    match status.as_u16() {
        403 => Miss::Denied(1),
        code @ (429 | 503) => Miss::Busy(code),
        code @ (401 | 408 | 500..=599) => Miss::Broken(code),
        code => Miss::Refused(format!("{url}: HTTP status {code}")),
    }
}

/// The whole body, unless it is too large.
async fn bounded(mut response: Response) -> Result<Vec<u8>, Miss> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_MOST => {
                let url = response.url();
                return Err(Miss::Refused(format!("{url}: more than {BODY_MOST} bytes")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(Miss::Garbled(format!(
                    "a body cut off: {}",
                    innermost(&error)
                )));
            }
        }
    }
}

/// The cause at the bottom ("connection refused"), which reqwest's own words leave out.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
