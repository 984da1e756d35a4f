//! `userdata/systems/terraform`: parsed, for Terraform's provider is not to be had where tests run. So what `terraform validate` would find
//! of a slip of the pen in a name is looked for here.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::repository;
use serde_json::{Value, json};

use crate::example::{ACCOUNT, KEY, REGION, is_its_policy, is_its_spec};
use crate::tools::{file, prints, python, read};

const FOLDER: &str = "userdata/systems/terraform";

/// Its blocks: kind, labels, and what is in each. `locals` have no label, and are a block each here.
struct Configuration(Vec<(String, Vec<String>, Value)>);

impl Configuration {
    fn read() -> Result<Self> {
        let mut blocks = Vec::new();
        for entry in std::fs::read_dir(repository().join(FOLDER))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "tf") {
                continue;
            }
            let mut parse = Command::new(python("hcl2tojson")?);
            parse.args(["--quiet", "--strip-string-quotes", "--no-explicit-blocks"]);
            let parsed: Value = serde_json::from_str(&prints(parse.arg(path))?)?;
            for (kind, all) in parsed.as_object().context("blocks")? {
                for block in all.as_array().context("a list of blocks")? {
                    let labels = match kind.as_str() {
                        "resource" | "data" => 2,
                        "terraform" => 0,
                        _ => 1,
                    };
                    unfold(kind, Vec::new(), block, labels, &mut blocks)?;
                }
            }
        }
        Ok(Self(blocks))
    }

    /// What is in a block.
    fn block(&self, kind: &str, labels: &[&str]) -> Result<&Value> {
        let meant = |(of, named, _): &&(String, Vec<String>, Value)| of == kind && named == labels;
        let found = self.0.iter().find(meant);
        let (_, _, inside) = found.with_context(|| format!("no {kind} {labels:?}"))?;
        Ok(inside)
    }
}

/// The blocks below `value`, whose labels are its keys, as many levels down.
fn unfold(
    kind: &str,
    labels: Vec<String>,
    value: &Value,
    levels: usize,
    into: &mut Vec<(String, Vec<String>, Value)>,
) -> Result<()> {
    if levels == 0 {
        into.push((kind.to_owned(), labels, value.clone()));
        return Ok(());
    }
    for (label, inside) in value.as_object().context("a label")? {
        let labels = [&labels[..], std::slice::from_ref(label)].concat();
        unfold(kind, labels, inside, levels - 1, into)?;
    }
    Ok(())
}

/// The addresses that a text refers to: `var.name`, `local.name`, `data.type.name`, `aws_type.name`.
fn addresses(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let words = text.split(|c| !part(c));
    let address = |word: &str| {
        let parts: Vec<&str> = word.split('.').collect();
        let length = match *parts.first()? {
            "var" | "local" => 2,
            "data" => 3,
            kind if kind.starts_with("aws_") && parts.len() > 1 => 2,
            _ => return None,
        };
        Some(parts.get(..length)?.join("."))
    };
    words.filter_map(address).collect()
}

#[test]
fn it_refers_to_what_it_declares_and_uses_it() -> Result<()> {
    let configuration = Configuration::read()?;
    let mut declared = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (kind, labels, inside) in &configuration.0 {
        let name = labels.join(".");
        match kind.as_str() {
            "resource" => declared.insert(name),
            "data" => declared.insert(format!("data.{name}")),
            "variable" => declared.insert(format!("var.{name}")),
            "locals" => declared.insert(format!("local.{name}")),
            _ => false,
        };
        used.extend(addresses(&inside.to_string()));
    }
    let unknown: Vec<_> = used.difference(&declared).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "not declared");
    // Resources do their work without being referred to.
    let idle = declared.difference(&used);
    let idle: Vec<_> = idle
        .filter(|name| !name.starts_with("aws_") && *name != "terraform_data.roll")
        .collect();
    assert_eq!(idle, Vec::<&String>::new(), "not used");
    Ok(())
}

