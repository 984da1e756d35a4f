//! The instance metadata service, version 2.
//!
//! Rules after the Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata". The tree is a
//! flat map from path to bytes; directories are derived from it, so they name only what exists.
//!
//! To add a category: its path in [`Metadata::new`], or at run time [`Metadata::set`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::{Answer, AwsError, Protocol};
use super::instance::Instance;

/// Seconds a token may live, as EC2 bounds it.
const TOKEN_LIFE: std::ops::RangeInclusive<u64> = 1..=21_600;
/// What the first path segment may be, as `GET /` lists it.
const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2008-02-01",
    "2009-04-04",
    "2014-02-25",
    "2016-09-02",
    "2018-09-24",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
    "latest",
];

/// Whether a path segment is an API version.
pub(super) fn is_version(segment: &str) -> bool {
    VERSIONS.contains(&segment)
}

/// Whether a session token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpTokens {
    /// Requests without one are refused.
    #[default]
    Required,
    /// Requests without one are served, as IMDSv1 did.
    Optional,
}

/// The metadata service's state.
#[derive(Debug)]
pub struct Metadata {
    mode: HttpTokens,
    token_life: Duration,
    tokens: BTreeMap<String, Instant>,
    tree: BTreeMap<String, Vec<u8>>,
    role: Option<String>,
    credentials: u32,
}

impl Metadata {
    /// The service of this instance.
    #[must_use]
    pub fn new(me: &Instance, mode: HttpTokens, user_data: Option<Vec<u8>>) -> Self {
        let mut new = Self {
            mode,
            token_life: Duration::MAX,
            tokens: BTreeMap::new(),
            tree: BTreeMap::new(),
            role: me.role.clone(),
            credentials: 0,
        };
        let host = format!(
            "ip-{}.{}.compute.internal",
            me.address.replace('.', "-"),
            me.region
        );
        for (path, value) in [
            ("ami-launch-index", "0"),
            ("hostname", host.as_str()),
            ("instance-action", "none"),
            ("instance-id", &me.id),
            ("instance-life-cycle", &me.life_cycle),
            ("instance-type", &me.kind),
            ("local-hostname", &host),
            ("local-ipv4", &me.address),
            ("mac", "02:29:96:8f:6a:2d"),
            (
                "network/interfaces/macs/02:29:96:8f:6a:2d/local-ipv4s",
                &me.address,
            ),
            ("placement/availability-zone", &me.zone),
            ("placement/availability-zone-id", "euw1-az1"),
            ("placement/region", &me.region),
            ("profile", "default-hvm"),
            ("reservation-id", "r-0fedcba9876543210"),
            ("security-groups", "default"),
            ("services/domain", "amazonaws.com"),
            ("services/partition", "aws"),
        ] {
            new.set(&format!("meta-data/{path}"), Some(value.as_bytes()));
        }
        if let Some(role) = &me.role {
            let info = serde_json::json!({
                "Code": "Success", "LastUpdated": stamp(Duration::ZERO), "InstanceProfileId": "AIPASTAGE000000000001",
                "InstanceProfileArn": format!("arn:aws:iam::{}:instance-profile/{role}", me.account),
            });
            new.set("meta-data/iam/info", Some(info.to_string().as_bytes()));
            // The content is made fresh each time it is read.
            new.set(
                &format!("meta-data/iam/security-credentials/{role}"),
                Some(b""),
            );
        }
        for (key, value) in me.tags.iter().flatten() {
            new.set(
                &format!("meta-data/tags/instance/{key}"),
                Some(value.as_bytes()),
            );
        }
        new.image(me);
        new.set("user-data", user_data.as_deref());
        new
    }

