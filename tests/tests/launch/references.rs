//! Each kind of reference, from Parameter Store, Secrets Manager and metadata to what stands in the container, and the calls
//! that fetched it.
//!
//! To add a kind: a row in the table of [`each_kind_of_reference`].

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Hook, Instance, Stage};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::scene::{HOOK, Play, Scene};

/// Characters that YAML, JSON, URLs and shells take for something else; none may be lost.
const HARD: &str = "p@ss w:rd/?#%&+=\"'\\{{ssm:/not/read/again}}é";

/// A service with this environment, and more lines of its spec.
async fn service(scene: &Scene, lines: &[String]) -> Result<String> {
    let (image, _) = scene.push("web", "1", &webapp::image()?).await?;
    let name = scene.names.unique("web");
    let mut text = format!("{}services:\n  {name}:\n    image: {image}\n", scene.head());
    text.push_str("    health: {http: {port: 3000, path: /healthcheck/}, interval: 100ms}\n");
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
    Ok(text)
}

/// The names that GetParameters was asked for, a list a call.
fn batches(play: &Play) -> Vec<Vec<String>> {
    let calls = play.stage.calls_of("ssm", "GetParameters");
    let names = |entry: &firstlight_tests::stage::Entry| {
        let parameters = entry.call.parameters.iter();
        let names = parameters.filter(|(name, _)| name == "Names");
        names.map(|(_, value)| value.clone()).collect()
    };
    calls.iter().map(names).collect()
}

/// What Parameter Store and Secrets Manager hold below the scene's own name. Gives a secret's ARN.
async fn provide(scene: &Scene, own: &str) -> Result<String> {
    let moto = &scene.ground.moto;
    for (name, value, kind) in [
        ("plain", "one", "String"),
        ("many", "a,b", "StringList"),
        ("secret", HARD, "SecureString"),
        (
            "settings",
            r#"{"ratio": 1.10, "nested": {"a": [1, 2.0]}}"#,
            "String",
        ),
        ("versions", "first", "String"),
        ("versions", "second", "String"),
        ("versions", "third", "String"),
    ] {
        moto.put_parameter(&format!("/{own}/{name}"), value, kind)
            .await?;
    }
    let label =
        json!({"Name": format!("/{own}/versions"), "ParameterVersion": 2, "Labels": ["live"]});
    moto.json("ssm", "AmazonSSM.LabelParameterVersion", &label)
        .await?;
    let members = format!(
        r#"{{"password": {}, "ratio": 1.10, "big": 12345678901234567890123, "on": true}}"#,
        json!(HARD)
    );
    moto.put_secret(&format!("{own}/db"), &members).await?;
    moto.put_secret(&format!("{own}/whole"), HARD).await?;
    let described = json!({"SecretId": format!("{own}/whole")});
    let described = moto
        .json(
            "secretsmanager",
            "secretsmanager.DescribeSecret",
            &described,
        )
        .await?;
    let arn = described["ARN"].as_str().context("a secret without ARN")?;
    Ok(arn.to_owned())
}

#[tokio::test]
async fn each_kind_of_reference() -> Result<()> {
    let scene = Scene::set().await?;
    let own = scene.names.suffix();
    let arn = provide(&scene, own).await?;
    let tags = [("Name".to_owned(), "web of ours".to_owned())];
    let me = Instance {
        tags: Some(tags.into()),
        ..Instance::unique()
    };
    let escaped = "p%40ss%20w%3Ard%2F%3F%23%25%26%2B%3D%22%27%5C%7B%7Bssm%3A%2Fnot%2Fread%2Fagain%7D%7D%C3%A9";
    let rows = [
        ("{{ssm:/OWN/plain}}", "one"),
        ("{{ ssm:/OWN/plain }} and {{ssm:/OWN/plain}}", "one and one"),
        ("{{ssm:/OWN/many}}", "a,b"),
        ("{{ssm:/OWN/versions}}", "third"),
        ("{{ssm:/OWN/versions:1}}", "first"),
        ("{{ssm:/OWN/versions:live}}", "second"),
        (
            "{{ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/OWN/plain}}",
            "one",
        ),
        ("{{ssm:/OWN/secret}}", HARD),
        (
            "https://x:{{ssm:/OWN/secret | urlencode}}@db",
            &format!("https://x:{escaped}@db"),
        ),
        ("{{ssm:/OWN/settings#ratio}}", "1.10"),
        ("{{ssm:/OWN/settings#nested}}", r#"{"a":[1,2.0]}"#),
        ("{{secretsmanager:OWN/whole}}", HARD),
        (&format!("{{{{secretsmanager:{arn}}}}}"), HARD),
        ("{{secretsmanager:OWN/db#password}}", HARD),
        ("{{secretsmanager:OWN/db#password | urlencode}}", escaped),
        ("{{secretsmanager:OWN/db#ratio}}", "1.10"),
        ("{{secretsmanager:OWN/db#big}}", "12345678901234567890123"),
        ("{{secretsmanager:OWN/db#on}}", "true"),
        ("{{imds:instance-id}}", &me.id),
        ("{{imds:placement/region}}", "eu-west-1"),
        ("{{imds:tags/instance/Name}}", "web of ours"),
        (
            "{{{{ssm:/OWN/plain}} stays",
            &format!("{{{{ssm:/{own}/plain}}}} stays"),
        ),
        ("Hello {{ .Name }} {{x}}", "Hello {{ .Name }} {{x}}"),
    ];
    let mut lines = vec!["environment:".to_owned()];
    for (number, (said, _)) in rows.iter().enumerate() {
        lines.push(format!("  V{number}: {}", json!(said.replace("OWN", own))));
    }
    let member = Stage::builder().group("web", [Hook::launching(HOOK)]);
    let spec = service(&scene, &lines).await?;
    let play = scene.play_as(member.user_data(spec), me.clone()).await?;
    play.succeeds().await?;

    let environment = scene.inside("web", 3000).await?["environment"].clone();
    for (number, (said, want)) in rows.iter().enumerate() {
        assert_eq!(environment[format!("V{number}")], *want, "{said}");
    }
    let mut asked: Vec<String> = batches(&play).concat();
    let calls = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(
        asked.len(),
        calls,
        "asked for twice:\n{}",
        play.stage.transcript()
    );
    let secrets = play.stage.calls_of("secretsmanager", "GetSecretValue");
    let ids = [format!("{own}/whole"), arn, format!("{own}/db")];
    assert_eq!(secrets.len(), ids.len(), "{}", play.stage.transcript());
    for id in ids {
        ensure!(
            secrets.iter().any(|call| call.call.names(&id)),
            "{id} was not asked for"
        );
    }
    Ok(())
}

#[tokio::test]
async fn batches_of_ten_without_duplicates() -> Result<()> {
    let scene = Scene::set().await?;
    let own = scene.names.suffix();
    let mut lines = vec!["environment:".to_owned()];
    for number in 0..23 {
        let name = format!("/{own}/{number}");
        scene
            .ground
            .moto
            .put_parameter(&name, &number.to_string(), "String")
            .await?;
        lines.push(format!("  A{number}: \"{{{{ssm:{name}}}}}\""));
        lines.push(format!("  B{number}: \"again {{{{ssm:{name}}}}}\""));
    }
    let play = scene.play(service(&scene, &lines).await?).await?;
    play.succeeds().await?;
    let batches = batches(&play);
    let mut sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 10, 10], "{}", play.stage.transcript());
    let mut asked = batches.concat();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 23, "{asked:?}");
    let environment = scene.inside("web", 3000).await?["environment"].clone();
    for number in 0..23 {
        assert_eq!(environment[format!("A{number}")], number.to_string());
        assert_eq!(environment[format!("B{number}")], format!("again {number}"));
    }
    Ok(())
}

