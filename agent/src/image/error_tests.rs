#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Status (`None`: said in the middle of a pull) and text, as engines and registries write them.
const SAID: &[(Option<u16>, &str, Cause)] = &[
    // Docker 20.10 to 26, distribution
    (
        Some(404),
        "manifest for 127.0.0.1:5000/web:43 not found: manifest unknown: manifest unknown",
        Cause::Unknown,
    ),
    (
        Some(404),
        "repository 127.0.0.1:5000/none not found: name unknown: repository name not known to registry",
        Cause::Unknown,
    ),
    (
        Some(500),
        "Head \"http://127.0.0.1:5000/v2/web/manifests/42\": no basic auth credentials",
        Cause::Denied,
    ),
    (
        Some(500),
        "Get \"http://127.0.0.1:5000/v2/web/manifests/42\": unauthorized: authentication required",
        Cause::Denied,
    ),
    (
        Some(404),
        "pull access denied for acme/web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        Cause::Denied,
    ),
    (
        None,
        "filesystem layer verification failed for digest sha256:dbed9b09434efb583eb5f23173bf2aadb578cbfe2516e26226e3f7e458fac621",
        Cause::Damaged,
    ),
    (
        None,
        "image config verification failed for digest sha256:97662d24417b316f60607afbca9f226a2ba58f09d642f27b8e197a89859ddc8e",
        Cause::Damaged,
    ),
    (
        None,
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
        Cause::OtherPlatform,
    ),
    (
        None,
        "failed to register layer: Error processing tar file(exit status 1): write /blob: no space left on device",
        Cause::DiskFull,
    ),
    (
        None,
        "write /var/lib/docker/tmp/GetImageBlob5f0b: no space left on device",
        Cause::DiskFull,
    ),
    // Docker 28 and up, containerd image store
    (
        Some(404),
        "failed to resolve reference \"127.0.0.1:5000/web:43\": 127.0.0.1:5000/web:43: not found",
        Cause::Unknown,
    ),
    (
        None,
        "failed to commit: unexpected commit digest sha256:aa, expected sha256:bb: failed precondition",
        Cause::Damaged,
    ),
    (
        Some(500),
        "failed to resolve reference \"127.0.0.1:5000/web:42\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
        Cause::Denied,
    ),
    // Docker Hub
    (
        Some(500),
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
        Cause::Throttled,
    ),
    // Amazon ECR
    (
        Some(500),
        "toomanyrequests: Rate exceeded",
        Cause::Throttled,
    ),
    (
        Some(500),
        "pull access denied for 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::123456789012:assumed-role/web/i-0 is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/web because no identity-based policy allows the ecr:BatchGetImage action",
        Cause::Denied,
    ),
    (
        Some(500),
        "pull access denied for 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web, repository does not exist or may require 'docker login': denied: Your authorization token has expired. Reauthenticate and try again.",
        Cause::Expired,
    ),
    (
        Some(404),
        "manifest for 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:43 not found: manifest unknown: Requested image not found",
        Cause::Unknown,
    ),
    (
        Some(404),
        "repository 123456789012.dkr.ecr.eu-west-1.amazonaws.com/none not found: name unknown: The repository with name 'none' does not exist in the registry with id '123456789012'",
        Cause::Unknown,
    ),
    // The way there
    (
        Some(500),
        "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"https://ghcr.io/v2/\": dial tcp: lookup ghcr.io on 10.0.0.2:53: no such host",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"https://ghcr.io/v2/\": dial tcp 10.9.9.9:443: i/o timeout",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"https://ghcr.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "received unexpected HTTP status: 503 Service Unavailable",
        Cause::Unreachable,
    ),
    (None, "unexpected EOF", Cause::Unreachable),
    (
        Some(500),
        "Get \"https://ghcr.io/v2/\": dial tcp 10.9.9.9:443: connect: connection timed out",
        Cause::Unreachable,
    ),
    (
        None,
        "download failed after attempts=6: read tcp 10.0.0.5:41712->10.9.9.9:443: read: connection timed out",
        Cause::Unreachable,
    ),
    (
        None,
        "error pulling image configuration: Get \"https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/5f0b\": net/http: timeout awaiting response headers",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"https://ghcr.io/v2/\": write tcp 10.0.0.5:41712->10.9.9.9:443: use of closed network connection",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"http://127.0.0.1:5000/v2/\": http: server closed idle connection",
        Cause::Unreachable,
    ),
    (
        None,
        "stream error: stream ID 7; INTERNAL_ERROR; received from peer",
        Cause::Unreachable,
    ),
    (
        None,
        "failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://ghcr.io/v2/acme/web/blobs/sha256:aa\": http2: server sent GOAWAY and closed the connection; LastStreamID=7, ErrCode=NO_ERROR",
        Cause::Unreachable,
    ),
    (
        None,
        "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/httpd/manifests/sha256:aa: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
        Cause::Throttled,
    ),
    (
        Some(500),
        "Get \"https://registry.example/v2/\": x509: certificate signed by unknown authority",
        Cause::Untrusted,
    ),
    (
        Some(500),
        "Get \"https://registry.example/v2/\": x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2026-01-01T00:00:00Z",
        Cause::Unreachable,
    ),
    (
        Some(500),
        "Get \"https://registry.example/v2/\": http: server gave HTTP response to HTTPS client",
        Cause::Untrusted,
    ),
    (Some(400), "invalid reference format", Cause::Refused),
];

