//! References that cannot be had, or do not fit where they stand: exit code, reason, and what to do about each by name.

use std::time::Duration;

use anyhow::{Result, ensure};
use firstlight_tests::stage::{Answer, AwsError, Fault, Order};
use serde_json::{Value, json};

use crate::scene::{Failure, Heard, Play, Scene, stillborn, table};

/// A value that no error may repeat.
const HUSHED: &str = "canary-7Yq2mWz";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// One spec's references, what is ordered to go wrong with them, and how the launch must fail.
struct Case {
    /// Lines of the service; `@` stands for the test's own names.
    keys: String,
    orders: Vec<Order>,
    code: i32,
    reason: &'static str,
    /// Each is in the error.
    says: Vec<String>,
    /// None of these is.
    silent: Vec<String>,
    timeout: &'static str,
}

fn keys(keys: &str) -> Case {
    Case {
        keys: keys.to_owned(),
        orders: Vec::new(),
        code: 78,
        reason: "reference_invalid",
        says: Vec::new(),
        silent: vec![HUSHED.to_owned()],
        timeout: "20s",
    }
}

/// One reference in the environment.
fn wants(reference: &str) -> Case {
    keys(&format!("environment: {{A: \"{{{{{reference}}}}}\"}}"))
}

impl Case {
    fn struck(mut self, order: Order) -> Self {
        self.orders.push(order);
        self
    }

    fn fails(mut self, code: i32, reason: &'static str) -> Self {
        (self.code, self.reason) = (code, reason);
        self
    }

