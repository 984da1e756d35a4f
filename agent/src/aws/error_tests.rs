#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn codes_stand_for_causes() {
    let user =
        "User: arn:aws:sts::123456789012:assumed-role/web/i-0 is not authorized to perform: ";
    let cases: &[(&str, &str, Option<Cause>)] = &[
        (
            "AccessDenied",
            &format!("{user}autoscaling:CompleteLifecycleAction"),
            Some(Cause::Denied),
        ),
        (
            "AccessDeniedException",
            &format!("{user}kms:Decrypt on resource"),
            Some(Cause::Undecryptable),
        ),
        (
            "AccessDeniedException",
            &format!(
                "{user}ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:1:parameter/KMS/x"
            ),
            Some(Cause::Denied),
        ),
        (
            "AccessDeniedException",
            "Access to KMS is not allowed",
            Some(Cause::Undecryptable),
        ),
        (
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
            Some(Cause::Undecryptable),
        ),
        ("Throttling", "Rate exceeded", Some(Cause::Throttled)),
        ("SlowDown", "", Some(Cause::Throttled)),
        ("ExpiredTokenException", "", Some(Cause::Credentials)),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 1 is still later than 0",
            Some(Cause::Clock),
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            Some(Cause::Refused),
        ),
        ("ResourceContention", "", Some(Cause::Unavailable)),
        ("ValidationError", "No active Lifecycle Action found", None),
    ];
    for (code, message, cause) in cases {
        assert_eq!(by_code(code, message), *cause, "{code}: {message}");
    }
}

#[test]
fn statuses_stand_for_causes() {
    for (status, cause) in [
        (400, Cause::Refused),
        (403, Cause::Denied),
        (404, Cause::Refused),
        (408, Cause::Unavailable),
        (429, Cause::Throttled),
        (500, Cause::Unavailable),
        (503, Cause::Unavailable),
    ] {
        assert_eq!(by_status(status), cause, "{status}");
    }
}

#[test]
fn canonical_requests_are_not_passed_on() {
    let echoed = "The request signature we calculated does not match. The canonical string was \
                  x-amz-security-token:CANARY";
    for (code, cause) in [
        (Some("SignatureDoesNotMatch"), Cause::Refused),
        (Some("InvalidSignatureException"), Cause::Refused),
        (Some("IncompleteSignature"), Cause::Refused),
        (Some("ExpiredTokenException"), Cause::Credentials),
        (Some("RequestTimeTooSkewed"), Cause::Clock),
        (None, Cause::Refused),
    ] {
        let said = said(code, cause, echoed, 403);
        assert!(!said.contains("CANARY"), "{code:?}: {said}");
    }
    let denied = "User: arn:aws:sts::1:assumed-role/canonical-signature/i-0 is not authorized";
    let code = Some("AccessDeniedException");
    assert_eq!(said(code, Cause::Denied, denied, 400), denied);
    assert_eq!(
        said(None, Cause::Refused, " No such hook ", 400),
        "No such hook"
    );
    assert_eq!(said(None, Cause::Unavailable, "", 503), "HTTP status 503");
}

#[test]
fn words_are_bounded_between_characters() {
    let long = "é".repeat(1000);
    assert_eq!(bounded(&long), "é".repeat(512));
    let odd = format!("x{long}");
    assert_eq!(bounded(&odd).len(), 1023);
}

#[test]
fn endpoints_have_awss_names() {
    let config = |region: &'static str| {
        SdkConfig::builder()
            .region(aws_config::Region::new(region))
            .build()
    };
    for (action, region, name) in [
        (
            "ssm:GetParameters",
            "eu-west-1",
            "ssm.eu-west-1.amazonaws.com",
        ),
        (
            "ecr:GetAuthorizationToken",
            "us-east-1",
            "api.ecr.us-east-1.amazonaws.com",
        ),
        (
            "s3:GetObject",
            "cn-north-1",
            "s3.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        assert_eq!(endpoint(action, &config(region)), name);
    }
}
