//! Every place where a reference that is no secret may stand, with what it came to there.
//!
//! Where secrets may stand too (`environment`, `environment_from`, `files`, `registries`) is in `references`, `keys` and
//! `examples`. To add a place: a row in [`references_wherever_they_may_stand`].

use anyhow::{Result, ensure};
use firstlight_tests::parts::webapp;
use firstlight_tests::stage::{Hook, Outcome, Signal, Stage};
use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn references_wherever_they_may_stand() -> Result<()> {
    let scene = Scene::set().await?;
    let (reference, digest) = scene.push("web", "1.10", &webapp::image()?).await?;
    let (own, name) = (scene.names.suffix(), scene.names.unique("web"));
    let pinned = reference.replace(":1.10", &format!("@{digest}"));
    for (parameter, value) in [
        ("image", reference.as_str()),
        ("word", "one word, not two"),
        ("program", "/webapp"),
        ("host", "web-7"),
        ("address", "10.0.0.5"),
        ("team", "web"),
        ("size", "2m"),
        ("group", "our-group"),
        ("hook", "our-hook"),
        ("stack", "our-stack"),
    ] {
        let parameter = format!("/{own}/{parameter}");
        scene
            .ground
            .moto
            .put_parameter(&parameter, value, "String")
            .await?;
    }
    let rows = [
        (
            "image",
            "\"{{ssm:OWN/image}}\"",
            "/Config/Image",
            json!(pinned),
        ),
        (
            "entrypoint",
            "[\"{{ssm:OWN/program}}\", worker]",
            "/Config/Entrypoint",
            json!(["/webapp", "worker"]),
        ),
        (
            "command",
            "[\"{{ssm:OWN/word}}\", \"as {{imds:instance-id}}\"]",
            "/Config/Cmd",
            json!(["one word, not two", "as ID"]),
        ),
        (
            "hostname",
            "\"{{ssm:OWN/host}}.internal\"",
            "/Config/Hostname",
            json!("web-7.internal"),
        ),
        (
            "extra_hosts",
            "{db: \"{{ssm:OWN/address}}\"}",
            "/HostConfig/ExtraHosts",
            json!(["db:10.0.0.5"]),
        ),
        (
            "labels",
            "{team: \"{{ssm:OWN/team}}\"}",
            "/Config/Labels/team",
            json!("web"),
        ),
        (
            "logging",
            "{driver: json-file, options: {max-size: \"{{ssm:OWN/size}}\"}}",
            "/HostConfig/LogConfig/Config",
            json!({"max-size": "2m"}),
        ),
    ];
    let mut text = format!(
        "{}signal:\n  group: \"{{{{ssm:OWN/group}}}}\"\n  launching: [\"{{{{ssm:OWN/hook}}}}\"]\n  cloudformation: {{stack: \"{{{{ssm:OWN/stack}}}}\", resource: Group}}\n\
         diagnostics: \"s3://evidence/{{{{ssm:OWN/team}}}}/\"\nservices:\n  {name}:\n",
        scene.head()
    );
    for (key, said, ..) in &rows {
        text.push_str(&format!("    {key}: {said}\n"));
    }
    let hooks = [Hook::launching("another"), Hook::launching("our-hook")];
    let stage = Stage::builder()
        .group("our-group", hooks)
        .stack("our-stack", "CREATE_IN_PROGRESS");
    let play = scene
        .play_on(stage.user_data(text.replace("OWN", &format!("/{own}"))))
        .await?;
    play.succeeds_for("our-hook").await?;

    let made = scene.inspect("web").await?;
    let id = &play.stage.instance().id;
    for (key, said, at, want) in rows {
        let want = serde_json::from_str(&want.to_string().replace("ID", id))?;
        ensure!(
            made.pointer(at) == Some(&want),
            "`{key}: {said}` made {:?}, wanted {want}",
            made.pointer(at)
        );
    }
    let told = Signal {
        stack: "our-stack".to_owned(),
        resource: "Group".to_owned(),
        unique_id: id.clone(),
        status: "SUCCESS".to_owned(),
    };
    assert_eq!(play.stage.signals(), [told]);
    assert_eq!(
        play.stage.counted(),
        [("our-hook".to_owned(), Outcome::Continue)]
    );
    let delivery = play.agent.status().await?["delivery"].clone();
    assert_eq!(
        delivery,
        json!([
            {"target": "our-group/our-hook", "outcome": "delivered"},
            {"target": "stack our-stack/Group", "outcome": "delivered"},
        ])
    );
    Ok(())
}
