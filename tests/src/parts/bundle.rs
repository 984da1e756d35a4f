//! A compressed tar archive, unpacked: what a bundle of evidence holds.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context as _, bail};
use flate2::read::GzDecoder;

/// The files of a bundle, by path below its one folder.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    /// The folder that all files lie in.
    pub folder: String,
    /// Path and content.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Unpacks one.
    ///
    /// # Errors
    /// If it is no such archive, or not all its files lie in one folder.
    pub fn unpack(archive: &[u8]) -> anyhow::Result<Self> {
        let mut bundle = Self::default();
        let mut entries = tar::Archive::new(GzDecoder::new(archive));
        for entry in entries.entries().context("reading a bundle")? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            let (folder, name) = path.split_once('/').context("a file in no folder")?;
            if !bundle.folder.is_empty() && bundle.folder != folder {
                bail!("{path} is not in {}", bundle.folder);
            }
            folder.clone_into(&mut bundle.folder);
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            bundle.files.insert(name.to_owned(), content);
        }
        Ok(bundle)
    }

    /// A file's text.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn text(&self, name: &str) -> anyhow::Result<String> {
        let content = self.files.get(name);
        let content =
            content.with_context(|| format!("no {name} among {:?}", self.files.keys()))?;
        Ok(String::from_utf8_lossy(content).into_owned())
    }

    /// Every file's bytes, one after the other.
    #[must_use]
    pub fn whole(&self) -> Vec<u8> {
        let contents: Vec<&[u8]> = self.files.values().map(Vec::as_slice).collect();
        contents.join(&b'\n')
    }

    /// A file's JSON.
    ///
    /// # Errors
    /// If there is no such file, or it holds none.
    pub fn json(&self, name: &str) -> anyhow::Result<serde_json::Value> {
        let text = self.text(name)?;
        serde_json::from_str(&text).with_context(|| format!("{name}: {text}"))
    }
}