    fn says(mut self, words: &[&str]) -> Self {
        self.says
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    fn silent(mut self, words: &[&str]) -> Self {
        self.silent
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// What is tried to the end takes as long as the launch may.
    fn in_vain(mut self) -> Self {
        self.timeout = "3s";
        self
    }
}

async fn run(scene: &Scene, case: Case) -> Result<Play> {
    let own = |text: &String| text.replace('@', scene.names.suffix());
    let orders = case.orders.into_iter();
    let play = Play::open(
        scene.stage(stillborn(case.timeout, &own(&case.keys))),
        orders,
    )
    .await?;
    let says: Vec<String> = case.says.iter().map(own).collect();
    let says: Vec<&str> = says.iter().map(String::as_str).collect();
    let want = Failure {
        code: case.code,
        stage: "resolve",
        reason: case.reason,
        says: &says,
        heard: Heard::Abandon,
    };
    let finished = play.fails(want).await?;
    for word in case.silent.iter().map(own) {
        ensure!(
            !finished.stderr.contains(&word),
            "{word:?} was said:\n{}",
            finished.stderr
        );
    }
    Ok(play)
}

async fn all(scene: &Scene, cases: Vec<(&str, Case)>) -> Result<()> {
    table(cases, async |case| run(scene, case).await.map(drop)).await
}

/// What is at moto: parameters below `/@/`, secrets `@/…`.
async fn set() -> Result<Scene> {
    let scene = Scene::set().await?;
    for (name, value, kind) in [
        ("a", "1", "String"),
        ("b", "2", "String"),
        ("c", "3", "String"),
        ("password", HUSHED, "SecureString"),
        ("words", "no JSON", "String"),
        ("pinned", &format!("1@{DIGEST}"), "String"),
        ("one/X", "1", "String"),
        ("two/X", "2", "String"),
        ("odd/1st", "1", "String"),
    ] {
        scene.parameter(name, value, kind).await?;
    }
    let json = json!({"user": HUSHED, "none": null}).to_string();
    scene.secret("json", &json).await?;
    scene.secret("words", HUSHED).await?;
    scene.secret("nul", "{\"a\": \"\\u0000\"}").await?;
    Ok(scene)
}

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
    let (own, path) = (
        format!("/{}", scene.own("b")),
        format!("/{}", scene.own("one")),
    );
    let secret = scene.own("json");
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
            "secret",
            wants("secretsmanager:@/json#user")
                .struck(Fault::Deny.on("secretsmanager", "GetSecretValue").naming(&secret))
                .fails(77, "reference_denied")
                .says(&[
                    "secretsmanager:@/json: ",
                    "is not authorized to perform: secretsmanager:GetSecretValue",
                    "\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:@/json-??????\"",
                ]),
        ),
        (
            "a secret's key",
            wants("secretsmanager:@/json#user")
                .struck(Fault::DenyKms.on("secretsmanager", "GetSecretValue"))
                .fails(77, "reference_undecryptable")
                .says(&["secretsmanager:@/json: ", "Access to KMS is not allowed", key]),
        ),
        (
            "path",
            keys("environment_from: [\"ssm:/@/one/\"]")
                .struck(Fault::Deny.on("ssm", "GetParametersByPath").naming(&path))
                .fails(77, "reference_denied")
                .says(&[
                    "ssm:/@/one/: ",
                    "is not authorized to perform: ssm:GetParametersByPath",
                    "\"Action\":\"ssm:GetParametersByPath\",\"Resource\":\"arn:aws:ssm:eu-west-1:123456789012:parameter/@/one*\"",
                ]),
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

#[tokio::test]
async fn what_never_answers() -> Result<()> {
    let scene = set().await?;
    let path = "environment_from: [\"ssm:/@/one/\"]";
    let mut cases = Vec::new();
    for (service, operation, keys_, named) in [
        (
            "ssm",
            "GetParameters",
            "environment: {A: \"{{ssm:/@/a}}\"}",
            "ssm:/@/a: ",
        ),
        ("ssm", "GetParametersByPath", path, "ssm:/@/one/: "),
        (
            "secretsmanager",
            "GetSecretValue",
            "environment: {A: \"{{secretsmanager:@/words}}\"}",
            "secretsmanager:@/words: ",
        ),
    ] {
        let call = format!("{service}:{operation}");
        for (fault, reason, word) in [
            (Fault::Throttle, "reference_throttled", "Rate exceeded"),
            (Fault::Status(429), "reference_throttled", "HTTP status 429"),
            (
                Fault::Drop,
                "reference_unreachable",
                "check route, security group, VPC endpoint and DNS",
            ),
            (Fault::Hang, "reference_unreachable", "no answer in time"),
            (
                Fault::Status(503),
                "reference_unreachable",
                "HTTP status 503",
            ),
            (
                Fault::Skew,
                "reference_unreachable",
                "check that the clock is synchronised",
            ),
        ] {
            let case = keys(keys_)
                .struck(fault.clone().on(service, operation))
                .fails(69, reason)
                .says(&[named, &call, word])
                .in_vain();
            cases.push((format!("{fault:?} of {call}"), case));
        }
    }
    table(cases, async |case| run(&scene, case).await.map(drop)).await
}

/// Every throttle is a line of the log, and counted in the status.
#[tokio::test]
async fn a_throttle_is_seen() -> Result<()> {
    let scene = set().await?;
    let throttled = wants("ssm:/@/a")
        .struck(Fault::Throttle.on("ssm", "GetParameters"))
        .fails(69, "reference_throttled")
        .says(&["raise the service's quota, or launch fewer instances at once"])
        .in_vain();
    let play = run(&scene, throttled).await?;
    let struck = play.stage.calls_of("ssm", "GetParameters").len();
    ensure!(struck > 2, "only {struck} attempts");
    let status = play.agent.status().await?;
    assert_eq!(status["throttles"], json!({"ssm:GetParameters": struck}));
    Ok(())
}

/// Nothing listens, a name does not resolve: told as such, with the address.
#[tokio::test]
async fn what_is_not_reached() -> Result<()> {
    let scene = set().await?;
    table(
        [
            ("refused", ("http://127.0.0.1:9", "onnection refused")),
            ("no such name", ("http://ssm.invalid", "ssm.invalid")),
        ],
        async |(endpoint, word)| {
            let own = stillborn("3s", "environment: {A: \"{{ssm:/x}}\"}");
            let play = Play::open(scene.stage(own), [])
                .await?
                .env("AWS_ENDPOINT_URL_SSM", endpoint);
            let want = Failure {
                code: 69,
                stage: "resolve",
                reason: "reference_unreachable",
                says: &["ssm:/x: ssm:GetParameters did not reach ", endpoint, word],
                heard: Heard::Abandon,
            };
            play.fails(want).await.map(drop)
        },
    )
    .await
}

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

/// A role that never comes: nobody can be told, and the error says what is missing.
#[tokio::test]
async fn a_role_that_never_comes() -> Result<()> {
    let scene = set().await?;
    let spec = stillborn("3s", "environment: {A: \"{{ssm:/x}}\"}");
    let play = Play::open(
        scene.stage(spec),
        [Fault::Status(404).on_metadata("meta-data/iam/security-credentials/")],
    )
    .await?
    .timings(&json!({"delivery_least": 1500}));
    let finished = play.launch().await?;
    let status = play.agent.status().await?;
    let story = play.story(&finished);
    assert_eq!(finished.code, Some(76), "decided, not delivered: {story}");
    assert_eq!(
        status["error"]["reason"],
        json!("reference_unreachable"),
        "{story}"
    );
    let message = status["error"]["message"].as_str().unwrap();
    ensure!(message.contains("attach an instance profile"), "{message}");
    assert_eq!(play.stage.counted(), []);
    Ok(())
}

/// A slow answer is no missing one, as long as the launch's time lasts.
#[tokio::test]
async fn slow_is_not_missing() -> Result<()> {
    let scene = set().await?;
    let slow = Fault::Delay(Duration::from_millis(500)).on("ssm", "GetParameters");
    let case = wants("ssm:/@/words#x")
        .struck(slow)
        .says(&["is no JSON object"]);
    let status: Value = run(&scene, case).await?.agent.status().await?;
    assert_eq!(status["throttles"], json!({}));
    Ok(())
}
