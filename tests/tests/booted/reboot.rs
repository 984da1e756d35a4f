//! The machine is started anew by its systemd: down in order, and on again with nothing in memory.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{Instance, Outcome};

use crate::scene::{Play, Scene, UNIT};

on_each_suite![in_a_launch_and_after_it];

/// On Debian 12 the unit's own /proc has the machine's boot id: it gets the host's there, too.
const BOOT: &str = "[Service]\nBindReadOnlyPaths=/run/boot_id:/proc/sys/kernel/random/boot_id\n";
/// How often the service is asked for its health in vain.
const PATIENCE: &str = "meta-data/tags/instance/Patience";
const ENDLESS: &str = "1000000";

/// A launch that this machine's uptime does not end: across boots, time runs by the longer of wall clock and uptime.
fn ample() -> Result<String> {
    let uptime = std::fs::read_to_string("/proc/uptime")?;
    let seconds: u64 = uptime.split('.').next().context("no uptime")?.parse()?;
    Ok(format!("timeout: {}s", seconds + 3600))
}

/// A service's secret file: its owner and content. They are this boot's.
async fn secret(play: &Play) -> Result<String> {
    let boot = play.host.shell("cat /run/boot_id").await?;
    let format = "{{range .Mounts}}{{.Source}}{{end}}";
    let inspect = format!("docker inspect --format '{format}' web");
    let file = play.host.shell(&inspect).await?;
    ensure!(file.contains(&boot), "{file} is not of the boot {boot}");
    let look = format!("stat --format '%u %a' {file}; cat {file}");
    play.host.shell(&look).await
}

async fn serves(play: &Play) -> Result<String> {
    let running = play.until("the service runs in this boot", async || {
        let container = play.container().await.ok()?;
        let status = play.status().await.ok()?;
        let boot = play.host.shell("cat /run/boot_id").await.ok()?;
        let rests = status["boot_id"] == boot && status["resting"] == true;
        (rests && container.ends_with(" running")).then_some(container)
    });
    let running = running.await?;
    ensure!(secret(play).await? == "1000 400\nhello");
    play.is_sound().await?;
    Ok(running)
}

/// A reboot is no verdict and renews no time: an undecided launch goes on. After the verdict services are started again, and
/// nobody is told anything.
async fn in_a_launch_and_after_it(suite: &str) -> Result<()> {
    let scene = Scene::set().await?;
    let document = scene.document().replace("timeout: 150s", &ample()?)
        + "    environment: {HEALTHY_AFTER: \"{{imds:tags/instance/Patience}}\"}\n";
    let tags = [("Patience".to_owned(), ENDLESS.to_owned())];
    let stage = scene.stage(document.as_bytes()).instance(Instance {
        tags: Some(tags.into()),
        ..Instance::default()
    });
    let boot = (format!("{UNIT}/10-boot.conf"), BOOT.as_bytes());
    let play = scene.boots(suite, stage, &[(&boot.0, boot.1)]).await?;
    let begun = play.until("the launch waits for health", async || {
        let container = play.container().await.ok()?;
        let seen = ["FIRSTLIGHT_EVENT=probe", "FIRSTLIGHT_CONTAINER=web"];
        let probed = !play.host.entries(&seen).await.ok()?.is_empty();
        (probed && container.ends_with(" running")).then_some(container)
    });
    let undecided = begun.await?;

    play.host.reboot().await?;
    ensure!(play.stage.counted().is_empty(), "{}", play.story().await);
    play.stage.set_metadata(PATIENCE, Some(b"0"));
    play.is_told(Outcome::Continue).await?;
    let decided = serves(&play).await?;
    ensure!(decided != undecided, "{decided} is of the boot before");
    let status = play.status().await?;
    ensure!(status["resumed"] == 1, "{status:#}");

    play.host.reboot().await?;
    let again = serves(&play).await?;
    ensure!(again != decided, "{again} is of the boot before");
    play.is_told(Outcome::Continue).await?;
    let status = play.status().await?;
    ensure!(status["verdict"]["kind"] == "continue", "{status:#}");
    let boots = play.host.shell("journalctl --list-boots --quiet | wc -l");
    ensure!(boots.await? == "3");
    Ok(())
}
