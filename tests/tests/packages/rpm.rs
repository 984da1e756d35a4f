//! The rpm in a scratch root. No host here boots Amazon Linux, so its scriptlets run as they do where an image is put together by
//! chroot: with a real systemctl, and nothing booted.

use anyhow::Result;
use firstlight_tests::host::Network;

use crate::made::{prints, shared};

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
    prints(
        "rpm",
        &["--root", root, "--install", "--nodeps", "--force", package],
    )?;
    assert!(
        std::fs::symlink_metadata(&wanted).is_ok(),
        "disabled by an upgrade"
    );
    std::fs::write(format!("{root}/var/lib/firstlight/record.json"), "{}")?;
    prints("rpm", &["--root", root, "--erase", "firstlight"])?;
    let found = prints("find", &[root, "-xdev", "-name", "*firstlight*"])?;
    assert_eq!(found, "");
    Ok(())
}