    /// Puts a value at a path such as `meta-data/spot/instance-action`, or takes it away.
    pub fn set(&mut self, path: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.tree.insert(path.to_owned(), value.to_vec()),
            None => self.tree.remove(path),
        };
    }

    /// Tells the image that the instance was started from.
    pub fn image(&mut self, me: &Instance) {
        self.set("meta-data/ami-id", Some(me.image.as_bytes()));
        let document = identity_document(me);
        self.set(
            "dynamic/instance-identity/document",
            Some(document.as_bytes()),
        );
    }

    /// Lets no token live longer than this, whatever is asked for.
    #[must_use]
    pub const fn token_life(mut self, longest: Duration) -> Self {
        self.token_life = longest;
        self
    }

    /// Whether a value was put at this path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.tree.contains_key(path)
    }

    /// Forgets every session token: the next request that brings one is answered 401.
    pub fn invalidate_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Whether an access key was given out here.
    #[must_use]
    pub fn issued(&self, access_key: &str) -> bool {
        (1..=self.credentials).any(|number| access_key_id(number) == access_key)
    }

    /// Answers a request. `raw` is its path with the version, `path` without.
    pub fn answer(
        &mut self,
        method: &Method,
        raw: &str,
        path: &str,
        headers: &HeaderMap,
        now: Instant,
    ) -> Answer {
        let refuse =
            |status: u16, title: &str| AwsError::new(status, title, "").write(Protocol::Metadata);
        if method == Method::PUT {
            return match (raw, token_life(headers)) {
                _ if headers.contains_key("x-forwarded-for") => refuse(403, "Forbidden"),
                ("/latest/api/token", Some(life)) => self.token(life, now),
                ("/latest/api/token", None) => refuse(400, "Bad Request"),
                _ => refuse(403, "Forbidden"),
            };
        }
        if method != Method::GET {
            return refuse(405, "Method Not Allowed");
        }
        let token = headers
            .get("x-aws-ec2-metadata-token")
            .map(|token| token.to_str().unwrap_or_default());
        let admitted = match token {
            Some(token) => self.tokens.get(token).is_some_and(|expiry| now < *expiry),
            None => self.mode == HttpTokens::Optional,
        };
        if !admitted {
            return refuse(401, "Unauthorized");
        }
        match self.read(raw, path) {
            Some(body) => Answer::new(200, "text/plain", body).header("server", "EC2ws"),
            None => refuse(404, "Not Found"),
        }
    }

    fn token(&mut self, asked: Duration, now: Instant) -> Answer {
        let life = asked.min(self.token_life);
        let token = format!("STAGE{:032x}==", fastrand::u128(..));
        self.tokens.insert(token.clone(), now + life);
        Answer::new(200, "text/plain", token).header(
            "x-aws-ec2-metadata-token-ttl-seconds",
            &life.as_secs().to_string(),
        )
    }

    fn read(&mut self, raw: &str, path: &str) -> Option<Vec<u8>> {
        if raw == "/" || raw.is_empty() {
            return Some(VERSIONS.join("\n").into_bytes());
        }
        if self
            .role
            .as_ref()
            .is_some_and(|role| path == format!("meta-data/iam/security-credentials/{role}"))
            && self.has(path)
        {
            return Some(self.fresh_credentials().into_bytes());
        }
        if let Some(value) = self.tree.get(path) {
            return Some(value.clone());
        }
        let directory = if path.is_empty() || path.ends_with('/') {
            path.to_owned()
        } else {
            format!("{path}/")
        };
        let entries: BTreeSet<String> = self
            .tree
            .keys()
            .filter_map(|key| key.strip_prefix(&directory))
            .map(|rest| {
                rest.split_once('/')
                    .map_or_else(|| rest.to_owned(), |(child, _)| format!("{child}/"))
            })
            .collect();
        // The top directory lists its children without a slash.
        let top = path.is_empty();
        let lines: Vec<&str> = entries
            .iter()
            .map(|e| if top { e.trim_end_matches('/') } else { e })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n").into_bytes())
    }

    fn fresh_credentials(&mut self) -> String {
        self.credentials = self.credentials.saturating_add(1);
        serde_json::json!({
            "Code": "Success", "LastUpdated": stamp(Duration::ZERO), "Type": "AWS-HMAC",
            "AccessKeyId": access_key_id(self.credentials), "SecretAccessKey": "stage-secret-access-key",
            "Token": "stage-session-token", "Expiration": stamp(Duration::from_secs(6 * 3600)),
        })
        .to_string()
    }
}

fn access_key_id(number: u32) -> String {
    format!("ASIASTAGE{number:011}")
}

fn token_life(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get("x-aws-ec2-metadata-token-ttl-seconds")?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    TOKEN_LIFE
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

pub(super) fn stamp(from_now: Duration) -> String {
    let at = OffsetDateTime::now_utc() + from_now;
    at.replace_nanosecond(0)
        .unwrap_or(at)
        .format(&Rfc3339)
        .unwrap_or_default()
}

fn identity_document(me: &Instance) -> String {
    let document = serde_json::json!({
        "accountId": me.account, "architecture": "x86_64", "availabilityZone": me.zone, "billingProducts": null,
        "devpayProductCodes": null, "imageId": me.image, "instanceId": me.id, "instanceType": me.kind, "kernelId": null,
        "marketplaceProductCodes": null, "pendingTime": stamp(Duration::ZERO), "privateIp": me.address, "ramdiskId": null,
        "region": me.region, "version": "2017-09-30",
    });
    format!("{document:#}")
}
