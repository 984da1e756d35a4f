//! Evidence before an ABANDON: what is in the bundle, that it comes before the signal, and that nothing about it keeps
//! the signal from coming.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::harness::canary::{Canary, process_list};
use firstlight_tests::parts::bundle::Bundle;
use firstlight_tests::parts::moto::Moto;
use firstlight_tests::parts::wire::At;
use firstlight_tests::stage::{Fault, Outcome};
use firstlight_tests::wait::wait_until;
use futures_util::future::try_join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::scene::{PATIENCE, Play, QUICK, Scene, timings};

/// Time for evidence, and how much later than that a signal may come on a busy machine.
const EVIDENCE: Duration = Duration::from_secs(8);
const SLACK: Duration = Duration::from_secs(5);

/// A launch whose task fails and whose spec asks for evidence.
pub(crate) struct Case {
    pub(crate) scene: Scene,
    pub(crate) play: Play,
    pub(crate) bucket: String,
}

impl Case {
    /// With the bucket.
    pub(crate) async fn set() -> Result<Self> {
        let case = Self::without_bucket().await?;
        case.moto().make_bucket(&case.bucket).await?;
        Ok(case)
    }

    async fn without_bucket() -> Result<Self> {
        let scene = Scene::set().await?;
        let job = format!(
            "command: [task, \"no such column\"]\nenvironment: {{EXIT_CODE: 3}}\ndepends_on: [{}]",
            scene.web
        );
        let spec = scene.spec("60s", "", &job);
        Self::of(scene, &spec).await
    }

    /// With this spec, to which it adds where evidence goes.
    pub(crate) async fn of(scene: Scene, spec: &str) -> Result<Self> {
        let bucket = format!("evidence-{}", scene.names.suffix());
        let team = scene.parameter("team");
        scene
            .ground
            .moto
            .put_parameter(&team, "shop", "String")
            .await?;
        let spec = format!("{spec}diagnostics: \"s3://{bucket}/fl/{{{{ssm:{team}}}}}\"\n");
        let mut play = scene.play(&spec).await?;
        let mut timings = timings();
        timings["evidence"] = json!(EVIDENCE.as_millis() as u64);
        play.agent = play.agent.clone().timings(&timings);
        fs::create_dir_all(play.agent.root().join("dev"))?;
        fs::write(play.agent.root().join("dev/console"), "")?;
        Ok(Self {
            scene,
            play,
            bucket,
        })
    }

    pub(crate) fn moto(&self) -> &Moto {
        &self.scene.ground.moto
    }

    pub(crate) fn console(&self) -> Result<String> {
        let console = fs::read_to_string(self.play.agent.root().join("dev/console"))?;
        // Long words are broken over lines there.
        Ok(console.replace("\r\n    ", "").replace("\r\n  ", " "))
    }

    /// The one bundle, and where it is.
    pub(crate) async fn bundle(&self) -> Result<(String, Bundle)> {
        let objects = self.moto().objects(&self.bucket).await?;
        let [(key, archive)] = objects.as_slice() else {
            anyhow::bail!("{} objects", objects.len());
        };
        let at = format!("s3://{}/{key}", self.bucket);
        Ok((at, Bundle::unpack(archive)?))
    }

    /// When the first call of an operation came.
    fn first(&self, service: &str, operation: &str) -> Option<Duration> {
        let calls = self.play.stage.calls_of(service, operation);
        calls.first().map(|call| call.at)
    }

    /// Holds the group to have been told ABANDON, once, in time.
    pub(crate) fn abandoned(&self) -> Result<()> {
        self.play.counted(Outcome::Abandon)?;
        let told = self.first("autoscaling", "CompleteLifecycleAction");
        let told = told.context("nobody was told")?;
        if let Some(put) = self.first("s3", "PutObject") {
            ensure!(
                put < told && told < put + EVIDENCE + SLACK,
                "{}",
                self.play.stage.transcript()
            );
        }
        Ok(())
    }

