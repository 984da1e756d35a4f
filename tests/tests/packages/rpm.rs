//! The rpm in a scratch root. No host here boots Amazon Linux, so its scriptlets run as they do where an image is put together by
//! chroot: with a real systemctl, and nothing booted.

use anyhow::{Result, ensure};
use firstlight_tests::harness::binary;
use firstlight_tests::host::Network;

use crate::made::{of_version, prints, shared};

#[tokio::test]
async fn it_installs_enables_and_leaves_nothing() -> Result<()> {
    let network = Network::make().await?;
    // A Debian; what it is doesn't matter to an rpm that asks for no dependency.
    let root = network.files();
    let root = root.to_str().unwrap();
    let package = shared().rpm.to_str().unwrap();
    prints("rpm", &["--root", root, "--initdb"])?;
    prints("rpm", &["--root", root, "--install", "--nodeps", package])?;
    let wanted = format!("{root}/etc/systemd/system/multi-user.target.wants/firstlight.service");
    assert!(std::fs::symlink_metadata(&wanted).is_ok(), "not enabled");
    prints(
        "rpm",
        &["--root", root, "--verify", "--nodeps", "firstlight"],
    )?;
    upgrades(root, &wanted)?;
    prints("rpm", &["--root", root, "--erase", "firstlight"])?;
    let found = prints("find", &[root, "-xdev", "-name", "*firstlight*"])?;
    assert_eq!(found, "");
    Ok(())
}

/// To a newer version, whose scriptlets run beside the older one's. What was decided for the instance is kept.
fn upgrades(root: &str, wanted: &str) -> Result<()> {
    let record = format!("{root}/var/lib/firstlight/record.json");
    std::fs::write(&record, "{}")?;
    let newer = of_version(Some("99.0"), "x86_64", &binary()?)?;
    let package = newer.rpm.to_str().unwrap();
    prints("rpm", &["--root", root, "--upgrade", "--nodeps", package])?;
    let format = ["--query", "--queryformat", "%{VERSION}\n", "firstlight"];
    let installed = prints("rpm", &[&["--root", root][..], &format].concat())?;
    assert_eq!(installed, "99.0\n");
    ensure!(std::fs::symlink_metadata(wanted).is_ok(), "disabled by it");
    ensure!(std::fs::read_to_string(&record)? == "{}");
    Ok(())
}
