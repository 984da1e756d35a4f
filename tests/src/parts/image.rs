//! Images made here: a few files from scratch, as layers, configuration and manifest (Docker image manifest v2, schema 2).

use std::io::{self, Read, Write};
use std::time::Duration;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

/// What a new image is made of: begin with [`Image::scratch`] or [`Image::webapp`](super::webapp).
#[derive(Debug, Clone, Default)]
pub struct Image {
    files: Vec<(String, Vec<u8>, u32)>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: Vec<String>,
    user: String,
    health: Option<Value>,
    ballast: Vec<u64>,
}

/// A layer or a configuration, ready to be pushed.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) digest: String,
    pub(super) file: NamedTempFile,
}

/// A whole image, ready to be pushed.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) blobs: Vec<Blob>,
    pub(super) manifest: Vec<u8>,
    pub(super) digest: String,
}

impl Image {
    /// An image with nothing in it but a few random bytes. An engine downloads a layer once for all who pull it at the
    /// same time, so that a download that one test stalls would stall in another that shares the layer.
    #[must_use]
    pub fn scratch() -> Self {
        Self::default().file("nonce", fastrand::u128(..).to_be_bytes(), 0o444)
    }

    /// With a file at this path, without a leading slash.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.files.push((path.to_owned(), content.into(), mode));
        self
    }

    /// ENTRYPOINT
    #[must_use]
    pub fn entrypoint(mut self, words: &[&str]) -> Self {
        self.entrypoint = words.iter().map(ToString::to_string).collect();
        self
    }

    /// CMD
    #[must_use]
    pub fn command(mut self, words: &[&str]) -> Self {
        self.command = words.iter().map(ToString::to_string).collect();
        self
    }

    /// ENV
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// USER
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// HEALTHCHECK with a command and its interval.
    #[must_use]
    pub fn healthcheck(mut self, command: &[&str], interval: Duration) -> Self {
        let words: Vec<&str> = std::iter::once("CMD")
            .chain(command.iter().copied())
            .collect();
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        self.health = Some(json!({"Test": words, "Interval": interval, "Retries": 3}));
        self
    }

    /// With one more layer of that many random bytes, which don't compress.
    #[must_use]
    pub fn ballast(mut self, bytes: u64) -> Self {
        self.ballast.push(bytes);
        self
    }

    /// Makes layers, configuration and manifest in temporary files.
    pub(super) fn build(&self) -> anyhow::Result<Built> {
        let mut layers = vec![layer(Compression::fast(), |tar| {
            self.files.iter().try_for_each(|(path, content, mode)| {
                append(
                    tar,
                    path,
                    *mode,
                    content.len() as u64,
                    &mut content.as_slice(),
                )
            })
        })?];
        for (number, bytes) in self.ballast.iter().enumerate() {
            layers.push(layer(Compression::none(), |tar| {
                append(
                    tar,
                    &format!("ballast/{number}"),
                    0o444,
                    *bytes,
                    &mut Random.take(*bytes),
                )
            })?);
        }
        let config = self.config(
            &layers
                .iter()
                .map(|(_, diff)| diff.as_str())
                .collect::<Vec<_>>(),
        );
        let config = blob(config.to_string().as_bytes())?;
        let describe = |blob: &Blob, kind: &str| -> anyhow::Result<Value> {
            let size = blob.file.as_file().metadata()?.len();
            Ok(
                json!({"mediaType": format!("application/vnd.docker.{kind}"), "size": size, "digest": blob.digest}),
            )
        };
        let described = layers
            .iter()
            .map(|(blob, _)| describe(blob, "image.rootfs.diff.tar.gzip"));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": describe(&config, "container.image.v1+json")?,
            "layers": described.collect::<anyhow::Result<Vec<_>>>()?,
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = format!("sha256:{}", hex(&Sha256::digest(&manifest)));
        let mut blobs: Vec<Blob> = layers.into_iter().map(|(blob, _)| blob).collect();
        blobs.push(config);
        Ok(Built {
            blobs,
            manifest,
            digest,
        })
    }

    fn config(&self, diffs: &[&str]) -> Value {
        let mut config = json!({
            "Entrypoint": self.entrypoint, "Cmd": self.command, "Env": self.environment, "User": self.user,
        });
        if let (Some(health), Value::Object(members)) = (&self.health, &mut config) {
            members.insert("Healthcheck".to_owned(), health.clone());
        }
        let history: Vec<Value> = diffs
            .iter()
            .map(|_| json!({"created": "2026-01-01T00:00:00Z"}))
            .collect();
        json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": config,
            "rootfs": {"type": "layers", "diff_ids": diffs}, "history": history,
        })
    }
}

type Tar<'a> = tar::Builder<Hashing<GzEncoder<Hashing<&'a mut NamedTempFile>>>>;

fn append(
    tar: &mut Tar<'_>,
    path: &str,
    mode: u32,
    size: u64,
    content: &mut dyn Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    tar.append_data(&mut header, path, content)
}

/// A gzipped layer, with the digest of its uncompressed tar.
fn layer(
    level: Compression,
    fill: impl FnOnce(&mut Tar<'_>) -> io::Result<()>,
) -> anyhow::Result<(Blob, String)> {
    let mut file = NamedTempFile::with_prefix("firstlight-layer-").context("creating a layer")?;
    let zip = GzEncoder::new(Hashing::new(&mut file), level);
    let mut tar = tar::Builder::new(Hashing::new(zip));
    fill(&mut tar).context("filling a layer")?;
    let (zip, diff) = tar.into_inner()?.finish();
    let (_, digest) = zip.finish()?.finish();
    Ok((Blob { digest, file }, diff))
}

fn blob(bytes: &[u8]) -> anyhow::Result<Blob> {
    let mut file =
        NamedTempFile::with_prefix("firstlight-config-").context("creating a configuration")?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(Blob {
        digest: format!("sha256:{}", hex(&Sha256::digest(bytes))),
        file,
    })
}

/// A writer that hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    fn finish(self) -> (W, String) {
        let digest = format!("sha256:{}", hex(&self.hash.finalize()));
        (self.inner, digest)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Endless bytes that don't compress.
struct Random;

impl Read for Random {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fastrand::fill(buffer);
        Ok(buffer.len())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