/// A text with the example's names for what Terraform fills in.
fn filled(text: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (address, value) in [
        ("local.partition", "aws"),
        ("local.account", ACCOUNT),
        ("local.suffix", "amazonaws.com"),
        ("var.region", REGION),
        ("var.name", "web"),
        ("var.key", KEY),
        ("registry", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
        ("version", "42"),
    ] {
        text = text.replace(&format!("${{{address}}}"), value);
    }
    ensure!(!text.contains("${"), "{text}");
    Ok(text)
}

#[test]
fn its_policy_is_the_examples() -> Result<()> {
    let configuration = Configuration::read()?;
    let document = configuration.block("data", &["aws_iam_policy_document", "launch"])?;
    let mut statements = Vec::new();
    for statement in document["statement"].as_array().context("statements")? {
        let mut same = json!({
            "Sid": statement["sid"], "Effect": "Allow", "Action": statement["actions"], "Resource": statement["resources"]
        });
        if let Some(condition) = statement["condition"].get(0) {
            let [test, variable] = ["test", "variable"].map(|it| condition[it].as_str().unwrap());
            same["Condition"] = json!({test: {variable: condition["values"]}});
        }
        statements.push(serde_json::from_str(&filled(&same.to_string())?)?);
    }
    is_its_policy(&statements)
}

#[test]
fn its_user_data_is_the_example() -> Result<()> {
    let configuration = Configuration::read()?;
    let template = configuration.block("resource", &["aws_launch_template", "web"])?;
    // What `filled` fills in for it.
    let given = "${base64encode(templatefile(\"${path.module}/web.yaml.tftpl\", \
        {registry = \"${local.account}.dkr.ecr.${var.region}.${local.suffix}\", version = var.web_version}))}";
    assert_eq!(template["user_data"], given);
    let version = &configuration.block("variable", &["web_version"])?["default"];
    assert_eq!(*version, json!(42));
    is_its_spec(&filled(&read(&format!("{FOLDER}/web.yaml.tftpl"))?)?)
}

#[test]
fn the_first_instances_have_hooks_and_no_container_has_the_role() -> Result<()> {
    let configuration = Configuration::read()?;
    let template = configuration.block("resource", &["aws_launch_template", "web"])?;
    let metadata = json!([{
        "http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1, "instance_metadata_tags": "enabled"
    }]);
    assert_eq!(template["metadata_options"], metadata);
    let hook = |name: &str, transition: &str, result: &str, seconds: u32| {
        json!({
            "name": name, "lifecycle_transition": format!("autoscaling:EC2_INSTANCE_{transition}"),
            "default_result": result, "heartbeat_timeout": seconds
        })
    };
    let hooks = json!([
        hook("web-launch", "LAUNCHING", "ABANDON", 900),
        hook("web-drain", "TERMINATING", "CONTINUE", 300)
    ]);
    let group = configuration.block("resource", &["aws_autoscaling_group", "web"])?;
    assert_eq!(group["initial_lifecycle_hook"], hooks);
    let late = |(_, labels, _): &&(String, Vec<String>, Value)| {
        labels
            .first()
            .is_some_and(|it| it == "aws_autoscaling_lifecycle_hook")
    };
    ensure!(
        configuration.0.iter().find(late).is_none(),
        "it comes after them"
    );
    // They must not start before their policy.
    let after = group["depends_on"].as_array().context("depends_on")?;
    ensure!(
        after.contains(&json!("${aws_iam_role_policy.launch}")),
        "{after:?}"
    );
    Ok(())
}

/// The group keeps the version that it goes back to, and the refresh is told the wanted one.
#[test]
fn a_refresh_can_go_back() -> Result<()> {
    let configuration = Configuration::read()?;
    let group = configuration.block("resource", &["aws_autoscaling_group", "web"])?;
    let ignored = json!(["launch_template", "desired_capacity"]);
    assert_eq!(group["lifecycle"][0]["ignore_changes"], ignored);
    ensure!(group["instance_refresh"].is_null(), "{group:#}");
    let version = json!("${aws_launch_template.web.latest_version}");
    assert_eq!(group["launch_template"][0]["version"], version);
    let roll = configuration.block("resource", &["terraform_data", "roll"])?;
    assert_eq!(roll["triggers_replace"], version);
    let refresh = &roll["provisioner"][0]["local-exec"]["environment"]["REFRESH"];
    for said in [
        "AutoRollback = true",
        "SkipMatching = true",
        "MinHealthyPercentage = 100",
        "LaunchTemplateId = aws_launch_template.web.id",
        "Version = tostring(aws_launch_template.web.latest_version)",
    ] {
        ensure!(
            refresh.as_str().is_some_and(|it| it.contains(said)),
            "{said}: {refresh}"
        );
    }
    Ok(())
}

/// The parser is one that finds what is wrong.
#[test]
fn what_is_no_configuration_is_not_parsed() -> Result<()> {
    let broken = read(&format!("{FOLDER}/main.tf"))?.replace("lifecycle {", "lifecycle");
    let file = file(".tf", broken.as_bytes())?;
    let parsed = Command::new(python("hcl2tojson")?)
        .arg(file.path())
        .output()?;
    ensure!(!parsed.status.success(), "{parsed:#?}");
    Ok(())
}
