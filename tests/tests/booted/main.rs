//! A provisioned host boots, with metadata, a group and a registry around it: systemd, cloud-init, the Docker engine and the
//! installed agent, as on an instance.
//!
//! To add a scene: an `async fn` of a suite, and its name in its file's `on_each_suite!`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

/// A test of each scene on Debian 12 (cloud-init 22.4, Docker 20.10), and one on Debian 13 (cloud-init 25, Docker 26).
macro_rules! on_each_suite {
    ($($scene:ident),+ $(,)?) => {
        mod bookworm {
            $(#[tokio::test]
            async fn $scene() -> anyhow::Result<()> {
                super::$scene("bookworm").await
            })+
        }
        mod trixie {
            $(#[tokio::test]
            async fn $scene() -> anyhow::Result<()> {
                super::$scene("trixie").await
            })+
        }
    };
}

mod backstop;
mod life;
mod reboot;
mod scene;
mod told;
mod trouble;
mod ways_in;
