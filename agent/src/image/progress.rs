//! How far a pull is, and whether it stands still: pure, fed with what the engine says.

use crate::report::PullProgress;
use bollard::models::CreateImageInfo;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// One image's pull.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    layers: BTreeMap<String, Layer>,
    digest: Option<String>,
    /// When a byte came, or a layer entered another phase.
    moved: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Layer {
    phase: Phase,
    downloaded: u64,
    total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// Behind other layers: the engine downloads a few at once.
    #[default]
    Queued,
    /// Asked for, or coming.
    Downloading,
    /// Here, and to be unpacked or being unpacked.
    Downloaded,
    /// Unpacked.
    Unpacked,
    /// It was here before.
    Present,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Progress {
        Progress {
            layers: BTreeMap::new(),
            digest: None,
            moved: now,
        }
    }

    /// Takes in one line of the engine's.
    pub(super) fn take(&mut self, line: &CreateImageInfo, now: Instant) {
        let status = line.status.as_deref().unwrap_or_default();
        if let Some(digest) = status.strip_prefix("Digest: ") {
            self.digest = Some(digest.to_owned());
            return;
        }
        let (Some(id), Some(phase)) = (&line.id, phase(status)) else {
            return;
        };
        let known = self.layers.get(id).copied();
        let mut layer = known.unwrap_or_default();
        layer.phase = phase;
        if let (Phase::Downloading, Some(detail)) = (phase, &line.progress_detail) {
            layer.downloaded = bytes(detail.current).unwrap_or(layer.downloaded);
            layer.total = bytes(detail.total).unwrap_or(layer.total);
        }
        if matches!(phase, Phase::Downloaded | Phase::Unpacked) {
            layer.downloaded = layer.total;
        }
        if known != Some(layer) {
            self.moved = now;
            self.layers.insert(id.clone(), layer);
        }
    }

    /// When the pull is to be cut off unless something moves before; `None` while nothing is being
    /// downloaded: the engine says nothing while it unpacks, and that may take minutes.
    pub(super) fn stalls_at(&self, limit: Duration) -> Option<Instant> {
        let downloading = if self.layers.is_empty() {
            // The manifest is what is waited for.
            self.digest.is_none()
        } else {
            self.layers
                .values()
                .any(|layer| layer.phase == Phase::Downloading)
        };
        downloading.then(|| self.moved + limit)
    }

    /// The digest of what was pulled, once the engine has said it.
    pub(super) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The sums over all layers that were not here before.
    pub(super) fn sum(&self) -> PullProgress {
        let mut sum = PullProgress::default();
        let new = |layer: &&Layer| layer.phase != Phase::Present;
        for layer in self.layers.values().filter(new) {
            sum.downloaded = sum.downloaded.saturating_add(layer.downloaded);
            sum.total = sum.total.saturating_add(layer.total);
            sum.layers = sum.layers.saturating_add(1);
            let unpacked = u32::from(layer.phase == Phase::Unpacked);
            sum.extracted_layers = sum.extracted_layers.saturating_add(unpacked);
        }
        sum
    }
}

/// What the engine's words about a layer mean; `None`: they are not about a layer.
fn phase(status: &str) -> Option<Phase> {
    match status {
        "Waiting" => Some(Phase::Queued),
        "Pulling fs layer" | "Downloading" => Some(Phase::Downloading),
        "Verifying Checksum" | "Download complete" | "Extracting" => Some(Phase::Downloaded),
        "Pull complete" => Some(Phase::Unpacked),
        "Already exists" => Some(Phase::Present),
        // "Retrying in 5 seconds": a download that broke off.
        retrying if retrying.starts_with("Retrying in") => Some(Phase::Downloading),
        _ => None,
    }
}

fn bytes(count: Option<i64>) -> Option<u64> {
    u64::try_from(count?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    const LIMIT: Duration = Duration::from_secs(60);

    fn line(id: &str, status: &str, current: Option<i64>, total: Option<i64>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: current.map(|_| ProgressDetail { current, total }),
            ..CreateImageInfo::default()
        }
    }

    fn after(lines: &[CreateImageInfo], start: Instant) -> Progress {
        let mut progress = Progress::new(start);
        for (second, line) in (1..).zip(lines) {
            progress.take(line, start + Duration::from_secs(second));
        }
        progress
    }

    #[test]
    fn sums() {
        let progress = after(
            &[
                line("42", "Pulling from acme/web", None, None),
                line("a", "Already exists", None, None),
                line("b", "Pulling fs layer", None, None),
                line("c", "Pulling fs layer", None, None),
                line("c", "Waiting", None, None),
                line("b", "Downloading", Some(50), Some(100)),
                line("c", "Downloading", Some(10), Some(30)),
                line("b", "Download complete", None, None),
                line("b", "Extracting", Some(32), Some(100)),
                line("b", "Pull complete", None, None),
            ],
            Instant::now(),
        );
        assert_eq!(
            progress.sum(),
            PullProgress {
                downloaded: 110,
                total: 130,
                extracted_layers: 1,
                layers: 2
            }
        );
    }

    #[test]
    fn stalls_only_while_downloading() {
        let downloading = line("a", "Downloading", Some(5), Some(9));
        let complete = line("a", "Download complete", None, None);
        let cases: &[(&[CreateImageInfo], Option<u64>)] = &[
            (&[], Some(0)),
            (&[line("42", "Pulling from acme/web", None, None)], Some(0)),
            (&[line("a", "Pulling fs layer", None, None)], Some(1)),
            (std::slice::from_ref(&downloading), Some(1)),
            (&[downloading.clone(), downloading.clone()], Some(1)),
            (
                &[
                    downloading.clone(),
                    line("a", "Downloading", Some(6), Some(9)),
                ],
                Some(2),
            ),
            (
                &[
                    downloading.clone(),
                    line("a", "Retrying in 2 seconds", None, None),
                    line("a", "Retrying in 1 second", None, None),
                ],
                Some(1),
            ),
            (&[downloading.clone(), complete.clone()], None),
            (
                &[
                    downloading.clone(),
                    complete.clone(),
                    line("b", "Waiting", None, None),
                ],
                None,
            ),
            (
                &[
                    line("b", "Downloading", Some(1), Some(2)),
                    downloading.clone(),
                    complete,
                    line("a", "Extracting", Some(1), Some(9)),
                ],
                Some(3),
            ),
            (&[line("a", "Already exists", None, None)], None),
        ];
        let start = Instant::now();
        for (lines, moved) in cases {
            let want = moved.map(|second| start + Duration::from_secs(second) + LIMIT);
            assert_eq!(after(lines, start).stalls_at(LIMIT), want, "{lines:?}");
        }
    }

    #[test]
    fn says_its_digest() {
        let said = CreateImageInfo {
            status: Some("Digest: sha256:abc".to_owned()),
            ..CreateImageInfo::default()
        };
        let progress = after(&[said], Instant::now());
        assert_eq!(progress.digest(), Some("sha256:abc"));
        assert_eq!(progress.stalls_at(LIMIT), None);
    }
}
