//! How large user data is, as EC2 counts.

use base64::Engine as _;
use serde::Serialize;
use std::{fmt, io::Write as _};

/// What EC2 takes as user data, in bytes before base64 (Amazon EC2 User Guide, "Work with instance
/// user data").
pub const USER_DATA_LIMIT: usize = 16_384;

/// How large a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The file.
    pub name: String,
    /// In bytes, as it is.
    pub raw: usize,
    /// In bytes as EC2 counts them: without base64 around the whole.
    pub ec2: usize,
    /// In bytes, if it were compressed with gzip.
    pub gzipped: usize,
    /// Whether EC2 takes it as user data.
    pub fits: bool,
}

/// Measures a file.
pub(super) fn size(name: &str, bytes: &[u8]) -> Size {
    let ec2 = unwrapped(bytes).unwrap_or(bytes.len());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let gzipped = gzip
        .write_all(bytes)
        .and_then(|()| gzip.finish())
        .map_or(bytes.len(), |packed| packed.len());
    Size {
        name: name.to_owned(),
        raw: bytes.len(),
        ec2,
        gzipped,
        fits: ec2 <= USER_DATA_LIMIT,
    }
}

/// The length without base64, where the whole is base64: EC2's API takes it so and counts without.
fn unwrapped(bytes: &[u8]) -> Option<usize> {
    let packed: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let inner = base64::prelude::BASE64_STANDARD.decode(packed).ok()?;
    (!inner.is_empty()).then_some(inner.len())
}

/// `user data: 1234 of 16384 bytes, 612 with gzip`
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {USER_DATA_LIMIT} bytes", self.name, self.ec2)?;
        if self.raw != self.ec2 {
            write!(
                f,
                " ({} with its base64, which EC2 does not count)",
                self.raw
            )?;
        }
        match (self.fits, self.gzipped <= USER_DATA_LIMIT) {
            (true, _) => write!(f, ", {} with gzip", self.gzipped),
            (false, true) => write!(
                f,
                ": too large for user data; with gzip it is {}",
                self.gzipped
            ),
            (false, false) => f.write_str(
                ": too large for user data, also with gzip; move a part into an `include`",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_against_the_limit() {
        use sha2::{Digest, Sha256};
        let noise: Vec<u8> = (0..700_u32)
            .flat_map(|n| Sha256::digest(n.to_le_bytes()))
            .collect();
        for (bytes, said) in [
            (b"firstlight: 1\n".to_vec(), "f: 14 of 16384 bytes, "),
            (
                vec![b'#'; 16_385],
                "f: 16385 of 16384 bytes: too large for user data; with gzip it is ",
            ),
            (
                noise,
                "too large for user data, also with gzip; move a part into an `include`",
            ),
            (
                base64::prelude::BASE64_STANDARD
                    .encode([b' '; 16_000])
                    .into_bytes(),
                "f: 16000 of 16384 bytes (21336 with its base64",
            ),
        ] {
            let shown = size("f", &bytes).to_string();
            assert!(shown.contains(said), "{shown}");
        }
    }
}