    /// Holds the launch to end in an ABANDON without evidence, for this reason, which everybody is told.
    async fn without(&self, code: i32, says: &[&str]) -> Result<()> {
        self.play.launch().await?.expect_code(code)?;
        self.abandoned()?;
        let status = self.play.agent.status().await?;
        let evidence = &status["evidence"];
        let why = evidence["why"].as_str().context("no reason")?;
        ensure!(evidence["outcome"] == "missing", "{evidence}");
        let (told, console) = (self.play.told().await?, self.console()?);
        for said in says {
            ensure!(why.contains(said), "{said:?} is not in {why:?}");
            ensure!(told.contains(said), "{said:?} is not in\n{told}");
        }
        let beginning: String = why.chars().take(60).collect();
        let beginning = format!("evidence: on this instance only: {beginning}");
        ensure!(
            console.contains(&beginning),
            "{beginning:?} is not on\n{console}"
        );
        self.play.stage.assert_faults_fired()
    }
}

#[tokio::test]
async fn a_bundle_and_what_is_in_it() -> Result<()> {
    let case = Case::set().await?;
    let Scene { web, job, .. } = &case.scene;
    let cloud_init = case.play.agent.root().join("run/cloud-init");
    fs::create_dir_all(&cloud_init)?;
    fs::write(cloud_init.join("result.json"), "{\"v1\": {\"errors\": []}}")?;
    case.play.launch().await?.expect_code(80)?;
    case.abandoned()?;

    let id = &case.play.stage.instance().id;
    let status = case.play.agent.status().await?;
    let boot = status["boot_id"].as_str().context("no boot")?;
    let (at, bundle) = case.bundle().await?;
    let bucket = &case.bucket;
    ensure!(
        at == format!("s3://{bucket}/fl/shop/web/{id}/1-{}.tar.gz", &boot[..8]),
        "{at}"
    );
    ensure!(bundle.folder == format!("firstlight-{id}-1"), "{bundle:?}");
    let wanted = json!({"outcome": "stored", "at": at});
    ensure!(status["evidence"] == wanted, "{status:#}");
    for (place, text) in [
        ("the console", case.console()?),
        ("status", case.play.told().await?),
    ] {
        ensure!(text.contains(&format!("evidence: {at}")), "{place}: {text}");
    }

    let inside = bundle.json("status.json")?;
    for pointer in ["/verdict", "/error", "/stages", "/spec_digest", "/versions"] {
        let (inside, outside) = (inside.pointer(pointer), status.pointer(pointer));
        ensure!(
            inside == outside && inside.is_some(),
            "{pointer}: {inside:?}"
        );
    }
    ensure!(inside["verdict"]["kind"] == "abandon", "{inside:#}");
    let versions = inside["versions"].as_object().context("no versions")?;
    let word = format!("ssm:{}", case.scene.parameter("word"));
    ensure!(versions.contains_key(&word), "{versions:?}");

    let job_log = format!("containers/{job}.log");
    for (file, says) in [
        ("story.txt", "task_failed at start:\n  task "),
        ("story.txt", "do first: read its last lines"),
        ("agent.log", " error stage_failed start: failed after "),
        ("agent.log", " error verdict: ABANDON after "),
        ("spec.json", &case.scene.parameter("word")),
        ("cloud-init-result.json", "errors"),
        ("left-out.txt", "cloud-init-status.json: there is none"),
        (&job_log, "no such column"),
    ] {
        let text = bundle.text(file)?;
        ensure!(text.contains(says), "{file}: {says:?} is not in\n{text}");
    }
    let spec = bundle.text("spec.json")?;
    ensure!(!spec.contains("hello"), "a value is in {spec}");
    let password = &case.scene.ground.login.password;
    ensure!(
        !String::from_utf8_lossy(&bundle.whole()).contains(password),
        "the registry's password"
    );
    let host = bundle.json("host.json")?;
    ensure!(
        host["engine"]["Version"].is_string() && host["disks"][0]["bytes_free"].is_u64(),
        "{host:#}"
    );
    for (name, code, running) in [(job, 3, "exited"), (web, 0, "running")] {
        let inspect = bundle.json(&format!("containers/{name}.json"))?;
        let state = &inspect["State"];
        ensure!(
            state["ExitCode"] == code && state["Status"] == running,
            "{inspect:#}"
        );
        // `WORD` is in the environment, `worker` among the arguments.
        let text = inspect.to_string();
        ensure!(
            !text.contains("WORD") && !text.contains("worker") && !text.contains("column"),
            "{inspect:#}"
        );
    }
    Ok(())
}

