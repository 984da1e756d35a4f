//! A request, read as a call: which service, which operation, about what.
//!
//! What is kept of a request is what may be printed: names and ids, never values.

use axum::http::{HeaderMap, Method, Uri};
use serde_json::Value;
use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::answer::Protocol;

/// JSON request members that name things. No other member of a JSON request is kept.
const KEPT: &[&str] = &[
    "Name",
    "Names",
    "Path",
    "NextToken",
    "MaxResults",
    "WithDecryption",
    "SecretId",
    "SecretIdList",
    "VersionId",
    "VersionStage",
    "registryIds",
];

/// One call to the stage.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service as SigV4 names it (`ssm`, `autoscaling`, …), or `imds`.
    pub service: String,
    /// `GetParameters`, …; for metadata the HTTP method.
    pub operation: String,
    /// Names and ids in the request, in order. For metadata: `path`, without its version.
    pub parameters: Vec<(String, String)>,
    /// How its answers are written.
    pub protocol: Protocol,
    /// The access key it was signed with.
    pub access_key: Option<String>,
    /// The region it was signed for.
    pub region: Option<String>,
    /// How many seconds the clock that signed it was ahead of the stage's; less than 0: behind.
    pub ahead: i64,
}

impl Call {
    /// Reads a metadata request. The API version in the path is dropped: all versions are served alike.
    #[must_use]
    pub fn metadata(method: &Method, uri: &Uri) -> Self {
        let path = uri.path().trim_start_matches('/');
        let path = match path.split_once('/') {
            Some((version, rest)) if super::imds::is_version(version) => rest,
            _ => path,
        };
        Self {
            service: "imds".to_owned(),
            operation: method.to_string(),
            parameters: vec![("path".to_owned(), path.to_owned())],
            protocol: Protocol::Metadata,
            access_key: None,
            region: None,
            ahead: 0,
        }
    }

    /// Reads a signed AWS request; `None` if it bears no SigV4 credential scope.
    #[must_use]
    pub fn aws(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let authorization = headers.get("authorization")?.to_str().ok()?;
        let scope = authorization
            .split_once("Credential=")?
            .1
            .split([',', ' '])
            .next()?;
        let mut scope = scope.split('/');
        let (access_key, _date, region, service) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let (protocol, operation, parameters) = if let Some(target) = headers.get("x-amz-target") {
            let target = target.to_str().ok()?;
            let operation = target
                .rsplit_once('.')
                .map_or(target, |(_, operation)| operation);
            (Protocol::Json, operation.to_owned(), json_parameters(body))
        } else if service == "s3" {
            let (operation, parameters) = s3_parameters(method, uri);
            (Protocol::S3, operation, parameters)
        } else {
            let mut parameters = form_parameters(&String::from_utf8_lossy(body));
            let at = parameters.iter().position(|(name, _)| name == "Action")?;
            let (_, operation) = parameters.remove(at);
            (Protocol::Query, operation, parameters)
        };
        Some(Self {
            service: service.to_owned(),
            operation,
            parameters,
            protocol,
            access_key: Some(access_key.to_owned()),
            region: Some(region.to_owned()),
            ahead: signed(headers).map_or(0, |signed| {
                (signed - OffsetDateTime::now_utc()).whole_seconds()
            }),
        })
    }

    /// The value of a request parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether this request names `what`: a parameter, a path, a secret, an object key, a hook.
    #[must_use]
    pub fn names(&self, what: &str) -> bool {
        self.parameters.iter().any(|(_, value)| value == what)
    }
}

/// When a request was signed, by the clock of who signed it.
fn signed(headers: &HeaderMap) -> Option<OffsetDateTime> {
    let stamp = headers.get("x-amz-date")?.to_str().ok()?;
    let signed = PrimitiveDateTime::parse(stamp.strip_suffix('Z')?, &Iso8601::PARSING);
    Some(signed.ok()?.assume_utc())
}

