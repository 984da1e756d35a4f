//! An agent that was killed, and that systemd gives up: what the backstop makes of it.

use anyhow::{Result, ensure};

use crate::evidence::Case;
use crate::hold::Hold;
use crate::kill::kill_at;
use crate::scene::{PATIENCE, Scene};

/// It decides, and keeps what an agent would have kept.
#[tokio::test]
async fn the_backstop_keeps_evidence_before_it_tells() -> Result<()> {
    let scene = Scene::set().await?;
    let spec = scene.spec("60s", "", Hold::Task.job());
    let case = Case::of(scene, &spec).await?;
    case.moto().make_bucket(&case.bucket).await?;
    kill_at(Hold::Task, &case.scene, &case.play).await?;
    let told = case.play.agent.run(&["backstop"], PATIENCE).await?;
    told.expect_code(0)?;
    case.abandoned()?;
    let (at, bundle) = case.bundle().await?;
    let console = case.console()?;
    for said in ["ABANDON", "internal at start", &format!("evidence: {at}")] {
        ensure!(console.contains(said), "{said:?} is not on\n{console}");
    }
    let story = bundle.text("story.txt")?;
    ensure!(story.contains("internal at start"), "{story}");
    let job = bundle.json(&format!("containers/{}.json", case.scene.job))?;
    ensure!(job["State"]["Status"] == "running", "{job:#}");
    Ok(())
}
