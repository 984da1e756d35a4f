//! Where requests for metadata go: to its two addresses, and nowhere else.

use super::*;

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

/// Which network this test is in, for the run of it that is inside one of its own.
const OUTSIDE: &str = "FIRSTLIGHT_TEST_OUTSIDE";

const THIS: &str = "metadata::elsewhere::the_ipv6_endpoint_is_the_second_choice";

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
