//! Canary secrets: values that must not be found in what an agent leaves behind, in any of the shapes text takes.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::parts::engine::Engine;

/// A secret made for one test. It holds characters that each encoding changes.
#[derive(Debug, Clone)]
pub struct Canary(String);

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

impl Canary {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let core: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(20)
            .collect();
        Self(format!("canary \"{core}\"/+&é\\{core}"))
    }

    /// One of letters and digits only, for places that take no others.
    #[must_use]
    pub fn plain() -> Self {
        Self(format!(
            "canary{}",
            std::iter::repeat_with(fastrand::alphanumeric)
                .take(24)
                .collect::<String>()
        ))
    }

    /// The secret.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.0
    }

    /// The shapes it may be found in: each a name, and bytes that give it away.
    #[must_use]
    pub fn shapes(&self) -> Vec<(String, Vec<u8>)> {
        let json = serde_json::Value::from(self.value()).to_string();
        let mut shapes = vec![
            ("raw".to_owned(), self.0.clone().into_bytes()),
            (
                "JSON-escaped".to_owned(),
                json.trim_matches('"').as_bytes().to_vec(),
            ),
            ("URL-escaped".to_owned(), percent(&self.0).into_bytes()),
            (
                "form-escaped".to_owned(),
                percent(&self.0).replace("%20", "+").into_bytes(),
            ),
        ];
        for offset in 0..3 {
            shapes.push((
                format!("base64 at offset {offset}"),
                base64_core(&self.0, offset),
            ));
        }
        shapes
    }

    /// The shape in which it stands in `text`, if it does.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Option<String> {
        self.shapes()
            .into_iter()
            .find(|(_, shape)| contains(text, shape))
            .map(|(name, _)| name)
    }
}

/// The characters of its base64 that stay the same whatever stands around it, when it begins `offset` bytes into a
/// group of three.
fn base64_core(text: &str, offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(text.as_bytes());
    let whole = padded.len() / 3 * 3;
    let encoded = BASE64_STANDARD
        .encode(padded.get(..whole).unwrap_or_default())
        .into_bytes();
    let mixed = if offset == 0 { 0 } else { 4 };
    encoded.get(mixed..).unwrap_or_default().to_vec()
}

fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// What an agent left behind: each a place, and its bytes.
#[derive(Debug, Clone, Default)]
pub struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    /// Adds one.
    pub fn add(&mut self, place: &str, bytes: &[u8]) {
        self.0.push((place.to_owned(), bytes.to_vec()));
    }

    /// Adds a container as `docker inspect` and `docker logs` show it. Its environment is in there, where a spec may have
    /// asked for a secret.
    ///
    /// # Errors
    /// If the engine doesn't answer, or there is no such container.
    pub async fn add_container(&mut self, engine: &Engine, name: &str) -> anyhow::Result<()> {
        let inspected = engine
            .inspect(name)
            .await?
            .with_context(|| format!("no container {name}"))?;
        self.add(
            &format!("docker inspect {name}"),
            inspected.to_string().as_bytes(),
        );
        self.add(
            &format!("docker logs {name}"),
            engine.logs(name).await?.as_bytes(),
        );
        Ok(())
    }

    /// Every place where a canary stands: `place: shape`.
    #[must_use]
    pub fn sightings(&self, canaries: &[&Canary]) -> Vec<String> {
        let pairs = self
            .0
            .iter()
            .flat_map(|trace| canaries.iter().map(move |canary| (trace, canary)));
        pairs
            .filter_map(|((place, bytes), canary)| {
                Some(format!("{place}: {}", canary.found_in(bytes)?))
            })
            .collect()
    }

    /// Holds no canary to stand anywhere. First the control: each canary in each shape is planted in each place of a
    /// copy, and must be found there.
    ///
    /// # Errors
    /// Names the places and shapes, or the plant that was not found.
    pub fn expect_none(&self, canaries: &[&Canary]) -> anyhow::Result<()> {
        ensure!(
            !self.0.is_empty() && !canaries.is_empty(),
            "a search of nothing, or for nothing, shows nothing"
        );
        self.control(canaries)?;
        let sightings = self.sightings(canaries);
        ensure!(
            sightings.is_empty(),
            "secrets were found in: {}",
            sightings.join(", ")
        );
        Ok(())
    }

    fn control(&self, canaries: &[&Canary]) -> anyhow::Result<()> {
        for (place, bytes) in &self.0 {
            for canary in canaries {
                for (shape, plant) in canary.shapes() {
                    let mut planted = bytes.clone();
                    planted.splice(planted.len() / 2..planted.len() / 2, plant);
                    if canary.found_in(&planted).is_none() {
                        bail!(
                            "the search is blind: a {shape} canary planted in {place} was not found"
                        );
                    }
                }
            }
        }
        Ok(())
    }
}

/// The command lines of every process on the machine, as anybody could list them.
///
/// # Errors
/// If /proc can't be read.
pub fn process_list() -> anyhow::Result<String> {
    let mut lines = String::new();
    for entry in std::fs::read_dir("/proc")? {
        // Processes end while they are listed.
        if let Ok(line) = std::fs::read(entry?.path().join("cmdline")) {
            lines.push_str(&String::from_utf8_lossy(&line).replace('\0', " "));
            lines.push('\n');
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_found_wherever_it_stands() {
        let canary = Canary::new();
        let encode = |text: String| BASE64_STANDARD.encode(text);
        for text in [
            format!("x{}y", canary.value()),
            serde_json::json!({"a": canary.value()}).to_string(),
            format!("https://h/?q={}", percent(canary.value())),
            encode(canary.value().to_owned()),
            encode(format!("u:{}", canary.value())),
            encode(format!("u{}:more", canary.value())),
        ] {
            assert!(canary.found_in(text.as_bytes()).is_some(), "{text}");
        }
        assert_eq!(
            canary.found_in(Canary::new().value().as_bytes()),
            None,
            "another's"
        );
    }

    #[test]
    fn none_is_expected_only_of_something() {
        let (canary, mut traces) = (Canary::plain(), Traces::default());
        assert!(traces.expect_none(&[&canary]).is_err());
        traces.add("stdout", b"all quiet");
        assert!(traces.expect_none(&[&canary]).is_ok());
        traces.add("stderr", canary.value().as_bytes());
        assert_eq!(traces.sightings(&[&canary]), ["stderr: raw"]);
        assert!(traces.expect_none(&[&canary]).is_err());
    }
}
