//! What a metadata client may rely on.
#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn service() -> Metadata {
    Metadata::new(
        &Instance::default(),
        HttpTokens::Required,
        Some(vec![0x1f, 0x8b, 0]),
    )
}

fn put(metadata: &mut Metadata, raw: &str, ttl: Option<&str>, now: Instant) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(ttl) = ttl {
        headers.insert("x-aws-ec2-metadata-token-ttl-seconds", ttl.parse().unwrap());
    }
    metadata.answer(&Method::PUT, raw, "api/token", &headers, now)
}

fn get(metadata: &mut Metadata, path: &str, token: Option<&str>, now: Instant) -> (u16, String) {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert("x-aws-ec2-metadata-token", token.parse().unwrap());
    }
    let answer = metadata.answer(
        &Method::GET,
        &format!("/latest/{path}"),
        path,
        &headers,
        now,
    );
    (
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    )
}

fn token(metadata: &mut Metadata, now: Instant) -> String {
    String::from_utf8(
        put(metadata, "/latest/api/token", Some("60"), now)
            .body
            .to_vec(),
    )
    .unwrap()
}

#[test]
fn a_token_needs_its_path_and_a_life() {
    let now = Instant::now();
    for (raw, ttl, status) in [
        ("/latest/api/token", Some("1"), 200),
        ("/latest/api/token", Some("21600"), 200),
        ("/latest/api/token", Some("0"), 400),
        ("/latest/api/token", Some("21601"), 400),
        ("/latest/api/token", Some("soon"), 400),
        ("/latest/api/token", None, 400),
        ("/2021-07-15/api/token", Some("60"), 403),
    ] {
        let answer = put(&mut service(), raw, ttl, now);
        assert_eq!(answer.status, status, "{raw} {ttl:?}");
        let life = answer
            .headers
            .get("x-aws-ec2-metadata-token-ttl-seconds")
            .map(|v| v.to_str().unwrap());
        assert_eq!(life, ttl.filter(|_| status == 200));
    }
}

#[test]
fn a_forwarded_token_request_is_refused() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", "10.0.0.1".parse().unwrap());
    headers.insert(
        "x-aws-ec2-metadata-token-ttl-seconds",
        "60".parse().unwrap(),
    );
    let answer = service().answer(
        &Method::PUT,
        "/latest/api/token",
        "api/token",
        &headers,
        Instant::now(),
    );
    assert_eq!(answer.status, 403);
}

#[test]
fn tokens_are_asked_for_expire_and_are_forgotten() {
    let (mut service, now) = (service(), Instant::now());
    let path = "meta-data/instance-id";
    assert_eq!(get(&mut service, path, None, now).0, 401);
    assert_eq!(get(&mut service, path, Some("unknown"), now).0, 401);
    let token = token(&mut service, now);
    assert_eq!(
        get(&mut service, path, Some(&token), now),
        (200, "i-0123456789abcdef0".to_owned())
    );
    assert_eq!(
        get(
            &mut service,
            path,
            Some(&token),
            now + Duration::from_secs(60)
        )
        .0,
        401
    );
    service.invalidate_tokens();
    assert_eq!(get(&mut service, path, Some(&token), now).0, 401);
}

#[test]
fn optional_tokens_still_have_to_be_right() {
    let mut service = Metadata::new(&Instance::default(), HttpTokens::Optional, None);
    let now = Instant::now();
    assert_eq!(get(&mut service, "meta-data/ami-id", None, now).0, 200);
    assert_eq!(
        get(&mut service, "meta-data/ami-id", Some("unknown"), now).0,
        401
    );
}

#[test]
fn directories_name_only_what_exists() {
    let (mut service, now) = (service(), Instant::now());
    let token = token(&mut service, now);
    let mut read = |path: &str| get(&mut service, path, Some(&token), now);
    assert_eq!(read(""), (200, "dynamic\nmeta-data\nuser-data".to_owned()));
    assert_eq!(
        read("meta-data/placement/").1,
        "availability-zone\navailability-zone-id\nregion"
    );
    assert_eq!(
        read("meta-data/iam/security-credentials/"),
        (200, "web".to_owned())
    );
    assert!(read("meta-data").1.lines().any(|line| line == "placement/"));
    for absent in [
        "meta-data/tags/instance/",
        "meta-data/spot/instance-action",
        "meta-data/instance-i",
        "nothing",
    ] {
        assert_eq!(read(absent).0, 404, "{absent}");
    }
}

#[test]
fn user_data_is_bytes_or_absent() {
    let (mut service, now) = (service(), Instant::now());
    let token = token(&mut service, now);
    let mut headers = HeaderMap::new();
    headers.insert("x-aws-ec2-metadata-token", token.parse().unwrap());
    let answer = service.answer(
        &Method::GET,
        "/latest/user-data",
        "user-data",
        &headers,
        now,
    );
    assert_eq!(answer.body.as_ref(), [0x1f, 0x8b, 0]);
    service.set("user-data", None);
    assert_eq!(get(&mut service, "user-data", Some(&token), now).0, 404);
}

#[test]
fn credentials_are_fresh_and_known() {
    let (mut service, now) = (service(), Instant::now());
    let token = token(&mut service, now);
    let mut key = || {
        let body = get(
            &mut service,
            "meta-data/iam/security-credentials/web",
            Some(&token),
            now,
        )
        .1;
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["AccessKeyId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (first, second) = (key(), key());
    assert_ne!(first, second);
    assert!(service.issued(&first) && service.issued(&second) && !service.issued("AKIAELSEWHERE"));
}