fn json_parameters(body: &[u8]) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let mut parameters = Vec::new();
    for (name, value) in members
        .into_iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()))
    {
        match value {
            Value::Array(items) => {
                parameters.extend(items.into_iter().map(|item| (name.clone(), plain(&item))));
            }
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => {
                parameters.push((name, plain(&value)));
            }
        }
    }
    parameters
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn form_parameters(form: &str) -> Vec<(String, String)> {
    let pairs = reqwest::Url::parse(&format!("http://form/?{form}"));
    pairs.map_or_else(
        |_| Vec::new(),
        |url| {
            url.query_pairs()
                .filter(|(name, _)| name != "Version")
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect()
        },
    )
}

fn s3_parameters(method: &Method, uri: &Uri) -> (String, Vec<(String, String)>) {
    let (bucket, key) = uri
        .path()
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((uri.path(), ""));
    let kind = if key.is_empty() { "Bucket" } else { "Object" };
    let verb = match method.as_str() {
        "GET" => "Get",
        "PUT" => "Put",
        "HEAD" => "Head",
        "DELETE" => "Delete",
        other => other,
    };
    let named = [("Bucket", bucket.trim_start_matches('/')), ("Key", key)];
    let parameters = named
        .iter()
        .filter(|(_, v)| !v.is_empty())
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    (format!("{verb}{kind}"), parameters)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers_of(service: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let line = format!(
            "AWS4-HMAC-SHA256 Credential=ASIA1/20261121/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        headers.insert("authorization", line.parse().unwrap());
        headers
    }

    #[test]
    fn reads_each_protocol() {
        let mut json = headers_of("ssm");
        json.insert("x-amz-target", "AmazonSSM.GetParameters".parse().unwrap());
        let body = br#"{"Names":["/a","/b"],"WithDecryption":true,"Value":"hush"}"#;
        let form =
            b"Action=CompleteLifecycleAction&Version=2011-01-01&LifecycleHookName=web%20launch";
        for (headers, uri, body, operation, named) in [
            (json, "/", &body[..], "GetParameters", "/b"),
            (
                headers_of("autoscaling"),
                "/",
                &form[..],
                "CompleteLifecycleAction",
                "web launch",
            ),
            (
                headers_of("s3"),
                "/bucket/some/key?x-id=GetObject",
                &b""[..],
                "GetObject",
                "some/key",
            ),
        ] {
            let method = if operation == "GetObject" {
                Method::GET
            } else {
                Method::POST
            };
            let call = Call::aws(&method, &uri.parse().unwrap(), &headers, body).unwrap();
            assert_eq!(call.operation, operation);
            assert!(call.names(named), "{call:?}");
            assert!(!call.names("hush"), "values are not kept");
            assert_eq!(call.access_key.as_deref(), Some("ASIA1"));
            assert_eq!(call.region.as_deref(), Some("eu-west-1"));
        }
    }

    #[test]
    fn knows_the_clock_that_signed() {
        for (stamp, ahead) in [
            ("20200101T000000Z", i64::MIN..0),
            ("29990101T000000Z", 1..i64::MAX),
            ("yesterday", 0..1),
        ] {
            let mut headers = headers_of("autoscaling");
            headers.insert("x-amz-date", stamp.parse().unwrap());
            let call = Call::aws(&Method::POST, &"/".parse().unwrap(), &headers, b"Action=X");
            let call = call.unwrap();
            assert!(ahead.contains(&call.ahead), "{stamp}: {call:?}");
        }
    }

    #[test]
    fn unsigned_is_no_call() {
        assert!(Call::aws(&Method::POST, &"/".parse().unwrap(), &HeaderMap::new(), b"").is_none());
    }

    #[test]
    fn metadata_paths_lose_their_version() {
        for (uri, path) in [
            ("/latest/meta-data/instance-id", "meta-data/instance-id"),
            ("/2021-07-15/user-data", "user-data"),
            ("/latest/", ""),
            ("/", ""),
        ] {
            assert_eq!(
                Call::metadata(&Method::GET, &uri.parse().unwrap()).parameter("path"),
                Some(path)
            );
        }
    }
}
