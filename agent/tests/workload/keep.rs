//! Services after the verdict.

use crate::{
    parts::shell,
    stand::{Stand, until},
};
use firstlight::workload::{Kept, keep};
use firstlight_userdata::spec::{NetworkMode, Restart};
use futures_util::future::{Either, select};
use std::{cell::RefCell, pin::pin, time::Duration};

/// Keeps services for as long as that takes; the names that were told.
async fn keeping(stand: &Stand, kept: &Kept, work: impl Future<Output = ()>) -> Vec<String> {
    let told = RefCell::new(Vec::new());
    let kept = keep(&stand.cx, &stand.me, kept, |name| {
        told.borrow_mut().push(name)
    });
    match select(pin!(kept), pin!(work)).await {
        Either::Left((never, _)) => match never {},
        Either::Right(((), _)) => {}
    }
    told.into_inner()
}

fn restart(stand: &mut Stand, name: &str, restart: Restart) {
    let name = stand.name(name);
    let service = stand.resolution.spec.services.get_mut(&name).unwrap();
    service.restart = restart;
}

#[tokio::test]
async fn what_exits_is_started_again_alone() {
    let mut stand = Stand::new().await;
    stand.service("db", stand.counting("db", "sleep 600"), None);
    let mut web = stand.counting("web", "sleep 600");
    web.depends_on = vec![stand.name("db")];
    stand.service("web", web, None);
    stand.task("migrate", stand.counting("migrate", "true"));
    let workload = stand.launch().await.unwrap();
    let before = stand.containers().await;
    let kept = stand.kept(Some(workload));
    let told = keeping(&stand, &kept, async {
        for starts in [2, 3] {
            stand.kill("db").await;
            until("it runs again", async || {
                stand.starts("db") == starts && stand.is_running("db").await
            })
            .await;
        }
    });
    assert!(told.await.is_empty());
    assert_eq!(stand.containers().await, before);
    assert_eq!((stand.starts("web"), stand.starts("migrate")), (1, 1));
    stand.clean().await;
}

#[tokio::test]
async fn its_restart_says_whether() {
    let mut stand = Stand::new().await;
    let rows = [
        ("always-0", Restart::Always, 0, true),
        ("on-failure-0", Restart::OnFailure, 0, false),
        ("on-failure-1", Restart::OnFailure, 1, true),
        ("no-0", Restart::No, 0, false),
        ("no-1", Restart::No, 1, false),
    ];
    for (name, says, code, _) in rows {
        // Its second start is its last.
        let script = format!(
            "[ -e /data/second ] && exec sleep 600; sleep 1; touch /data/second; exit {code}"
        );
        stand.service(name, stand.counting(name, &script), None);
        restart(&mut stand, name, says);
    }
    let workload = stand.launch().await.unwrap();
    let kept = stand.kept(Some(workload));
    let told = keeping(&stand, &kept, async {
        until("everything is as it is to be", async || {
            let mut all = true;
            for (name, _, _, again) in rows {
                all &= stand.starts(name) == if again { 2 } else { 1 };
                all &= stand.is_running(name).await == again;
            }
            all
        })
        .await;
        // What was left stays so, while others are started again.
        stand.kill("always-0").await;
        until("it runs again", async || {
            stand.starts("always-0") == 3 && stand.is_running("always-0").await
        })
        .await;
        for (name, _, _, again) in rows {
            assert_eq!(stand.is_running(name).await, again, "{name}");
        }
    });
    assert!(told.await.is_empty());
    stand.clean().await;
}

#[tokio::test]
async fn what_keeps_dying_is_told_each_time_anew() {
    let mut stand = Stand::new().await;
    stand.cx.timings.restart_cap = Duration::from_millis(50);
    stand.service("web", stand.counting("web", "sleep 0.5; exit 3"), None);
    let workload = stand.launch().await.unwrap();
    let kept = stand.kept(Some(workload));
    let web = stand.name("web");
    let told = keeping(&stand, &kept, async {
        until("it died ten times", async || stand.starts("web") >= 11).await;
    });
    assert_eq!(told.await, [web.clone(), web]);
    stand.clean().await;
}

