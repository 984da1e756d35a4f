//! Workload, health and what comes after the verdict, on the machine's own Docker engine, with an image
//! made of Debian's `busybox-static`. Each test has an instance id and names of its own and removes what
//! it made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    reason = "tests"
)]

mod drain;
mod keep;
mod parts;
mod stand;

use firstlight::{
    health::{self, HealthError},
    verdict::{Failure, Reason},
    workload::WorkloadError,
};
use firstlight_userdata::{resolve::Text, spec::*};
use parts::{health, shell};
use stand::Stand;
use std::time::Duration;

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let mut stand = Stand::new().await;
    let mut web = shell("httpd -f -p 3000 -h /www");
    web.files
        .insert("/www/index.html".into(), parts::file("hello", 0o444));
    stand.service("web", web, Some(health(parts::http(3000, "/"))));
    stand.task("migrate", shell("echo migrated; cat /etc/hostname"));
    let first = stand.launch().await.unwrap();
    let before = stand.containers().await;
    let second = stand.launch().await.unwrap();
    assert_eq!(first.services[0].id, second.services[0].id);
    assert_eq!(stand.containers().await, before);
    stand.clean().await;
}

#[tokio::test]
async fn another_boot_makes_services_anew_and_runs_no_task_twice() {
    let mut stand = Stand::new().await;
    stand.service("web", shell("sleep 600"), None);
    stand.task("migrate", shell("true"));
    stand.launch().await.unwrap();
    let before = stand.containers().await;
    stand.launch.boot_id = "boot-2".into();
    stand.launch().await.unwrap();
    let after = stand.containers().await;
    assert_eq!(
        before[&stand.name("migrate")],
        after[&stand.name("migrate")]
    );
    assert_ne!(before[&stand.name("web")], after[&stand.name("web")]);
    stand.launch.epoch += 1;
    stand.launch().await.unwrap();
    assert_ne!(
        after[&stand.name("migrate")],
        stand.containers().await[&stand.name("migrate")]
    );
    stand.clean().await;
}

#[tokio::test]
async fn a_container_that_was_made_and_not_started_is_started() {
    let mut stand = Stand::new().await;
    stand.service("web", shell("sleep 600"), None);
    stand.launch().await.unwrap();
    let made = stand.made_not_started("web").await;
    let again = stand.launch().await.unwrap();
    assert_eq!(again.services[0].id, made);
    stand.clean().await;
}

#[tokio::test]
async fn services_wait_for_tasks_and_tasks_for_databases() {
    let mut stand = Stand::new().await;
    stand.service(
        "db",
        shell("sleep 1; touch /tmp/up; sleep 600"),
        Some(health(parts::command("test -e /tmp/up"))),
    );
    let mut migrate = shell("nslookup $DB >/dev/null; echo migrated");
    migrate.depends_on = vec![stand.name("db")];
    migrate
        .environment
        .insert("DB".into(), Text::plain(stand.name("db")));
    stand.task("migrate", migrate);
    stand.service("web", shell("sleep 600"), None);
    stand.launch().await.unwrap();
    let started = stand.started().await;
    let at = |name: &str| &started[&stand.name(name)];
    assert!(
        at("db") < at("migrate") && at("migrate") < at("web"),
        "{started:?}"
    );
    stand.clean().await;
}

#[tokio::test]
async fn a_task_that_fails_says_its_last_words_without_secrets() {
    let mut stand = Stand::new().await;
    let mut task = shell("echo the password is $PW; echo no table >&2; exit 3");
    task.environment
        .insert("PW".into(), Text::secret("hunter2"));
    stand.task("migrate", task);
    stand.service("web", shell("sleep 600"), None);
    let error = stand.launch().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TaskFailed);
    let text = error.to_string();
    assert!(
        text.contains("exited with code 3") && text.contains("no table"),
        "{text}"
    );
    assert!(
        text.contains("the password is") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(!stand.containers().await.contains_key(&stand.name("web")));
    stand.clean().await;
}

