//! The group, as Describe and metadata tell it over HTTP.

use std::time::Duration;

use anyhow::Result;
use firstlight_tests::stage::{
    Edge, Group, Hook, Lifecycle, Opens, Outcome, Pool, SpotAction, Stage,
};
use serde_json::{Value, json};

use crate::caller::Caller;

const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";

#[tokio::test]
async fn a_group_hears_its_instance() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .opens(Opens::AfterCompletions(1))
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let (status, body) = caller.complete("CONTINUE").await?;
    assert_eq!(status, 400);
    assert!(body.contains("<Code>ValidationError</Code>"), "{body}");
    assert!(
        body.contains("No active Lifecycle Action found with instance ID i-0123456789abcdef0"),
        "{body}"
    );
    let (_, described) = caller
        .query("autoscaling", "Action=DescribeAutoScalingInstances")
        .await?;
    assert!(
        described.contains("<LifecycleState>Pending:Wait</LifecycleState>"),
        "{described}"
    );
    let (_, hooks) = caller
        .query(
            "autoscaling",
            "Action=DescribeLifecycleHooks&AutoScalingGroupName=web",
        )
        .await?;
    assert!(
        hooks.contains("<LifecycleHookName>up</LifecycleHookName>"),
        "{hooks}"
    );
    assert_eq!(caller.complete("CONTINUE").await?.0, 200);
    assert_eq!(stage.lifecycle(), Some(Lifecycle::InService));
    assert_eq!(stage.counted(), [("up".to_owned(), Outcome::Continue)]);
    assert_eq!(
        stage.verdicts().len(),
        2,
        "the refused one is in the history"
    );
    assert_eq!(
        stage
            .calls_of("autoscaling", "CompleteLifecycleAction")
            .len(),
        2
    );
    Ok(())
}

#[tokio::test]
async fn target_state_follows_the_group_until_it_is_set() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up")])
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let token = caller.token().await?;
    let path = "meta-data/autoscaling/target-lifecycle-state";
    assert_eq!(caller.get(path, &token).await?.text().await?, "InService");
    caller.complete("ABANDON").await?;
    assert_eq!(caller.get(path, &token).await?.text().await?, "Terminated");
    stage.set_metadata(path, Some(b"Warmed:Stopped"));
    assert_eq!(
        caller.get(path, &token).await?.text().await?,
        "Warmed:Stopped"
    );
    stage.set_metadata(path, None);
    assert_eq!(caller.get(path, &token).await?.status(), 404);
    Ok(())
}

impl Caller<'_> {
    /// What Describe calls the instance's state.
    async fn described(&self) -> Result<Option<String>> {
        let (_, body) = self
            .query("autoscaling", "Action=DescribeAutoScalingInstances")
            .await?;
        let state = body.split_once("<LifecycleState>");
        Ok(state.and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned())))
    }

    /// A value of metadata; `None`: 404.
    async fn read(&self, path: &str) -> Result<Option<String>> {
        let answer = self.get(path, &self.token().await?).await?;
        Ok(if answer.status() == 404 {
            None
        } else {
            Some(answer.error_for_status()?.text().await?)
        })
    }

    async fn document(&self) -> Result<Value> {
        let document = self.read("dynamic/instance-identity/document").await?;
        Ok(serde_json::from_str(&document.unwrap_or_default())?)
    }
}

