//! A service that speaks TLS: OpenSSL's own server as an image, with a certificate that nobody has signed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::image::Image;
use super::program;

/// An image that answers every GET on `port` with 200, over TLS.
///
/// # Errors
/// If OpenSSL isn't installed.
pub fn image(port: u16) -> anyhow::Result<Image> {
    let openssl = program(
        "FIRSTLIGHT_OPENSSL",
        &[],
        "openssl",
        "`apt-get install openssl`",
    )?;
    let folder = TempDir::with_prefix("firstlight-tls-")?;
    let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
    let mut make = Command::new(&openssl);
    make.args(["req", "-x509", "-batch", "-nodes", "-newkey", "ec"])
        .args([
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-subj",
            "/CN=stage",
            "-days",
            "2",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    output(make)?;
    let (accept, path) = (port.to_string(), openssl.display().to_string());
    let server = [
        "s_server",
        "-www",
        "-accept",
        &accept,
        "-key",
        "/key",
        "-cert",
        "/certificate",
    ];
    let mut image = with_libraries(Image::scratch(), &openssl)?
        .file("key", std::fs::read(&key)?, 0o400)
        .file("certificate", std::fs::read(&certificate)?, 0o444)
        .entrypoint(&[&path]);
    image = image.command(&server);
    Ok(image)
}

/// A program of this machine, and the libraries it is linked with, where they are here.
fn with_libraries(image: Image, program: &Path) -> anyhow::Result<Image> {
    let mut ldd = Command::new("ldd");
    ldd.arg(program);
    let linked = output(ldd)?;
    let words = linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    let own = program.to_str().context("a path")?;
    words.chain([own]).try_fold(image, |image, path| {
        let bytes = std::fs::read(path).with_context(|| format!("reading {path}"))?;
        Ok(image.file(path.trim_start_matches('/'), bytes, 0o755))
    })
}

fn output(mut command: Command) -> anyhow::Result<String> {
    let out = command.output().with_context(|| format!("{command:?}"))?;
    if !out.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(String::from_utf8(out.stdout)?)
}
