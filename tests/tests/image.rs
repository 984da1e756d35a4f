//! `ami/verify`: an image as provisioned passes it, and one that is spoiled in one point fails in that point alone.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::host::{Still, verify};
use firstlight_tests::parts::repository;

/// The points of `ami/image.py`: how each is spoiled, and how that is mended.
const POINTS: [(&str, &str, &str); 22] = [
    (
        "the_binary_is_roots_alone",
        "chmod g+w /usr/bin/firstlight",
        "chmod 0755 /usr/bin/firstlight",
    ),
    (
        "the_binary_is_static",
        "cp -p /usr/bin/firstlight /srv/kept; cat /usr/bin/mawk >/usr/bin/firstlight",
        "mv /srv/kept /usr/bin/firstlight",
    ),
    (
        "the_unit_is_enabled",
        "systemctl -q disable firstlight",
        "systemctl -q enable firstlight",
    ),
    (
        "the_engine_is_enabled",
        "systemctl -q disable docker",
        "systemctl -q enable docker",
    ),
    (
        "the_units_are_sound",
        "mkdir /etc/systemd/system/firstlight.service.d; printf '[Unit]\\nAfter=multi-user.target\\nBefore=sysinit.target\\n[Service]\\nRestrat=no\\n' >/etc/systemd/system/firstlight.service.d/x.conf",
        "rm -r /etc/systemd/system/firstlight.service.d",
    ),
    (
        "there_are_roots_for_tls",
        "mv /etc/ssl/certs /srv",
        "mv /srv/certs /etc/ssl",
    ),
    (
        "there_is_a_fast_gunzip",
        "mv /usr/bin/unpigz /srv",
        "mv /srv/unpigz /usr/bin",
    ),
    (
        "the_engine_is_tuned",
        "cp /etc/docker/daemon.json /srv; echo '{\"live-restore\": false}' >/etc/docker/daemon.json",
        "mv /srv/daemon.json /etc/docker",
    ),
    (
        "cloud_init_knows_the_parts",
        "mv /usr/lib/tmpfiles.d/firstlight.conf /srv",
        "mv /srv/firstlight.conf /usr/lib/tmpfiles.d",
    ),
    (
        "drop_ins_are_roots_alone",
        "chmod o+w /etc/firstlight/launch.d",
        "chmod o-w /etc/firstlight/launch.d",
    ),
    (
        "no_record_is_left",
        "mkdir -p /var/lib/firstlight; touch /var/lib/firstlight/record.json",
        "rm /var/lib/firstlight/record.json",
    ),
    (
        "cloud_init_begins_anew",
        "mkdir -p /var/lib/cloud/instances/i-1",
        "rmdir /var/lib/cloud/instances/i-1",
    ),
    (
        "it_has_no_machine_id",
        "echo 0123456789abcdef0123456789abcdef >/etc/machine-id",
        ": >/etc/machine-id",
    ),
    (
        "nobody_has_a_key_to_it",
        "mkdir -p /root/.ssh; touch /root/.ssh/authorized_keys",
        "rm -r /root/.ssh",
    ),
    (
        "it_holds_no_credentials",
        "echo AWS_SECRET_ACCESS_KEY=x >/etc/firstlight/environment",
        "rm /etc/firstlight/environment",
    ),
    (
        "nothing_tells_of_its_making",
        "touch /root/.bash_history",
        "rm /root/.bash_history",
    ),
    (
        "the_engine_is_nobody_yet",
        "touch /etc/docker/key.json",
        "rm /etc/docker/key.json",
    ),
    (
        "the_engine_is_nobody_yet",
        "mkdir -p /var/lib/docker; touch /var/lib/docker/engine-id",
        "rm /var/lib/docker/engine-id",
    ),
    (
        "docker_holds_only_what_was_prefetched",
        "mkdir -p /var/lib/docker/image/overlay2; echo '{\"Repositories\": {\"web\": {\"web:1\": \"sha256:0\"}}}' >/var/lib/docker/image/overlay2/repositories.json",
        "rm -r /var/lib/docker/image",
    ),
    (
        "docker_holds_only_what_was_prefetched",
        "mkdir -p /var/lib/docker/image/overlay2; echo '{\"Repositories\": {\"web\": {\"web@sha256:1\": \"sha256:0\"}}}' >/var/lib/docker/image/overlay2/repositories.json",
        "rm -r /var/lib/docker/image",
    ),
    (
        "docker_holds_only_what_was_prefetched",
        "mkdir -p /var/lib/docker/image/overlay2/imagedb/content/sha256; touch /var/lib/docker/image/overlay2/imagedb/content/sha256/0",
        "rm -r /var/lib/docker/image",
    ),
    (
        "docker_holds_only_what_was_prefetched",
        "mkdir -p /var/lib/containerd/io.containerd.content.v1.content/blobs/sha256; touch /var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/0",
        "rm -r /var/lib/containerd/io.containerd.content.v1.content",
    ),
];

#[tokio::test]
async fn a_spoiled_image_fails_point_by_point() -> Result<()> {
    let image = Still::provisioned("bookworm").await?;
    ensure!(
        verify(image.name(), &[])?.is_empty(),
        "{:?}",
        verify(image.name(), &[])?
    );
    for (point, spoil, mend) in POINTS {
        image.shell(spoil).await.context(point)?;
        assert_eq!(
            verify(image.name(), &[])?,
            BTreeSet::from([point.to_owned()]),
            "{spoil}"
        );
        image.shell(mend).await.context(point)?;
    }
    let points = std::fs::read_to_string(repository().join("ami/image.py"))?;
    let points = points
        .lines()
        .filter(|line| line.starts_with("def test_"))
        .count();
    let spoiled: BTreeSet<&str> = POINTS.iter().map(|(point, ..)| *point).collect();
    assert_eq!(points, spoiled.len(), "a point is not spoiled here");
    Ok(())
}
