//! Values that were fetched and do not fit where they stand, and pages that do not fit together.

use super::*;

#[tokio::test]
async fn what_does_not_fit() -> Result<()> {
    let scene = set().await?;
    let shows = |key: &str| {
        let spec = key.replace("%", "{{ssm:/@/password}}");
        let name = key.split(':').next().unwrap();
        let says = format!("`ssm:/@/password` is a secret, and `{name}");
        keys(&spec).says(&[&says, "secrets go into `environment`", "user data, line 7"])
    };
    let large =
        json!({"ARN": "arn:x", "Name": "x", "SecretString": "x".repeat(140_000)}).to_string();
    let binary = json!({"ARN": "arn:x", "Name": "x", "SecretBinary": "AAEC"}).to_string();
    let answers = |body: String| {
        let json = Answer::new(200, "application/x-amz-json-1.1", body);
        Fault::Instead(json).on("secretsmanager", "GetSecretValue")
    };
    all(
        &scene,
        vec![
            (
                "no such member",
                wants("secretsmanager:@/json#password")
                    .says(&["`secretsmanager:@/json` has no member `password`"]),
            ),
            (
                "null",
                wants("secretsmanager:@/json#none").says(&["has null for its member `none`"]),
            ),
            (
                "a secret that is no JSON",
                wants("secretsmanager:@/words#user")
                    .says(&["`secretsmanager:@/words` is no JSON object"]),
            ),
            (
                "a parameter that is no JSON",
                wants("ssm:/@/words#user").says(&["`ssm:/@/words` is no JSON object"]),
            ),
            (
                "a set that is no JSON",
                keys("environment_from: [\"ssm:/@/words\"]").says(&[
                    "`ssm:/@/words` is no JSON object",
                    "named with `/` at its end",
                ]),
            ),
            ("in a command", shows("command: [\"%\"]")),
            ("in an entrypoint", shows("entrypoint: [\"%\"]")),
            ("in a label", shows("labels: {a: \"%\"}")),
            ("in a hostname", shows("hostname: \"%\"")),
            ("in extra_hosts", shows("extra_hosts: [\"%:127.0.0.1\"]")),
            (
                "in logging",
                shows("logging: {driver: json-file, options: {tag: \"%\"}}"),
            ),
            (
                "two sets, one name",
                keys("environment_from: [\"ssm:/@/one/\", \"ssm:/@/two/\"]").says(&[
                    "`ssm:/@/one/X` and `ssm:/@/two/X` both give `X`",
                    "give one a `prefix`",
                ]),
            ),
            (
                "no name for a variable",
                keys("environment_from: [\"ssm:/@/odd/\"]").says(&["`ssm:/@/odd/1st`: "]),
            ),
            (
                "too large",
                wants("secretsmanager:x").struck(answers(large)).says(&[
                    "longer than the kernel's 131072 bytes",
                    "put it into `files`",
                ]),
            ),
            (
                "binary",
                wants("secretsmanager:x")
                    .struck(answers(binary))
                    .says(&["secretsmanager:x: the secret is binary", "base64"]),
            ),
            (
                "a NUL byte",
                wants("secretsmanager:@/nul#a").says(&["`A` holds a NUL byte"]),
            ),
            (
                "no base64",
                keys(
                    "files: {/run/k: {content: \"{{secretsmanager:@/words}}\", encoding: base64}}",
                )
                .says(&["the content is not base64"]),
            ),
            (
                "several at once",
                keys(
                    "environment: {A: \"{{secretsmanager:@/json#x}}\", B: \"{{ssm:/@/words#y}}\"}",
                )
                .says(&["no member `x`", "`ssm:/@/words` is no JSON"]),
            ),
        ],
    )
    .await
}

/// A value stays in its place in an image's name, and a registry's password may be a secret where its label may not.
#[tokio::test]
async fn what_an_image_may_not_become() -> Result<()> {
    let scene = set().await?;
    let own = scene.names.suffix();
    table(
        [
            (
                "a digest",
                (
                    format!("r.io/web:{{{{ssm:/{own}/pinned}}}}"),
                    "another part of the image's name",
                ),
            ),
            (
                "a secret",
                (
                    format!("r.io/web:{{{{ssm:/{own}/password}}}}"),
                    "is a secret, and `image` would show it",
                ),
            ),
            (
                "no image",
                (format!("{{{{ssm:/{own}/words}}}}"), "became `no JSON`"),
            ),
        ],
        async |(image, word)| {
            let spec = format!("firstlight: 1\nservices: {{web: {{image: \"{image}\"}}}}\n");
            let play = Play::open(scene.stage(spec), []).await?;
            let want = Failure {
                code: 78,
                stage: "resolve",
                reason: "reference_invalid",
                says: &[word],
                heard: Heard::Abandon,
            };
            play.fails(want).await.map(drop)
        },
    )
    .await
}

/// GetParametersByPath may give an empty page with a token, and must not give the same token for ever.
#[tokio::test]
async fn pages() -> Result<()> {
    let scene = set().await?;
    let empty = || {
        let body = json!({"Parameters": [], "NextToken": "0"}).to_string();
        Fault::Instead(Answer::new(200, "application/x-amz-json-1.1", body))
            .on("ssm", "GetParametersByPath")
    };
    let sets = "environment_from: [\"ssm:/@/one/\", \"ssm:/@/two/\"]";
    // That both give X shows that what came after the empty page was read.
    let once = keys(sets).struck(empty().times(1)).says(&["both give `X`"]);
    let play = run(&scene, once).await?;
    assert_eq!(play.stage.calls_of("ssm", "GetParametersByPath").len(), 3);
    let ever = keys("environment_from: [\"ssm:/@/one/\"]")
        .struck(empty())
        .fails(69, "reference_unreachable")
        .says(&["the same page token twice"]);
    let play = run(&scene, ever).await?;
    assert_eq!(play.stage.calls_of("ssm", "GetParametersByPath").len(), 2);
    Ok(())
}
