//! References that are not there, or that this role may not read: named one by one, with what to grant.

use super::*;

#[tokio::test]
async fn what_is_not_there() -> Result<()> {
    let scene = set().await?;
    let missing = |reference: &str, word: &str| {
        let named = format!("{reference}: ");
        wants(reference)
            .fails(78, "reference_missing")
            .says(&[&named, word])
    };
    all(&scene, vec![
        ("parameter", missing("ssm:/@/none", "create it")),
        ("version", missing("ssm:/@/a:99", "version or label 99")),
        ("label", missing("ssm:/@/a:live", "version or label live")),
        ("secret", missing("secretsmanager:@/none", "Secrets Manager has no such secret")),
        ("tag", missing("imds:tags/instance/Color", "InstanceMetadataTags: enabled")),
        ("metadata", missing("imds:placement/none", "no such path")),
        (
            "path",
            keys("environment_from: [\"ssm:/@/nothing/\"]")
                .fails(78, "reference_missing")
                .says(&["ssm:/@/nothing/: Parameter Store has no parameter under this path"]),
        ),
        (
            "several, all named in one error",
            keys("environment: {A: \"{{ssm:/@/no}}\", B: \"{{ssm:/@/nor:3}}\", C: \"{{secretsmanager:@/no}}\", D: \"{{ssm:/@/a}}\"}")
                .fails(78, "reference_missing")
                .says(&["ssm:/@/no: ", "ssm:/@/nor:3: ", "secretsmanager:@/no: "])
                .silent(&["ssm:/@/a: "]),
        ),
    ])
    .await
}

#[tokio::test]
async fn who_may_not() -> Result<()> {
    let scene = set().await?;
    let own = format!("/{}", scene.own("b"));
    let key = "{\"Effect\":\"Allow\",\"Action\":\"kms:Decrypt\",\"Resource\":\"arn:aws:kms:eu-west-1:123456789012:key/KEY\"}";
    let three = "environment: {A: \"{{ssm:/@/a}}\", B: \"{{ssm:/@/b}}\", C: \"{{ssm:/@/c}}\"}";
    let others = ["ssm:/@/a: ", "ssm:/@/c: "];
    all(&scene, vec![
        (
            "one of a batch",
            keys(three)
                .struck(Fault::Deny.on("ssm", "GetParameters").naming(&own))
                .fails(77, "reference_denied")
                .says(&[
                    "ssm:/@/b: ssm:GetParameters was denied by http://",
                    "User: arn:aws:sts::123456789012:assumed-role/web/i-",
                    " is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/@/b because no identity-based policy allows",
                    "{\"Effect\":\"Allow\",\"Action\":\"ssm:GetParameters\",\"Resource\":\"arn:aws:ssm:eu-west-1:123456789012:parameter/@/b\"}",
                ])
                .silent(&others),
        ),
        (
            "the key of one of a batch",
            keys(three)
                .struck(Fault::DenyKms.on("ssm", "GetParameters").naming(&own))
                .fails(77, "reference_undecryptable")
                .says(&["ssm:/@/b: ", "may not use the KMS key", "The ciphertext refers to a customer master key", key])
                .silent(&others),
        ),
        (
            "a name that AWS finds malformed",
            keys(three)
                .struck(
                    Fault::Error(AwsError::new(400, "ValidationException", "Parameter name: can't be prefixed with \"ssm\""))
                        .on("ssm", "GetParameters")
                        .naming(&own),
                )
                .says(&["ssm:/@/b: ", "can't be prefixed with", "(ValidationException)"])
                .silent(&others),
        ),
        (
            "everything at once, the most in need of a person first",
            keys("environment: {A: \"{{ssm:/@/none}}\", B: \"{{ssm:/@/b}}\", C: \"{{secretsmanager:@/json#user}}\", D: \"{{imds:none}}\"}\n\
                  environment_from: [\"ssm:/@/nothing/\"]")
                .struck(Fault::Deny.on("ssm", "GetParameters").naming(&own))
                .struck(Fault::DenyKms.on("secretsmanager", "GetSecretValue"))
                .fails(77, "reference_denied")
                .says(&["\n  ssm:/@/b: ", "\n  secretsmanager:@/json: ", "\n  ssm:/@/none: ", "\n  imds:none: ", "\n  ssm:/@/nothing/: "]),
        ),
    ])
    .await
}

/// A failed batch is asked for again name by name, and only then.
#[tokio::test]
async fn a_failed_batch_is_split() -> Result<()> {
    let scene = set().await?;
    let own = format!("/{}", scene.own("b"));
    let three = "environment: {A: \"{{ssm:/@/a}}\", B: \"{{ssm:/@/b}}\", C: \"{{ssm:/@/c}}\"}";
    let denied = keys(three)
        .struck(Fault::Deny.on("ssm", "GetParameters").naming(&own))
        .fails(77, "reference_denied");
    let play = run(&scene, denied).await?;
    let mut sizes: Vec<usize> = play
        .stage
        .calls_of("ssm", "GetParameters")
        .iter()
        .map(|entry| {
            entry
                .call
                .parameters
                .iter()
                .filter(|(name, _)| name == "Names")
                .count()
        })
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 1, 3]);
    Ok(())
}