#[tokio::test]
async fn another_process_finds_them_by_label() {
    let mut stand = Stand::new().await;
    stand.service("web", stand.counting("web", "sleep 600"), None);
    stand.service("once", stand.counting("once", "sleep 600"), None);
    restart(&mut stand, "once", Restart::No);
    stand.task("migrate", stand.counting("migrate", "true"));
    stand.launch().await.unwrap();
    // One dies while no agent is there, one later.
    stand.kill("web").await;
    let kept = stand.kept(None);
    let told = keeping(&stand, &kept, async {
        until("it runs again", async || stand.is_running("web").await).await;
        stand.kill("web").await;
        stand.kill("once").await;
        until("it runs again", async || {
            stand.starts("web") == 3 && stand.is_running("web").await
        })
        .await;
    });
    assert!(told.await.is_empty());
    assert!(!stand.is_running("once").await);
    assert_eq!(stand.starts("migrate"), 1);
    stand.clean().await;
}

#[tokio::test]
async fn another_launch_s_are_left_alone() {
    let mut stand = Stand::new().await;
    stand.service("web", stand.counting("web", "sleep 600"), None);
    stand.service("other", stand.counting("other", "sleep 600"), None);
    stand.launch().await.unwrap();
    stand.kill("web").await;
    let before = stand.launch.clone();
    for change in [0, 1] {
        stand.launch = before.clone();
        match change {
            0 => stand.launch.epoch += 1,
            _ => stand.launch.boot_id = "boot-2".into(),
        }
        let kept = stand.kept(None);
        keeping(&stand, &kept, async {
            for _ in 0..3 {
                stand.kill("other").await;
                stand.start("other").await;
            }
        })
        .await;
        assert_eq!(stand.starts("web"), 1);
    }
    stand.clean().await;
}

#[tokio::test]
async fn one_that_is_removed_is_not_made_again() {
    let mut stand = Stand::new().await;
    stand.service("web", shell("sleep 600"), None);
    stand.service("other", stand.counting("other", "sleep 600"), None);
    let workload = stand.launch().await.unwrap();
    let kept = stand.kept(Some(workload));
    let web = stand.name("web");
    let told = keeping(&stand, &kept, async {
        stand.remove(&web).await;
        stand.kill("other").await;
        until("the other one runs again", async || {
            stand.starts("other") == 2 && stand.is_running("other").await
        })
        .await;
    });
    assert!(told.await.is_empty());
    assert!(!stand.exists(&web).await);
    stand.clean().await;
}

#[tokio::test]
async fn who_shares_a_network_follows_into_the_new_one() {
    for known in [true, false] {
        let mut stand = Stand::new().await;
        stand.service("app", stand.counting("app", "sleep 600"), None);
        let mut side = stand.counting("side", "sleep 600");
        side.network_mode = NetworkMode::Service(stand.name("app"));
        stand.service("side", side, None);
        let workload = stand.launch().await.unwrap();
        let kept = stand.kept(known.then_some(workload));
        let together = async |starts| {
            until("both share a network", async || {
                stand.starts("side") >= starts && stand.share_a_network("app", "side").await
            })
            .await;
        };
        let told = keeping(&stand, &kept, async {
            stand.kill("app").await;
            together(2).await;
            // It cannot be started before the other one runs.
            stand.kill("side").await;
            stand.kill("app").await;
            together(3).await;
        });
        assert!(told.await.is_empty());
        stand.clean().await;
    }
}

#[tokio::test]
async fn who_was_left_in_an_old_network_follows_when_an_agent_is_back() {
    let mut stand = Stand::new().await;
    stand.service("app", stand.counting("app", "sleep 600"), None);
    let mut side = stand.counting("side", "sleep 600");
    side.network_mode = NetworkMode::Service(stand.name("app"));
    stand.service("side", side, None);
    stand.launch().await.unwrap();
    stand.kill("app").await;
    stand.start("app").await;
    assert_ne!(stand.network("app").await, stand.network("side").await);
    let kept = stand.kept(None);
    keeping(&stand, &kept, async {
        until("both share a network", async || {
            stand.share_a_network("app", "side").await
        })
        .await;
    })
    .await;
    assert_eq!((stand.starts("app"), stand.starts("side")), (2, 2));
    stand.clean().await;
}
