//! Every call of AWS goes wrong once: the launch ends in CONTINUE all the same, once, and says what it went through.

use anyhow::{Result, ensure};
use firstlight_tests::stage::{AwsError, Builder, Fault, Outcome};
use serde_json::json;

use crate::scene::{Heard, Play, Scene, table};

/// Every operation that a launch may call, and that is tried again until it is answered.
const CALLS: &[(&str, &str)] = &[
    ("autoscaling", "DescribeAutoScalingInstances"),
    ("autoscaling", "DescribeLifecycleHooks"),
    ("s3", "GetObject"),
    ("ssm", "GetParameters"),
    ("ssm", "GetParametersByPath"),
    ("secretsmanager", "GetSecretValue"),
    ("autoscaling", "CompleteLifecycleAction"),
    ("cloudformation", "SignalResource"),
];
/// The one that is not: another one follows in time.
const BEAT: (&str, &str) = ("autoscaling", "RecordLifecycleActionHeartbeat");

/// The launch that calls them all.
struct Whole {
    scene: Scene,
    image: String,
    bucket: String,
}

impl Whole {
    async fn set() -> Result<Self> {
        let scene = Scene::set().await?;
        let image = scene.image().await?;
        let bucket = scene.names.unique("launch");
        let moto = &scene.ground.moto;
        moto.put_object(
            &bucket,
            "top.yaml",
            b"firstlight: 1\nwhen_service_dies: report\n",
        )
        .await?;
        scene.parameter("a", "1", "String").await?;
        scene.parameter("env/B", "2", "String").await?;
        scene.secret("c", "3").await?;
        Ok(Self {
            scene,
            image,
            bucket,
        })
    }

    fn stage(&self, stem: &str) -> Builder {
        let own = self.scene.names.suffix();
        let keys = format!(
            "environment_from: [\"ssm:/{own}/env/\"], environment: {{A: \"{{{{ssm:/{own}/a}}}}\", C: \"{{{{secretsmanager:{own}/c}}}}\"}}"
        );
        let top = format!(
            "include: [{{from: \"s3://{}/top.yaml\"}}]\nsignal: {{cloudformation: {{stack: web, resource: Group}}}}\n",
            self.bucket
        );
        let spec = self.scene.healthy(&self.image, stem, &keys, &top);
        self.scene.stage(spec).stack("web", "CREATE_IN_PROGRESS")
    }
}

/// Whether a fault strikes once the call was performed.
fn performed(fault: &Fault) -> bool {
    matches!(fault, Fault::Cut | Fault::DoThenLose | Fault::Delay(_))
}

#[tokio::test]
async fn every_call_goes_wrong_once() -> Result<()> {
    let whole = Whole::set().await?;
    let error = |status, code, message: &str| Fault::Error(AwsError::new(status, code, message));
    let faults = [
        ("drop", Fault::Drop),
        ("cut", Fault::Cut),
        ("lost", Fault::DoThenLose),
        ("hang", Fault::Hang),
        ("500", Fault::Status(500)),
        ("503", Fault::Status(503)),
        ("429", Fault::Status(429)),
        ("throttle", Fault::Throttle),
        ("skew", Fault::Skew),
        (
            "expired",
            error(400, "RequestExpired", "Request has expired."),
        ),
        (
            "not known yet",
            error(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
        ),
        ("contention", error(500, "ResourceContention", "busy")),
    ];
    let cases = faults.into_iter().enumerate();
    table(
        cases.map(|(number, (name, fault))| (name, (number, fault))),
        async |(number, fault)| {
            let orders = CALLS
                .iter()
                .chain([&BEAT])
                .map(|(service, operation)| fault.clone().on(service, operation).times(1));
            let play = Play::open(whole.stage(&format!("web{number}")), orders).await?;
            // Longer than an attempt that hangs: what it tells of is the retry, not the end of patience.
            let play = play.timings(&json!({"group_patience": 10_000}));
            let finished = play.succeeds(Heard::Continue).await?;
            let signals: Vec<String> = play
                .stage
                .signals()
                .into_iter()
                .map(|signal| signal.status)
                .collect();
            // Twice the same signal of one instance is one signal.
            let times = if performed(&fault) { 2 } else { 1 };
            ensure!(signals == vec!["SUCCESS"; times], "{signals:?}");
            let verdicts = play.stage.verdicts();
            ensure!(
                verdicts
                    .iter()
                    .all(|verdict| verdict.outcome == Outcome::Continue),
                "{verdicts:?}"
            );

            let status = play.agent.status().await?;
            let throttled = matches!(fault, Fault::Throttle | Fault::Status(429));
            for (service, operation) in CALLS {
                let call = format!("{service}:{operation}");
                let said = if throttled {
                    format!("throttled by {call}, attempt 1")
                } else {
                    format!("{call} failed, attempt 1")
                };
                ensure!(
                    finished.stderr.contains(&said),
                    "{said:?} was not said: {}",
                    play.story(&finished)
                );
                let counted = &status["throttles"][&call];
                let wanted = if throttled { json!(1) } else { json!(null) };
                ensure!(*counted == wanted, "{call}: {counted}");
            }
            Ok(())
        },
    )
    .await
}

/// Throttled for a while, and then not: every one is seen, none is fatal.
#[tokio::test]
async fn throttled_for_a_while() -> Result<()> {
    let whole = Whole::set().await?;
    let orders = CALLS
        .iter()
        .map(|(service, operation)| Fault::Throttle.on(service, operation).times(6));
    let play = Play::open(whole.stage("web"), orders).await?;
    let finished = play.succeeds(Heard::Continue).await?;
    let status = play.agent.status().await?;
    for (service, operation) in CALLS {
        let call = format!("{service}:{operation}");
        let counted = &status["throttles"][&call];
        ensure!(*counted == json!(6), "{call}: {counted}");
        finished.expect_said(&format!("throttled by {call}, attempt 6"))?;
    }
    Ok(())
}