#[tokio::test]
async fn a_task_that_hangs_is_stopped() {
    let mut stand = Stand::new().await;
    stand.task(
        "migrate",
        shell("trap 'echo told to stop; exit 1' TERM; echo begun; while :; do sleep 0.1; done"),
    );
    let name = stand.name("migrate");
    stand.resolution.spec.tasks.get_mut(&name).unwrap().timeout = Some(Duration::from_secs(1));
    let error = stand.launch().await.unwrap_err();
    let WorkloadError::TaskTimeout { last, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(last, &["begun", "told to stop"]);
    assert!(stand.running().await.is_empty());
    stand.clean().await;
}

#[tokio::test]
async fn a_service_that_exits_fails_at_once_whatever_the_log_driver() {
    let mut stand = Stand::new().await;
    let mut web = shell("echo cannot bind; sleep 0.5; exit 7");
    web.logging = Some(Logging {
        driver: "none".into(),
        options: Default::default(),
    });
    stand.service("web", web, Some(health(parts::http(3000, "/"))));
    let workload = stand.launch().await.unwrap();
    let HealthError::Exited { exit, .. } = health::wait(&stand.cx, &workload).await.unwrap_err()
    else {
        panic!("it exited")
    };
    assert_eq!((exit.code, exit.out_of_memory), (7, false));
    assert_eq!(exit.last, ["cannot bind"]);
    // and a launch that goes on from there says so too
    let reason = match stand.launch().await {
        Ok(workload) => health::wait(&stand.cx, &workload)
            .await
            .unwrap_err()
            .reason(),
        Err(error) => error.reason(),
    };
    assert_eq!(reason, Reason::ServiceExited);
    stand.clean().await;
}

#[tokio::test]
async fn every_probe() {
    let mut stand = Stand::new().await;
    let served = "httpd -f -p 3000 -h /";
    stand.service(
        "http",
        shell(served),
        Some(health(parts::http(3000, "/etc/"))),
    );
    stand.service(
        "tcp",
        shell(served),
        Some(health(Probe::Tcp { port: 3000 })),
    );
    stand.service(
        "command",
        shell("sleep 600"),
        Some(health(parts::command("exit 0"))),
    );
    stand.service("settle", shell("sleep 600"), None);
    let mut shared = shell("sleep 600");
    shared.network_mode = NetworkMode::Service(stand.name("tcp"));
    stand.service("shared", shared, Some(health(Probe::Tcp { port: 3000 })));
    let workload = stand.launch().await.unwrap();
    // busybox answers 404 for a folder without an index
    let error = health::wait(&stand.soon(), &workload).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Deadline);
    let text = error.to_string();
    assert!(
        text.contains("GET :3000/etc/ answered 404, wanted 200"),
        "{text}"
    );
    for healthy in ["tcp", "command", "settle", "shared"] {
        assert!(!text.contains(&stand.name(healthy)), "{text}");
    }
    stand.clean().await;
}

#[tokio::test]
async fn what_docker_refuses() {
    type Change = fn(&mut Container<firstlight_userdata::spec::Resolved>);
    let rows: [(Change, Reason, &str); 4] = [
        (
            |c| c.volumes = vec![parts::bind("/no/such/folder")],
            Reason::BindMissing,
            "/no/such/folder",
        ),
        (
            |c| c.command = Some(vec![Text::plain("/no/such/program")]),
            Reason::DockerRefused,
            "`command`",
        ),
        (
            |c| c.user = Some("nobody-of-that-name".into()),
            Reason::DockerRefused,
            "`user`",
        ),
        (
            |c| c.mem_limit = Some(1),
            Reason::DockerRefused,
            "`mem_limit`",
        ),
    ];
    for (change, reason, words) in rows {
        let mut stand = Stand::new().await;
        let mut web = shell("sleep 600");
        change(&mut web);
        stand.service("web", web, None);
        let error = stand.launch().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        stand.clean().await;
    }
}

#[tokio::test]
async fn ports_and_names_that_are_taken() {
    let mut stand = Stand::new().await;
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut web = shell("sleep 600");
    web.ports = vec![Port {
        host_ip: Some("127.0.0.1".parse().unwrap()),
        host: Some(held.local_addr().unwrap().port()),
        container: 80,
        protocol: Protocol::Tcp,
    }];
    stand.service("web", web, None);
    let error = stand.launch().await.unwrap_err();
    assert_eq!(error.reason(), Reason::PortTaken, "{error}");
    stand.clean().await;

    let mut stand = Stand::new().await;
    let foreign = stand.foreign("web").await;
    stand.service("web", shell("sleep 600"), None);
    let error = stand.launch().await.unwrap_err();
    assert_eq!(error.reason(), Reason::NameTaken, "{error}");
    assert!(stand.exists(&foreign).await);
    stand.remove(&foreign).await;
    stand.clean().await;
}

#[tokio::test]
async fn a_stop_keeps_containers_and_their_grace() {
    let mut stand = Stand::new().await;
    stand.service(
        "web",
        shell("trap 'exit 5' TERM; while :; do sleep 0.1; done"),
        None,
    );
    stand.launch().await.unwrap();
    let deadline = firstlight::context::Deadline::after(Duration::from_secs(10));
    firstlight::workload::stop(&stand.cx, &stand.me, deadline)
        .await
        .unwrap();
    assert!(stand.running().await.is_empty());
    assert_eq!(stand.exit_code("web").await, 5);
    stand.clean().await;
}
