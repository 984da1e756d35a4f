//! What AWS says when it refuses, service by service, each with the place its text was seen.

use super::answer::{AwsError, Protocol, REQUEST_ID};
use super::call::Call;
use super::instance::Instance;

/// The key that encrypts what the stage is told to deny.
pub const KMS_KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// Too many calls.
pub(super) fn throttled(call: &Call) -> AwsError {
    match call.protocol {
        Protocol::Query => AwsError::new(400, "Throttling", "Rate exceeded"),
        Protocol::Json => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
        // Amazon S3 API Reference, "Error responses".
        Protocol::S3 => AwsError::new(503, "SlowDown", "Please reduce your request rate."),
        Protocol::Metadata => AwsError::new(429, "Too Many Requests", ""),
    }
}

/// IAM says no: principal, action and resource, as IAM User Guide "Troubleshoot access denied error messages" has them.
/// `naming` is what the order was for.
pub(super) fn denied(call: &Call, me: &Instance, naming: Option<&str>) -> AwsError {
    let subject = |name: &str| {
        naming
            .or_else(|| call.parameter(name))
            .unwrap_or("*")
            .to_owned()
    };
    let (region, account) = (&me.region, &me.account);
    let resource = match (call.service.as_str(), call.operation.as_str()) {
        // aws-ia/terraform-aws-control_tower_account_factory#174, anomalyco/sst#4176
        ("ssm", operation) => {
            let name = subject(match operation {
                "GetParameters" => "Names",
                "GetParametersByPath" => "Path",
                _ => "Name",
            });
            let bare = name
                .split(':')
                .next()
                .unwrap_or_default()
                .trim_start_matches('/')
                .to_owned();
            let arn = if name.starts_with("arn:") {
                name
            } else {
                format!("arn:aws:ssm:{region}:{account}:parameter/{bare}")
            };
            Some(arn)
        }
        ("secretsmanager", _) => Some(subject("SecretId")),
        // aws-samples/serverless-patterns#2457: S3 puts the resource in quotes.
        ("s3", _) => Some(format!(
            "\"arn:aws:s3:::{}/{}\"",
            call.parameter("Bucket").unwrap_or("*"),
            subject("Key")
        )),
        // chime/terraform-aws-alternat#188; the describe calls name no resource: cattle-ops/terraform-aws-gitlab-runner#1316
        ("autoscaling", operation) if operation.starts_with("Describe") => None,
        ("autoscaling", _) => Some(format!(
            "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:e13e7a23-938e-4213-9105-2e59bd0b83ed:autoScalingGroupName/{}",
            call.parameter("AutoScalingGroupName").unwrap_or("*")
        )),
        ("cloudformation", _) => Some(format!(
            "arn:aws:cloudformation:{region}:{account}:stack/{}/*",
            subject("StackName")
        )),
        _ => Some("*".to_owned()),
    };
    let action = format!("{}:{}", call.service, call.operation);
    let on = resource
        .map(|resource| format!(" on resource: {resource}"))
        .unwrap_or_default();
    let message = format!(
        "User: {} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action",
        me.principal()
    );
    match call.protocol {
        Protocol::Json => AwsError::new(400, "AccessDeniedException", message),
        Protocol::Query | Protocol::S3 => AwsError::new(403, "AccessDenied", message),
        Protocol::Metadata => AwsError::new(403, "Forbidden", ""),
    }
}

/// KMS says no.
pub(super) fn key_denied(call: &Call, me: &Instance) -> AwsError {
    match call.service.as_str() {
        // external-secrets/kubernetes-external-secrets#838
        "secretsmanager" => {
            AwsError::new(400, "AccessDeniedException", "Access to KMS is not allowed")
        }
        // external-secrets/kubernetes-external-secrets#627, Droplr/aws-env#29
        "ssm" => AwsError::new(
            400,
            "AccessDeniedException",
            format!(
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you \
                 are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; \
                 Request ID: {REQUEST_ID}; Proxy: null)"
            ),
        ),
        // Amazon S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors": S3 names the key.
        _ => AwsError::new(
            403,
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:{}:{}:key/{KMS_KEY} because no \
                 identity-based policy allows the kms:Decrypt action",
                me.principal(),
                me.region,
                me.account
            ),
        ),
    }
}

/// The caller's clock is far off.
pub(super) fn skewed(call: &Call) -> AwsError {
    let message = "Signature expired: 20200101T000000Z is now earlier than 20200101T235500Z (20200102T000000Z - 5 min.)";
    match call.protocol {
        // IAM User Guide, "Troubleshoot Signature Version 4 requests"
        Protocol::Query => AwsError::new(403, "SignatureDoesNotMatch", message),
        Protocol::Json => AwsError::new(400, "InvalidSignatureException", message),
        // Amazon S3 API Reference, "Error responses"
        Protocol::S3 | Protocol::Metadata => AwsError::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
        ),
    }
}

/// Credentials that the stage's metadata did not give out.
pub(super) fn stranger(protocol: Protocol) -> AwsError {
    let message = "The security token included in the request is invalid.";
    match protocol {
        Protocol::Json => AwsError::new(400, "UnrecognizedClientException", message),
        Protocol::Query => AwsError::new(403, "InvalidClientTokenId", message),
        Protocol::S3 | Protocol::Metadata => AwsError::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
    }
}
