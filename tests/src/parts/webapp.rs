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
    image_at(PATH)
}

/// The same with the program at this path.
///
/// # Errors
/// If the program has not been built.
pub fn image_at(path: &str) -> anyhow::Result<Image> {
    Ok(Image::scratch()
        .file(path.trim_start_matches('/'), binary()?, 0o755)
        .entrypoint(&[path])
        .command(&["serve"]))
}

/// The program's bytes, for an image that holds it under a second name.
///
/// # Errors
/// If it has not been built.
pub fn binary() -> anyhow::Result<Vec<u8>> {
    let built = repository().join("target/x86_64-unknown-linux-musl/release/webapp");
    let install = "`make build`, or set FIRSTLIGHT_WEBAPP";
    let file = program("FIRSTLIGHT_WEBAPP", &[built], "webapp", install)?;
    std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
}

/// The same with a HEALTHCHECK that asks the service for its health.
///
/// # Errors
/// If the program has not been built.
pub fn image_with_healthcheck() -> anyhow::Result<Image> {
    Ok(image()?.healthcheck(&[PATH, "probe"], Duration::from_secs(30)))
}
