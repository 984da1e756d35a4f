//! The deb on a host that booted, without a stage: the agent finds no metadata, and nothing is wrong with that.

use anyhow::{Result, ensure};
use firstlight_tests::host::{Host, Network, SUITES};

use crate::made::shared;

/// The highest exposure that systemd may find the units to have.
const EXPOSURE: f64 = 2.0;

async fn installed(network: &Network, suite: &str) -> Result<Host> {
    // There is no metadata, so cloud-init would look for it and fail.
    let files: [(&str, &[u8]); 1] = [("/etc/cloud/cloud-init.disabled", b"")];
    let host = Host::bare(network, suite, &files).await?;
    host.boot().await?;
    host.put("/root/firstlight.deb", &std::fs::read(&shared().deb)?)
        .await?;
    // Its dependencies are of no use where nothing is asked for over TLS.
    host.shell("dpkg --install --force-depends /root/firstlight.deb")
        .await?;
    Ok(host)
}

#[tokio::test]
async fn installing_enables_and_starts_nothing() -> Result<()> {
    let network = Network::make().await?;
    for suite in SUITES {
        let host = installed(&network, suite).await?;
        let state = host
            .run(&[
                "systemctl",
                "is-enabled",
                "firstlight",
                "firstlight-backstop",
            ])
            .await?;
        assert_eq!(state.out, "enabled\nstatic\n", "{suite}");
        let state = host
            .run(&[
                "systemctl",
                "is-active",
                "firstlight",
                "firstlight-backstop",
            ])
            .await?;
        assert_eq!(state.out, "inactive\ninactive\n", "{suite}");
        let jobs = host.journal(&["--unit=firstlight"]).await?;
        ensure!(jobs.contains("No entries"), "{suite}: {jobs}");
        assert_eq!(
            host.shell("systemctl is-system-running").await?,
            "running",
            "{suite}"
        );
        units_are_sound(&host).await?;
        a_removal_leaves_nothing(&host).await?;
    }
    Ok(())
}

async fn units_are_sound(host: &Host) -> Result<()> {
    let units = "firstlight.service firstlight-backstop.service multi-user.target";
    // A warning is printed, and exits 0.
    let said = host
        .run(&[
            "sh",
            "-c",
            &format!("systemd-analyze verify --man=no {units}"),
        ])
        .await?;
    assert_eq!((said.code, said.all()), (Some(0), String::new()));
    for unit in ["firstlight", "firstlight-backstop"] {
        let table = host
            .shell(&format!(
                "systemd-analyze security --no-pager {unit}.service"
            ))
            .await?;
        let overall = table.lines().find_map(|line| line.split_once(".service: "));
        let exposure = overall.and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
        ensure!(
            exposure.is_some_and(|found| found <= EXPOSURE),
            "{unit}: {table}"
        );
    }
    Ok(())
}

/// First as an administrator would who may want it back, then for good.
async fn a_removal_leaves_nothing(host: &Host) -> Result<()> {
    host.shell("systemctl start firstlight && touch /var/lib/firstlight/record.json")
        .await?;
    host.shell("dpkg --remove firstlight").await?;
    let left = "systemctl list-unit-files --no-legend 'firstlight*'; \
                find /var/lib /run /etc/systemd /usr/lib/systemd -name '*firstlight*' -not -path '/var/lib/dpkg/*'; \
                systemctl list-units --all --no-legend 'firstlight*'";
    assert_eq!(host.shell(left).await?, "");
    // What is below /etc is still there, and must not fail whoever runs it.
    host.shell("cloud-init clean").await?;
    host.shell("dpkg --purge firstlight").await?;
    let left = "find / -xdev -name '*firstlight*' -not -path '/root/*' -not -path '/var/log/*'";
    assert_eq!(host.shell(left).await?, "");
    runs(host).await?;
    Ok(())
}

/// Nothing has failed.
async fn runs(host: &Host) -> Result<()> {
    let failed = host.shell("systemctl --failed --plain --no-legend").await?;
    assert_eq!(failed, "");
    Ok(())
}
