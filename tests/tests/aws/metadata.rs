//! Instance metadata that is slow, wrong, late or away, and what must never happen on the way to it.

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{Answer, Fault, Hook, Instance, Stage};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::task::JoinSet;

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, stillborn, table};

const DOCUMENT: &str = "dynamic/instance-identity/document";
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";
const TAG: &str = "meta-data/tags/instance/aws:autoscaling:groupName";
const ROLES: &str = "meta-data/iam/security-credentials/";
const ROLE: &str = "meta-data/iam/security-credentials/web";
const TOKEN: &str = "api/token";
const USER_DATA: &str = "user-data";

/// An instance that its tag puts into group `web`.
fn tagged() -> Instance {
    let tag = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    Instance {
        tags: Some([tag].into()),
        ..Instance::unique()
    }
}

/// How often a path was asked for.
fn asked(stage: &Stage, path: &str) -> usize {
    stage
        .calls()
        .iter()
        .filter(|entry| entry.call.service == "imds" && entry.call.names(path))
        .count()
}

/// Every answer goes wrong once, and the launch goes well.
#[tokio::test]
async fn every_answer_goes_wrong_once() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    let large = Answer::new(200, "text/plain", "<".repeat(500));
    let faults = [
        ("drop", Fault::Drop),
        ("cut", Fault::Cut),
        ("hang", Fault::Hang),
        ("500", Fault::Status(500)),
        ("503", Fault::Status(503)),
        ("429", Fault::Throttle),
        ("401", Fault::Status(401)),
        ("403", Fault::Status(403)),
        ("a page", Fault::Garble),
        ("another page", Fault::Instead(large)),
    ];
    table(faults, async |fault| {
        // What user data may be is for its reader to say.
        let is_page = matches!(fault, Fault::Garble | Fault::Instead(_));
        let paths = [TOKEN, DOCUMENT, TARGET, TAG, USER_DATA, ROLES, ROLE];
        let paths = paths
            .into_iter()
            .filter(|path| !(is_page && *path == USER_DATA));
        let orders = paths.map(|path| fault.clone().on_metadata(path).times(1));
        let spec = scene.healthy(&image, &format!("web{}", fastrand::u32(..)), "", "");
        let play = Play::open(scene.stage(spec).instance(tagged()), orders).await?;
        let finished = play.succeeds(Heard::Continue).await?;
        if fault == Fault::Throttle {
            finished.expect_said("throttled by imds:user-data, attempt 1")?;
        }
        Ok(())
    })
    .await
}

