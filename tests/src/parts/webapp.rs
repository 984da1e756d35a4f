//! The sample service (`tests/webapp`) as an image.

use std::time::Duration;

use anyhow::Context as _;

use super::image::Image;
use super::{program, repository};

/// Where the image keeps it.
pub const PATH: &str = "/webapp";

/// An image of the sample service; its modes and settings are in the head of `tests/webapp/src/main.rs`.
///
/// # Errors
/// If the program has not been built.
pub fn image() -> anyhow::Result<Image> {
    let built = repository().join("target/x86_64-unknown-linux-musl/release/webapp");
    let install = "`make build`, or set FIRSTLIGHT_WEBAPP";
    let file = program("FIRSTLIGHT_WEBAPP", &[built], "webapp", install)?;
    let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Image::scratch()
        .file(PATH.trim_start_matches('/'), bytes, 0o755)
        .entrypoint(&[PATH])
        .command(&["serve"]))
}

/// The same with a HEALTHCHECK that asks the service for its health.
///
/// # Errors
/// If the program has not been built.
pub fn image_with_healthcheck() -> anyhow::Result<Image> {
    Ok(image()?.healthcheck(&[PATH, "probe"], Duration::from_secs(30)))
}
