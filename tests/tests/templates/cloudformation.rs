//! `userdata/systems/cloudformation.yaml`: by cfn-lint, as a stack of moto's, and in what neither of them judges.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstlight_tests::parts::moto::Moto;
use serde_json::{Value, json};

use crate::example::{KEY, REGION, is_its_policy, is_its_spec};
use crate::tools::{file, prints, python, read};

const TEMPLATE: &str = "userdata/systems/cloudformation.yaml";

fn lint(template: &str) -> Result<Output> {
    let file = file(".yaml", template.as_bytes())?;
    let mut lint = Command::new(python("cfn-lint")?);
    let output = lint.args(["--regions", REGION, "--"]).arg(file.path());
    Ok(output.output()?)
}

#[test]
fn cfn_lint_finds_nothing_and_finds_mistakes() -> Result<()> {
    let template = read(TEMPLATE)?;
    let found = lint(&template)?;
    ensure!(
        found.status.success() && found.stdout.is_empty(),
        "{found:#?}"
    );
    for (right, wrong) in [
        ("HttpTokens: required", "HttpToken: required"),
        ("!GetAtt Profile.Arn", "!GetAtt Profile.Name"),
        ("SkipMatching: true", "SkipMatching: perhaps"),
    ] {
        ensure!(template.contains(right), "{right}");
        let found = lint(&template.replace(right, wrong))?;
        ensure!(!found.status.success(), "{wrong} is not found");
    }
    Ok(())
}

/// The template as JSON, by cfn-lint's own reader: functions have their long names.
fn tree() -> Result<Value> {
    let program = "import json, sys; from cfnlint.decode import cfn_yaml; json.dump(cfn_yaml.load(sys.argv[1]), sys.stdout)";
    let mut load = Command::new(python("python3")?);
    let file = file(".yaml", read(TEMPLATE)?.as_bytes())?;
    let text = prints(load.args(["-c", program]).arg(file.path()))?;
    Ok(serde_json::from_str(&text)?)
}

#[test]
fn the_first_instances_have_hooks_and_no_container_has_the_role() -> Result<()> {
    let tree = tree()?;
    let resources = tree["Resources"].as_object().context("resources")?;
    let template = &resources["Template"]["Properties"]["LaunchTemplateData"];
    let metadata = json!({
        "HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"
    });
    assert_eq!(template["MetadataOptions"], metadata);
    let hook = |name: &str, transition: &str, result: &str, seconds: u32| {
        json!({
            "LifecycleHookName": name, "LifecycleTransition": format!("autoscaling:EC2_INSTANCE_{transition}"),
            "DefaultResult": result, "HeartbeatTimeout": seconds
        })
    };
    let hooks = json!([
        hook("web-launch", "LAUNCHING", "ABANDON", 900),
        hook("web-drain", "TERMINATING", "CONTINUE", 300)
    ]);
    let group = &resources["Group"];
    assert_eq!(group["Properties"]["LifecycleHookSpecificationList"], hooks);
    let late = |resource: &&Value| resource["Type"] == "AWS::AutoScaling::LifecycleHook";
    assert_eq!(resources.values().find(late), None, "it comes after them");
    Ok(())
}

#[test]
fn a_refresh_can_go_back() -> Result<()> {
    let tree = tree()?;
    let group = &tree["Resources"]["Group"];
    let version = json!({"Fn::GetAtt": ["Template", "LatestVersionNumber"]});
    assert_eq!(group["Properties"]["LaunchTemplate"]["Version"], version);
    let preferences = &group["UpdatePolicy"]["AutoScalingInstanceRefresh"]["Preferences"];
    assert_eq!(preferences["SkipMatching"], json!(true));
    assert_eq!(preferences["MinHealthyPercentage"], json!(100));
    // An alias would name another image by the time that the stack goes back.
    assert_eq!(
        tree["Parameters"]["Image"]["Type"],
        json!("AWS::EC2::Image::Id")
    );
    Ok(())
}

/// What is between these two, the first time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Result<&'a str> {
    let (_, rest) = text
        .split_once(before)
        .with_context(|| format!("no {before} in {text}"))?;
    let (between, _) = rest
        .split_once(after)
        .with_context(|| format!("no {after} in {text}"))?;
    Ok(between)
}

/// A stack `web` of it; what a resource is then called.
struct Stack(Moto);

impl Stack {
    async fn make() -> Result<Self> {
        let moto = Moto::start(REGION).await?;
        let network = [("Action", "DescribeSubnets"), ("Version", "2016-11-15")];
        let network = moto.query("ec2", &network).await?;
        let request = json!({"DomainName": "example.com"});
        let target = "CertificateManager.RequestCertificate";
        let certificate = moto.json("acm", target, &request).await?;
        let subnet = between(&network, "<subnetId>", "</subnetId>")?;
        let own = [
            ("Image", "ami-00000000000000001"),
            ("Key", KEY),
            ("Vpc", between(&network, "<vpcId>", "</vpcId>")?),
            ("Subnets", subnet),
            ("PublicSubnets", subnet),
            (
                "Certificate",
                certificate["CertificateArn"].as_str().unwrap(),
            ),
        ];
        let mut call: Vec<(String, String)> = [
            ("Action", "CreateStack"),
            ("Version", "2010-05-15"),
            ("StackName", "web"),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("TemplateBody", &read(TEMPLATE)?),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        for (index, (key, value)) in (1..).zip(own) {
            let member = format!("Parameters.member.{index}");
            call.push((format!("{member}.ParameterKey"), key.to_owned()));
            call.push((format!("{member}.ParameterValue"), value.to_owned()));
        }
        let call: Vec<(&str, &str)> = call.iter().map(|(k, v)| (&**k, &**v)).collect();
        moto.query("cloudformation", &call).await?;
        let ask = [("Action", "DescribeStacks"), ("Version", "2010-05-15")];
        let told = moto.query("cloudformation", &ask).await?;
        ensure!(told.contains("<StackStatus>CREATE_COMPLETE<"), "{told}");
        Ok(Self(moto))
    }

    async fn name_of(&self, resource: &str) -> Result<String> {
        let call = [
            ("Action", "DescribeStackResource"),
            ("Version", "2010-05-15"),
            ("StackName", "web"),
            ("LogicalResourceId", resource),
        ];
        let told = self.0.query("cloudformation", &call).await?;
        between(&told, "<PhysicalResourceId>", "</PhysicalResourceId>").map(str::to_owned)
    }
}

#[tokio::test]
async fn a_stack_of_it_has_the_examples_spec_and_policy() -> Result<()> {
    let stack = Stack::make().await?;
    let call = [
        ("Action", "DescribeLaunchTemplateVersions"),
        ("Version", "2016-11-15"),
        ("LaunchTemplateId", &stack.name_of("Template").await?),
    ];
    let template = stack.0.query("ec2", &call).await?;
    let user_data = STANDARD.decode(between(&template, "<userData>", "</userData>")?)?;
    is_its_spec(&String::from_utf8(user_data)?)?;

    let call = [
        ("Action", "GetRolePolicy"),
        ("Version", "2010-05-08"),
        ("RoleName", &stack.name_of("Role").await?),
        ("PolicyName", "launch"),
    ];
    let policy = stack.0.query("iam", &call).await?;
    // moto answers what Python prints of it.
    let policy = between(&policy, "<PolicyDocument>", "</PolicyDocument>")?.replace('\'', "\"");
    let policy: Value = serde_json::from_str(&policy)?;
    is_its_policy(policy["Statement"].as_array().context("statements")?)
}