/// Whatever S3 does, the signal comes, and people read why there is no evidence.
#[tokio::test]
async fn s3_that_refuses_or_hangs() -> Result<()> {
    let put = |fault: Fault| fault.on("s3", "PutObject");
    let cases = [
        (
            Fault::Deny,
            &[
                "denied",
                "grant the instance's role `s3:PutObject` on arn:aws:s3:::evidence-",
                "/fl/shop/*",
            ][..],
        ),
        (Fault::Hang, &["took"]),
        (Fault::Status(503), &["s3:PutObject", "no usable answer"]),
        (Fault::Throttle, &["throttled"]),
        (Fault::Drop, &["s3:PutObject"]),
    ];
    // Most of their time they wait.
    let cases = cases.map(async |(fault, says)| {
        let case = Case::set().await?;
        case.play.stage.order(put(fault.clone()));
        let without = case.without(80, says).await;
        without.with_context(|| format!("{fault:?}"))
    });
    try_join_all(cases).await?;
    Ok(())
}

#[tokio::test]
async fn no_bucket() -> Result<()> {
    let case = Case::without_bucket().await?;
    case.without(80, &["there is no bucket evidence-"]).await
}

/// A second time is tried; done, and its answer lost, is written again under the same key.
#[tokio::test]
async fn s3_that_stumbles() -> Result<()> {
    let put = |fault: Fault| fault.on("s3", "PutObject").times(1);
    let case = Case::set().await?;
    case.play.stage.order(put(Fault::Status(500)));
    case.play.stage.order(put(Fault::DoThenLose));
    case.play.launch().await?.expect_code(80)?;
    case.play.stage.assert_faults_fired()?;
    case.abandoned()?;
    case.bundle().await?;
    Ok(())
}

/// Nobody asked for it: no call, and a page all the same.
#[tokio::test]
async fn no_diagnostics() -> Result<()> {
    let scene = Scene::set().await?;
    let play = crate::kill::failing(&scene).await?;
    play.launch().await?.expect_code(80)?;
    play.counted(Outcome::Abandon)?;
    ensure!(
        play.stage.calls_of("s3", "PutObject").is_empty(),
        "{}",
        play.stage.transcript()
    );
    let status = play.agent.status().await?;
    ensure!(
        status["evidence"] == json!({"outcome": "not_asked"}),
        "{status:#}"
    );
    Ok(())
}

/// An engine that is not there, and one that hangs when it is asked for a container's output.
#[tokio::test]
async fn an_engine_that_is_gone_or_hangs() -> Result<()> {
    let scene = Scene::set().await?;
    let spec = scene.spec("5s", "", QUICK);
    let mut case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    let nowhere = case.play.agent.root().join("run/docker.sock");
    let nowhere = format!("unix://{}", nowhere.display());
    case.play.agent = case.play.agent.clone().env("DOCKER_HOST", &nowhere);
    case.play.launch().await?.expect_code(69)?;
    case.abandoned()?;
    let (_, bundle) = case.bundle().await?;
    let left_out = bundle.text("left-out.txt")?;
    ensure!(
        left_out.contains("containers: the Docker engine at"),
        "{left_out}"
    );
    ensure!(
        bundle.text("story.txt")?.contains("docker_unreachable at"),
        "{bundle:?}"
    );

    let case = Case::set().await?;
    case.scene.wire.hold(At::Request, "/logs");
    case.play.launch().await?.expect_code(80)?;
    case.scene.wire.release()?;
    case.abandoned()?;
    let (_, bundle) = case.bundle().await?;
    let (job, left_out) = (&case.scene.job, bundle.text("left-out.txt")?);
    ensure!(
        left_out.contains(&format!("containers/{job}.log: ")),
        "{left_out}"
    );
    let inspect = bundle.json(&format!("containers/{job}.json"))?;
    ensure!(inspect["State"]["ExitCode"] == 3, "{inspect:#}");
    Ok(())
}