#[tokio::test]
async fn sets_of_variables() -> Result<()> {
    const COUNT: usize = 250;
    let scene = Scene::set().await?;
    let own = scene.names.suffix();
    let moto = &scene.ground.moto;
    let name = |number: usize| match number {
        0 => "deep/er.still-here".to_owned(),
        _ => format!("n{number}"),
    };
    let put = async |number: usize| {
        let kind = ["String", "SecureString"][number % 2];
        let parameter = format!("/{own}/env/{}", name(number));
        moto.put_parameter(&parameter, &format!("value {number}"), kind)
            .await
    };
    let puts = stream::iter(0..COUNT).map(put).buffer_unordered(8);
    puts.try_collect::<Vec<()>>().await?;
    // A neighbour that only begins alike.
    moto.put_parameter(&format!("/{own}/env2/n1"), "not this", "String")
        .await?;
    let members = r#"{"url": "https://x", "ratio": 1.10, "on": true, "n2": "of the secret"}"#;
    moto.put_secret(&format!("{own}/app"), members).await?;
    moto.put_parameter(&format!("/{own}/json"), r#"{"a-b": 2.50}"#, "String")
        .await?;
    let lines = [
        "environment_from:".to_owned(),
        format!("  - ssm:/{own}/env/"),
        format!("  - {{from: \"secretsmanager:{own}/app\", prefix: APP_, upper: true}}"),
        format!("  - {{from: \"ssm:/{own}/json\", prefix: j_}}"),
        "environment: {n1: beats it, APP_ON: \"no\"}".to_owned(),
    ];
    let play = scene.play(service(&scene, &lines).await?).await?;
    play.succeeds().await?;

    let environment = scene.inside("web", 3000).await?["environment"].clone();
    let mut want: BTreeMap<String, String> = (2..COUNT)
        .map(|number| (name(number), format!("value {number}")))
        .collect();
    for (name, value) in [
        ("deep_er_still_here", "value 0"),
        ("n1", "beats it"),
        ("APP_URL", "https://x"),
        ("APP_RATIO", "1.10"),
        ("APP_ON", "no"),
        ("APP_N2", "of the secret"),
        ("j_a_b", "2.50"),
    ] {
        want.insert(name.to_owned(), value.to_owned());
    }
    let mut got: BTreeMap<String, String> = serde_json::from_value(environment)?;
    // What Docker gives every container.
    got.retain(|name, _| !["PATH", "HOSTNAME", "HOME"].contains(&name.as_str()));
    assert_eq!(got, want);
    paged_to_the_end(&play, COUNT)
}

/// Each page was asked for with the token of the one before, decrypted, until no token came.
fn paged_to_the_end(play: &Play, count: usize) -> Result<()> {
    let pages = play.stage.calls_of("ssm", "GetParametersByPath");
    let tokens: Vec<Option<&str>> = pages
        .iter()
        .map(|page| page.call.parameter("NextToken"))
        .collect();
    // moto's tokens are offsets, and its last full page names one more, which is empty.
    let offsets: Vec<String> = (1..=count / 10)
        .map(|page| (page * 10).to_string())
        .collect();
    let want: Vec<Option<&str>> = std::iter::once(None)
        .chain(offsets.iter().map(|offset| Some(offset.as_str())))
        .collect();
    assert_eq!(tokens, want, "{}", play.stage.transcript());
    let decrypted = |page: &firstlight_tests::stage::Entry| {
        page.call.parameter("WithDecryption").map(Value::from) == Some(json!("true"))
    };
    ensure!(pages.iter().all(decrypted), "{}", play.stage.transcript());
    Ok(())
}