/// What stays wrong: before the instance is known nobody can be told, after that the group is.
#[tokio::test]
async fn what_stays_wrong() -> Result<()> {
    let scene = Scene::set().await?;
    let large = || Fault::Instead(Answer::new(200, "text/plain", "x".repeat(70_000)));
    let (unreachable, invalid, denied) = (
        (69, "metadata_unreachable"),
        (69, "metadata_invalid"),
        (77, "metadata_denied"),
    );
    let enable = "aws ec2 modify-instance-metadata-options --http-endpoint enabled";
    let mut cases = Vec::new();
    for (path, stage, heard) in [
        (DOCUMENT, "identify", Heard::Nothing),
        (USER_DATA, "configure", Heard::Abandon),
    ] {
        for (fault, (code, reason), says) in [
            (Fault::Hang, unreachable, "no answer in time"),
            (
                Fault::Drop,
                unreachable,
                "check that the metadata service is enabled",
            ),
            (Fault::Status(500), unreachable, "HTTP status 500"),
            (
                Fault::Throttle,
                unreachable,
                "too many requests from this instance",
            ),
            (Fault::Status(401), unreachable, "HTTP status 401"),
            (Fault::Cut, invalid, "a body cut off"),
            (large(), invalid, "more than 65536 bytes"),
            (Fault::Status(400), invalid, "HTTP status 400"),
            (Fault::Status(403), denied, enable),
        ] {
            cases.push((
                format!("{fault:?} of {path}"),
                (path, fault, code, reason, stage, heard, says),
            ));
        }
    }
    for (path, fault, code, reason, says) in [
        (
            TOKEN,
            Fault::Hang,
            69,
            "metadata_unreachable",
            "set the metadata hop limit to 2",
        ),
        (TOKEN, Fault::Status(403), 77, "metadata_denied", enable),
        (
            TOKEN,
            Fault::Garble,
            69,
            "metadata_invalid",
            "a token that cannot be",
        ),
        (
            DOCUMENT,
            Fault::Garble,
            69,
            "metadata_invalid",
            "something else answers at this address",
        ),
        (
            DOCUMENT,
            Fault::Status(404),
            69,
            "metadata_invalid",
            "there is no identity document",
        ),
        (
            TARGET,
            Fault::Garble,
            69,
            "metadata_invalid",
            "something else answers at this address",
        ),
    ] {
        cases.push((
            format!("{fault:?} of {path}"),
            (path, fault, code, reason, "identify", Heard::Nothing, says),
        ));
    }
    let other = Answer::new(200, "text/plain", r#"{"instanceId": "i-/../x"}"#);
    let other = (
        DOCUMENT,
        Fault::Instead(other),
        69,
        "metadata_invalid",
        "identify",
        Heard::Nothing,
        "an identity document that",
    );
    cases.push(("another document".to_owned(), other));
    table(
        cases,
        async |(path, fault, code, reason, stage, heard, says)| {
            let (is_denied, is_refused) =
                (fault == Fault::Status(403), fault == Fault::Status(401));
            let play = Play::open(scene.stage(stillborn("20s", "")), [fault.on_metadata(path)])
                .await?
                .timings(&json!({"imds_budget": 1500, "imds_attempt": 400}));
            let want = Failure {
                code,
                stage,
                reason,
                says: &[says],
                heard,
            };
            play.fails(want).await?;
            if is_denied {
                ensure!(
                    asked(&play.stage, path) == 3,
                    "403 is an answer at the third time"
                );
            }
            if is_refused {
                // Each attempt replaces its token once, and no more.
                let (tokens, gets) = (asked(&play.stage, TOKEN), asked(&play.stage, path));
                ensure!(tokens <= gets + 1, "{tokens} tokens for {gets} requests");
            }
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn nobody_listens() -> Result<()> {
    let scene = Scene::set().await?;
    let play = Play::open(scene.stage(stillborn("20s", "")), [])
        .await?
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
        .timings(&json!({"imds_budget": 700}));
    let want = Failure {
        code: 69,
        stage: "identify",
        reason: "metadata_unreachable",
        says: &[
            "http://127.0.0.1:9",
            "onnection refused",
            "the endpoint is right",
        ],
        heard: Heard::Nothing,
    };
    play.fails(want).await?;
    ensure!(play.stage.calls().is_empty(), "{}", play.stage.transcript());
    Ok(())
}

#[tokio::test]
async fn a_refused_token_is_replaced() -> Result<()> {
    let scene = Scene::set().await?;
    let refused = Fault::Status(401).on_metadata(USER_DATA).times(1);
    let play = Play::open(scene.stage("firstlight: 1\nservice: {}\n"), [refused]).await?;
    let want = Failure {
        code: 78,
        stage: "configure",
        reason: "spec_invalid",
        says: &["user data"],
        heard: Heard::Abandon,
    };
    let finished = play.fails(want).await?;
    assert_eq!(
        (asked(&play.stage, TOKEN), asked(&play.stage, USER_DATA)),
        (2, 2)
    );
    ensure!(
        !finished.stderr.contains("attempt 1"),
        "no attempt was lost: {}",
        finished.stderr
    );
    Ok(())
}

/// A token is renewed before it expires, so that none is ever refused.
#[tokio::test]
async fn a_token_is_renewed() -> Result<()> {
    let scene = Scene::set().await?;
    let slow = Fault::Delay(Duration::from_millis(2500))
        .on("ssm", "GetParameters")
        .times(1);
    scene
        .parameter(
            "launch",
            &stillborn("30s", "hostname: \"{{imds:none}}\""),
            "String",
        )
        .await?;
    let user_data = format!(
        "firstlight: 1\ninclude: [{{from: \"ssm:/{}\"}}]\n",
        scene.own("launch")
    );
    let stage = scene.stage(user_data).token_life(Duration::from_secs(4));
    let play = Play::open(stage, [slow])
        .await?
        .timings(&json!({"aws_attempt": 20_000}));
    let want = Failure {
        code: 78,
        stage: "resolve",
        reason: "reference_missing",
        says: &["imds:none: instance metadata has no such path"],
        heard: Heard::Abandon,
    };
    play.fails(want).await?;
    assert_eq!(asked(&play.stage, TOKEN), 2);
    ensure!(
        !play.stage.transcript().contains("-> 401"),
        "{}",
        play.stage.transcript()
    );
    Ok(())
}

/// 404 is an answer: it is asked for once, and no attempt is lost on it.
#[tokio::test]
async fn what_is_not_there_is_not_asked_for_again() -> Result<()> {
    let stage = Stage::builder().instance(Instance::unique());
    let play = Play::open(stage, []).await?;
    let finished = play.succeeds(Heard::Nothing).await?;
    finished.expect_said("no source holds a spec")?;
    for path in [TARGET, USER_DATA] {
        assert_eq!(asked(&play.stage, path), 1, "{path}");
    }
    ensure!(!finished.stderr.contains("attempt"), "{}", finished.stderr);
    Ok(())
}

/// Answers every request with 502, and keeps its first line.
struct Recorder {
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

impl Recorder {
    async fn open() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&lines);
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                let _ = stream.read_line(&mut line).await;
                kept.lock().unwrap().push(line);
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            }
        });
        Ok(Self {
            url,
            lines,
            _server: server,
        })
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

/// A proxy in the environment is for others: metadata is asked directly.
#[tokio::test]
async fn no_proxy_sees_metadata() -> Result<()> {
    let (scene, recorder) = tokio::try_join!(Scene::set(), Recorder::open())?;
    let mut play = Play::open(
        scene.stage(stillborn("30s", "environment: {A: \"{{ssm:/x}}\"}")),
        [],
    )
    .await?;
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        play = play.env(name, &recorder.url);
    }
    // Calls of AWS go through it, which shows that it would be seen.
    let aws = play.stage.aws_url();
    let seen = || recorder.lines().iter().any(|line| line.contains(&aws));
    let running = play.agent.start(&["launch"])?;
    running
        .kill_when(PATIENCE, "a call of AWS went through the proxy", seen)
        .await?;
    let metadata = play.stage.metadata_url();
    let lines = recorder.lines();
    ensure!(
        !lines
            .iter()
            .any(|line| line.contains(&metadata) || line.contains("latest")),
        "{lines:?}"
    );
    for path in [TOKEN, DOCUMENT, USER_DATA, ROLE] {
        ensure!(asked(&play.stage, path) > 0, "{path} was not asked for");
    }
    Ok(())
}

/// A redirect is no answer of EC2's, and where it leads nobody goes.
#[tokio::test]
async fn no_redirect_is_followed() -> Result<()> {
    let (scene, recorder) = tokio::try_join!(Scene::set(), Recorder::open())?;
    let elsewhere = || {
        let answer = Answer::new(302, "text/plain", "").header("location", &recorder.url);
        Fault::Instead(answer)
    };
    table(
        [
            (TOKEN, ("identify", Heard::Nothing)),
            (DOCUMENT, ("identify", Heard::Nothing)),
            (USER_DATA, ("configure", Heard::Abandon)),
        ]
        .map(|(path, ended)| (path, (path, ended))),
        async |(path, (stage, heard))| {
            let play = Play::open(
                scene.stage(stillborn("20s", "")),
                [elsewhere().on_metadata(path)],
            )
            .await?;
            let want = Failure {
                code: 69,
                stage,
                reason: "metadata_invalid",
                says: &["HTTP status 302", "not another server at its address"],
                heard,
            };
            play.fails(want).await?;
            ensure!(asked(&play.stage, path) == 1, "{}", play.stage.transcript());
            Ok(())
        },
    )
    .await?;
    assert_eq!(recorder.lines(), Vec::<String>::new());
    // Who follows redirects is seen.
    let stage = Stage::builder().open().await?;
    stage.order(elsewhere().on_metadata(USER_DATA));
    let client = reqwest::Client::builder().no_proxy().build()?;
    client
        .get(format!("{}/latest/user-data", stage.metadata_url()))
        .send()
        .await?;
    assert_eq!(recorder.lines().len(), 1);
    Ok(())
}

/// User data is bytes: packed, and in parts of which only one is ours.
#[tokio::test]
async fn binary_user_data() -> Result<()> {
    use std::io::Write as _;
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let parts = |part: &[u8]| {
        let head = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n\
                     --b\nContent-Type: text/firstlight\nContent-Transfer-Encoding: binary\n\n";
        [head, part, b"\n--b--\n"].concat()
    };
    let spec = |stem: &str| scene.healthy(&image, stem, "", "").into_bytes();
    table(
        [
            ("gzip", gzip(&spec("a"))),
            ("a packed part", parts(&gzip(&spec("b")))),
            ("gzip of parts", gzip(&parts(&gzip(&spec("c"))))),
        ],
        async |user_data| {
            ensure!(std::str::from_utf8(&user_data).is_err(), "that is text");
            let play = Play::open(scene.stage(user_data), []).await?;
            play.succeeds(Heard::Continue).await.map(drop)
        },
    )
    .await
}

/// EC2 shows a role some moments after the launch.
#[tokio::test]
async fn credentials_come_late() -> Result<()> {
    let scene = Scene::set().await?;
    let image = scene.image().await?;
    scene.parameter("a", "1", "String").await?;
    let unassumed = || {
        Answer::new(
            200,
            "text/plain",
            r#"{"Code": "AssumeRoleUnauthorizedAccess"}"#,
        )
    };
    let reference = format!("environment: {{A: \"{{{{ssm:/{}}}}}\"}}", scene.own("a"));
    table(
        [
            (
                "no role",
                (
                    Fault::Status(404).on_metadata(ROLES),
                    "the instance has no role yet",
                ),
            ),
            (
                "no document",
                (
                    Fault::Status(404).on_metadata(ROLE),
                    "attach an instance profile to the launch template",
                ),
            ),
            (
                "not to be assumed",
                (
                    Fault::Instead(unassumed()).on_metadata(ROLE),
                    "check its trust policy",
                ),
            ),
        ],
        async |(order, words)| {
            let stem = format!("web{}", fastrand::u32(..));
            let play = Play::open(
                scene.stage(scene.healthy(&image, &stem, &reference, "")),
                [order.times(4)],
            )
            .await?;
            let finished = play.succeeds(Heard::Continue).await?;
            finished.expect_said(words)
        },
    )
    .await
}

/// An instance without a profile is a whole launch where nobody waits for it.
#[tokio::test]
async fn no_role_and_no_group() -> Result<()> {
    let scene = Scene::set().await?;
    let bare = Instance {
        role: None,
        ..Instance::unique()
    };
    let spec = scene.healthy(&scene.image().await?, "web", "", "");
    let alone = Stage::builder().instance(bare).user_data(spec);
    let play = Play::open(alone, [])
        .await?
        .timings(&json!({"group_patience": 300}));
    let finished = play.succeeds(Heard::Nothing).await?;
    for said in [
        "attach an instance profile",
        "counts as in no Auto Scaling group",
        "no hook is told",
    ] {
        finished.expect_said(said)?;
    }
    Ok(())
}

/// Which network this test is in, for the run of it that is inside one of its own.
const OUTSIDE: &str = "FIRSTLIGHT_TEST_OUTSIDE";
const THIS: &str = "metadata::the_ipv6_endpoint_is_the_second_choice";

/// At EC2's own two addresses, in a network namespace that has nothing else.
#[test]
fn the_ipv6_endpoint_is_the_second_choice() -> Result<()> {
    let network = std::fs::read_link("/proc/self/ns/net")?;
    if let Some(outside) = std::env::var_os(OUTSIDE) {
        ensure!(
            network.as_os_str() != outside,
            "this must not run on the machine's own network"
        );
        return inside();
    }
    let mut again = Command::new("unshare");
    again
        .arg("--net")
        .arg(std::env::current_exe()?)
        .args(["--exact", THIS, "--nocapture"]);
    let output = again
        .env(OUTSIDE, network)
        .output()
        .context("running unshare (util-linux), as root")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn inside() -> Result<()> {
    for line in [
        "link set lo up",
        "addr add 169.254.169.254/32 dev lo",
        "addr add fd00:ec2::254/128 dev lo nodad",
    ] {
        let status = Command::new("ip")
            .args(line.split(' '))
            .status()
            .context("running ip (iproute2)")?;
        ensure!(status.success(), "ip {line}");
    }
    let first = SocketAddr::from(([169, 254, 169, 254], 80));
    let second = SocketAddr::from((Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 80));
    // Nobody at the first.
    launch_at(second)?;
    // Somebody who never answers.
    let silent = TcpListener::bind(first)?;
    launch_at(second)?;
    drop(silent);
    // The first answers: the second is not asked.
    let unasked = TcpListener::bind(second)?;
    unasked.set_nonblocking(true)?;
    launch_at(first)?;
    let asked = unasked.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(asked, Err(ErrorKind::WouldBlock));
    Ok(())
}

/// A launch that asks metadata for everything, and tells the group. With a runtime of its own: when that is gone, so
/// are its listeners.
fn launch_at(address: SocketAddr) -> Result<()> {
    let launch = async {
        let stage = Stage::builder()
            .instance(tagged())
            .group("web", [Hook::launching("up")])
            .user_data(stillborn("20s", "hostname: \"{{imds:none}}\""))
            .metadata_at(address);
        let play = Play::open(stage, [])
            .await?
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
        let want = Failure {
            code: 78,
            stage: "resolve",
            reason: "reference_missing",
            says: &["imds:none: "],
            heard: Heard::Abandon,
        };
        play.fails(want).await.map(drop)
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(launch)
}