fn pull_error(status: Option<u16>, text: &str) -> ImageError {
    use bollard::errors::Error;
    let message = text.to_owned();
    let error = match status {
        Some(status_code) => Error::DockerResponseServerError {
            status_code,
            message,
        },
        None => Error::DockerStreamError { error: message },
    };
    let reference = ImageRef::parse("127.0.0.1:5000/web:43").unwrap();
    ImageError::pull(&reference, false, error.into())
}

#[test]
fn engines_and_registries_own_texts() {
    for (status, text, want) in SAID {
        let error = pull_error(*status, text);
        assert!(
            matches!(&error, ImageError::Pull { cause, .. } if cause == want),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn errors_name_image_and_registry_and_say_what_to_do() {
    for (status, text, cause) in SAID {
        let words = pull_error(*status, text).to_string();
        assert!(words.starts_with("127.0.0.1:5000/web:43 from 127.0.0.1:5000: "));
        assert!(words.ends_with(advice(*cause, false)), "{words}");
    }
}

#[test]
fn a_broken_engine_is_not_a_broken_registry() {
    let reference = ImageRef::parse("web").unwrap();
    let error = ImageError::pull(
        &reference,
        true,
        bollard::errors::Error::RequestTimeoutError.into(),
    );
    assert_eq!(error.reason(), Reason::DockerUnreachable);
    assert_eq!(error.class(), Class::Transient);
}

#[test]
fn what_came_of_an_image_is_told() {
    let reference = ImageRef::parse("ghcr.io/acme/web:42").unwrap();
    let got = PullProgress {
        downloaded: 1_200_000,
        total: 3_000_000,
        ..PullProgress::default()
    };
    let limit = Duration::from_secs(60);
    for (error, reason, words) in [
        (
            ImageError::stalled(&reference, limit, got),
            Reason::ImageStalled,
            "no byte came for 60s, after 1.2 MB of 3.0 MB; ",
        ),
        (
            ImageError::stalled(&reference, limit, PullProgress::default()),
            Reason::ImageStalled,
            "no byte came for 60s, before anything of it came; ",
        ),
        (
            ImageError::cut_off(&reference, got),
            Reason::Deadline,
            "time ran out while it was pulled, after 1.2 MB of 3.0 MB; ",
        ),
    ] {
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_registrys_words_hold_no_secret() {
    let mut redact = Redactor::default();
    redact.add("ssm:/registry/password", "hunter2");
    let said = "Get \"https://ci:hunter2@ghcr.io/token\": denied: hunter2";
    let words = pull_error(Some(500), said).redacted(&redact).to_string();
    assert!(words.contains("ci:{{ssm:/registry/password}}@"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
}