/// A reference that is not there, in a group that takes its time to be found: all that is told names the group.
#[tokio::test]
async fn a_group_that_is_known_late() -> Result<()> {
    let scene = Scene::set().await?;
    let missing = format!(
        "{QUICK}\nenvironment: {{KEY: \"{{{{ssm:{}}}}}\"}}",
        scene.parameter("missing")
    );
    let spec = scene.spec("60s", "", &missing);
    let case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    let slow = Fault::Delay(Duration::from_millis(500));
    let stage = &case.play.stage;
    stage.order(slow.on("autoscaling", "DescribeAutoScalingInstances"));
    case.play.launch().await?.expect_code(78)?;
    stage.assert_faults_fired()?;
    case.abandoned()?;
    let (at, _) = case.bundle().await?;
    ensure!(at.contains("/fl/shop/web/"), "{at}");
    let status = case.play.agent.status().await?;
    ensure!(status["group"] == "web", "{status:#}");
    let console = case.console()?;
    ensure!(console.contains(", group web"), "{console}");
    Ok(())
}

/// Killed while it uploads: the next process tells the verdict, whatever becomes of the evidence.
#[tokio::test]
async fn killed_over_it() -> Result<()> {
    let case = Case::set().await?;
    let stage = &case.play.stage;
    stage.order(Fault::Hang.on("s3", "PutObject").times(1));
    let running = case.play.agent.start(&["launch"])?;
    let asked = || !stage.calls_of("s3", "PutObject").is_empty();
    let killed = running.kill_when(PATIENCE, "it uploads", asked).await?;
    ensure!(killed.code.is_none(), "{killed:#?}");
    case.play.told_nobody()?;
    case.play.launch().await?.expect_code(80)?;
    case.play.counted(Outcome::Abandon)?;
    let status = case.play.agent.status().await?;
    ensure!(status["verdict"]["kind"] == "abandon", "{status:#}");
    Ok(())
}

/// The engine's journal, its secrets replaced; and a journal that hangs.
#[tokio::test]
async fn the_journal() -> Result<()> {
    let scene = Scene::set().await?;
    let (key, canary) = (scene.parameter("key"), Canary::new());
    let moto = &scene.ground.moto;
    moto.put_parameter(&key, canary.value(), "SecureString")
        .await?;
    let given =
        format!("command: [task, done]\nenvironment: {{EXIT_CODE: 3, KEY: \"{{{{ssm:{key}}}}}\"}}");
    let spec = scene.spec("60s", "", &given);
    let mut case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    let mut patient = timings();
    patient["evidence"] = json!(16_000);
    let folder = TempDir::new()?;
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.path().display());
    case.play.agent = case.play.agent.clone().timings(&patient).env("PATH", &path);
    let journalctl = folder.path().join("journalctl");
    fs::write(
        folder.path().join("said"),
        format!("dockerd: no\nat {}\n", canary.value()),
    )?;
    // A number that no other process waits for.
    let long = format!("9{:05}", std::process::id() % 100_000);
    fs::write(
        &journalctl,
        format!(
            "#!/bin/sh\ncase \"$*\" in *docker*) cat {}/said;; *) exec sleep {long};; esac\n",
            folder.path().display()
        ),
    )?;
    fs::set_permissions(&journalctl, fs::Permissions::from_mode(0o755))?;
    case.play.launch().await?.expect_code(80)?;
    case.play.counted(Outcome::Abandon)?;
    let (_, bundle) = case.bundle().await?;
    let said = bundle.text("journal-docker.log")?;
    ensure!(
        said == format!("dockerd: no\nat {{{{ssm:{key}}}}}\n"),
        "{said}"
    );
    let left_out = bundle.text("left-out.txt")?;
    ensure!(
        left_out.contains("journal-firstlight.log: journalctl did not end in time"),
        "{left_out}"
    );
    let waits = || {
        process_list()
            .unwrap_or_default()
            .contains(&format!("sleep {long}"))
    };
    wait_until(PATIENCE, "journalctl is ended", || !waits()).await
}
