//! From serving to stopped services.

use crate::{
    parts::{self, shell},
    stand::{Stand, until},
};
use firstlight::{
    context::Deadline,
    drain::{Why, drain},
    workload,
};
use futures_util::future::join;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_shutdown_stops_at_once_in_reverse_order_and_leaves_no_secret() {
    let mut stand = Stand::new().await;
    let stopping = |code| format!("trap 'exit {code}' TERM; while :; do sleep 0.1; done");
    stand.service(
        "db",
        shell(&stopping(5)),
        Some(parts::health(parts::command("true"))),
    );
    let mut web = shell(&stopping(6));
    web.depends_on = vec![stand.name("db")];
    web.files
        .insert("/key".into(), parts::file("hunter2", 0o400));
    stand.service("web", web, None);
    // Longer than anybody waits.
    stand.resolution.spec.drain.delay = SECOND * 600;
    let workload = stand.launch().await.unwrap();
    assert_eq!(stand.secrets(), 1);
    stand.cx.report.resolved(&stand.resolution);
    let kept = stand.kept(Some(workload));
    let began = Instant::now();
    drain(&stand.cx, &stand.me, Why::Shutdown, kept).await;
    assert!(began.elapsed() < SECOND * 10);
    assert!(stand.running().await.is_empty());
    assert_eq!(
        (stand.exit_code("db").await, stand.exit_code("web").await),
        (5, 6)
    );
    let ended = stand.ended().await;
    assert!(
        ended[&stand.name("web")] < ended[&stand.name("db")],
        "{ended:?}"
    );
    assert_eq!(stand.secrets(), 0);
    assert!(stand.cx.report.hidden().is_none(), "secrets are in memory");
    stand.clean().await;
}

#[tokio::test]
async fn until_it_is_due_what_dies_is_started_again() {
    let mut stand = Stand::new().await;
    stand.service("web", stand.counting("web", "sleep 600"), None);
    stand.resolution.spec.drain.delay = SECOND * 3;
    let workload = stand.launch().await.unwrap();
    let kept = stand.kept(Some(workload));
    let why = Why::Notice { by: None };
    let began = Instant::now();
    let drained = async {
        drain(&stand.cx, &stand.me, why, kept).await;
        began.elapsed()
    };
    let served = async {
        stand.kill("web").await;
        until("it serves again", async || {
            stand.starts("web") == 2 && stand.is_running("web").await
        })
        .await;
    };
    let (took, ()) = join(drained, served).await;
    assert!(took >= SECOND * 3, "{took:?}");
    assert!(stand.running().await.is_empty());
    stand.clean().await;
}

#[tokio::test]
async fn what_was_drained_may_be_launched_again() {
    let mut stand = Stand::new().await;
    let mut web = stand.counting("web", "cat /key; sleep 600");
    web.files
        .insert("/key".into(), parts::file("hunter2", 0o400));
    stand.service("web", web, None);
    stand.task("migrate", stand.counting("migrate", "true"));
    let workload = stand.launch().await.unwrap();
    let before = stand.containers().await;
    let kept = stand.kept(Some(workload));
    drain(&stand.cx, &stand.me, Why::Shutdown, kept).await;
    stand.run(workload::Run::Again).await.unwrap();
    until("it serves again", async || stand.starts("web") == 2).await;
    assert!(stand.is_running("web").await);
    // Its own secrets, and no task twice.
    let after = stand.containers().await;
    let migrate = stand.name("migrate");
    assert_eq!(before[&migrate], after[&migrate]);
    assert_eq!((stand.secrets(), stand.starts("migrate")), (1, 1));
    stand.clean().await;
}

#[tokio::test]
async fn an_announced_end_is_not_missed() {
    let mut stand = Stand::new().await;
    // It does not stop by itself, and would be given a minute.
    let mut web = shell("trap '' TERM; while :; do sleep 0.1; done");
    web.stop_grace_period = SECOND * 60;
    stand.service("web", web, None);
    stand.resolution.spec.drain.delay = SECOND * 600;
    let workload = stand.launch().await.unwrap();
    let kept = stand.kept(Some(workload));
    let by = Deadline::after(SECOND * 14);
    drain(&stand.cx, &stand.me, Why::Notice { by: Some(by) }, kept).await;
    // Ten seconds are the group's.
    assert!(by.remaining() > SECOND * 8, "{:?}", by.remaining());
    assert!(stand.running().await.is_empty());
    stand.clean().await;
}

#[tokio::test]
async fn without_anything_that_serves_what_runs_is_stopped() {
    let mut stand = Stand::new().await;
    stand.service("web", shell("sleep 600"), None);
    stand.resolution.spec.drain.delay = SECOND * 600;
    stand.launch().await.unwrap();
    let kept = workload::Kept {
        launch: None,
        ..stand.kept(None)
    };
    drain(
        &stand.cx,
        &stand.me,
        Why::Group {
            by: None,
            pool: false,
        },
        kept,
    )
    .await;
    assert!(stand.running().await.is_empty());
    stand.clean().await;
}

#[tokio::test]
async fn on_the_way_into_a_pool_nothing_is_left() {
    let mut stand = Stand::new().await;
    let mut web = shell("cat /key; sleep 600");
    web.files
        .insert("/key".into(), parts::file("hunter2", 0o400));
    stand.service("web", web, None);
    stand.task("migrate", shell("true"));
    stand.launch().await.unwrap();
    stand.cx.report.resolved(&stand.resolution);
    assert_eq!((stand.containers().await.len(), stand.secrets()), (2, 1));
    workload::clear(&stand.cx, &stand.me).await.unwrap();
    assert_eq!((stand.containers().await.len(), stand.secrets()), (0, 0));
    assert!(stand.cx.report.hidden().is_none());
    // Again, as after a kill.
    workload::clear(&stand.cx, &stand.me).await.unwrap();
    stand.clean().await;
}