#[tokio::test]
async fn describe_and_metadata_follow_a_warm_instance() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [Hook::launching("up"), Hook::terminating("down")])
        .warm(Pool::Stopped)
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let is = |state: &str, target: &str| {
        let wanted = (Some(state.to_owned()), Some(target.to_owned()));
        let caller = &caller;
        async move {
            let found = (caller.described().await?, caller.read(TARGET).await?);
            assert_eq!(found, wanted);
            anyhow::Ok(())
        }
    };
    is("Warmed:Pending:Wait", "Warmed:Stopped").await?;
    assert_eq!(caller.complete("CONTINUE").await?.0, 200);
    is("Warmed:Stopped", "Warmed:Stopped").await?;
    stage.group(Group::leave_pool)?;
    is("Pending:Wait", "InService").await?;
    assert_eq!(caller.complete("CONTINUE").await?.0, 200);
    is("InService", "InService").await?;
    stage.group(Group::return_to_pool)?;
    is("Warmed:Pending:Wait", "Warmed:Stopped").await?;
    stage.group(Group::terminate)?;
    is("Warmed:Terminating:Wait", "Warmed:Terminated").await?;
    let edges: Vec<(Edge, usize)> = stage
        .passages()
        .iter()
        .map(|passage| (passage.edge, passage.verdicts.len()))
        .collect();
    assert_eq!(
        edges,
        [
            (Edge::WarmEnter, 1),
            (Edge::WarmLeave, 1),
            (Edge::WarmReturn, 0),
            (Edge::WarmTerminate, 0),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn out_of_the_group_nothing_is_told() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [])
        .outside()
        .plan(|plan| plan.untold = Duration::from_secs(3600))
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    assert_eq!(
        (caller.described().await?, caller.read(TARGET).await?),
        (None, None)
    );
    stage.group(Group::attach)?;
    assert_eq!(stage.lifecycle(), Some(Lifecycle::InService));
    assert_eq!(caller.described().await?.as_deref(), Some("InService"));
    assert_eq!(caller.read(TARGET).await?, None, "metadata lags behind");
    stage.group(Group::detach)?;
    assert_eq!(
        (caller.described().await?, caller.read(TARGET).await?),
        (None, None)
    );
    let (_, groups) = caller
        .query("autoscaling", "Action=DescribeAutoScalingGroups")
        .await?;
    assert!(groups.contains("<Instances></Instances>"), "{groups}");
    let health = "Action=SetInstanceHealth&InstanceId=i-0123456789abcdef0&HealthStatus=Unhealthy";
    assert_eq!(caller.query("autoscaling", health).await?.0, 400);
    Ok(())
}

#[tokio::test]
async fn a_replaced_root_volume_brings_another_image() -> Result<()> {
    let stage = Stage::builder().group("web", []).open().await?;
    let caller = Caller::of(&stage).await?;
    let before = caller.document().await?;
    stage.group(Group::replace_root)?;
    assert_eq!(
        caller.read(TARGET).await?.as_deref(),
        Some("RootVolumeReplaced")
    );
    stage.root_replaced("ami-0fedcba9876543210")?;
    let after = caller.document().await?;
    assert_eq!(before["instanceId"], after["instanceId"]);
    assert_eq!(after["imageId"], "ami-0fedcba9876543210");
    assert_eq!(
        caller.read("meta-data/ami-id").await?.as_deref(),
        after["imageId"].as_str()
    );
    assert_eq!(caller.read(TARGET).await?.as_deref(), Some("InService"));
    Ok(())
}

#[tokio::test]
async fn health_is_told_with_its_grace() -> Result<()> {
    let stage = Stage::builder()
        .group("web", [])
        .plan(|plan| {
            plan.grace = Duration::from_secs(3600);
            plan.replaces = Some(Duration::ZERO);
        })
        .open()
        .await?;
    let caller = Caller::of(&stage).await?;
    let call = "Action=SetInstanceHealth&InstanceId=i-0123456789abcdef0&HealthStatus=Unhealthy";
    for (more, respects, state) in [
        ("", None, Lifecycle::InService),
        (
            "&ShouldRespectGracePeriod=false",
            Some(false),
            Lifecycle::Terminating,
        ),
    ] {
        let (status, body) = caller
            .query("autoscaling", &format!("{call}{more}"))
            .await?;
        assert_eq!(status, 200, "{body}");
        let told = stage.health().pop();
        assert_eq!(
            told.map(|h| (h.status, h.respects_grace)),
            Some(("Unhealthy".to_owned(), respects))
        );
        assert_eq!(stage.lifecycle(), Some(state));
    }
    Ok(())
}

#[tokio::test]
async fn what_ec2_announces_is_in_metadata() -> Result<()> {
    let stage = Stage::builder().open().await?;
    let caller = Caller::of(&stage).await?;
    let paths = [
        "meta-data/spot/instance-action",
        "meta-data/events/recommendations/rebalance",
        "meta-data/events/maintenance/scheduled",
    ];
    for path in paths {
        assert_eq!(caller.read(path).await?, None, "{path}");
    }
    stage.spot_notice(SpotAction::Stop, Duration::from_secs(120));
    stage.rebalance();
    stage.maintenance("system-reboot", Duration::from_secs(86_400));
    let mut told = Vec::new();
    for path in paths {
        let body = caller.read(path).await?.unwrap_or_default();
        told.push(serde_json::from_str::<Value>(&body)?);
    }
    assert_eq!(told[0]["action"], "stop");
    assert_eq!(
        told[0]["time"].as_str().map(str::len),
        Some("2026-01-01T00:00:00Z".len())
    );
    assert!(told[1]["noticeTime"].is_string());
    assert_eq!(
        (&told[2][0]["Code"], &told[2][0]["State"]),
        (&json!("system-reboot"), &json!("active"))
    );
    assert!(told[2][0]["NotBefore"].as_str().unwrap().ends_with(" GMT"));
    Ok(())
}
