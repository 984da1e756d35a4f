//! A person at a terminal: the stage under way as a spinner, each pull as a bar, and what is over as
//! a line that stays. Never on anything but a terminal.

use super::{PullProgress, words};
use crate::verdict::{LaunchError, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, time::Duration};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// A stage under way.
const SPINNER: &str = "{spinner} {msg}  {elapsed}";

/// A pull under way.
const BAR: &str =
    "  {prefix:40!} {bar:24} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {msg}";

/// The widest image name beside a bar, in characters.
const NAME: usize = 40;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Terminal {
    bars: MultiProgress,
    colour: bool,
    stages: Vec<(Stage, ProgressBar)>,
    pulls: BTreeMap<String, ProgressBar>,
}

impl Terminal {
    pub(super) fn new(bars: MultiProgress, colour: bool) -> Terminal {
        Terminal {
            bars,
            colour,
            stages: Vec::new(),
            pulls: BTreeMap::new(),
        }
    }

    pub(super) fn stage_started(&mut self, stage: Stage) {
        let spinner = self.bars.add(ProgressBar::new_spinner());
        spinner.set_style(style(SPINNER));
        spinner.set_message(stage.as_str());
        spinner.enable_steady_tick(TICK);
        self.stages.push((stage, spinner));
    }

    pub(super) fn stage_ended(
        &mut self,
        stage: Stage,
        took: Duration,
        error: Option<&LaunchError>,
    ) {
        self.stages.retain(|(running, spinner)| {
            let goes_on = *running != stage;
            if !goes_on {
                self.bars.remove(spinner);
            }
            goes_on
        });
        if stage == Stage::Pull {
            self.clear_pulls();
        }
        let took = words::duration(took);
        let over = match error {
            None => format!("{} {stage:<10} {took}", self.mark(true)),
            Some(error) => format!(
                "{} {stage:<10} {took}  {}\n  {}",
                self.mark(false),
                error.reason,
                words::tame(error.message.trim_end()).replace('\n', "\n  ")
            ),
        };
        self.bars.println(over).ok();
    }

    pub(super) fn pull(&mut self, image: &str, progress: PullProgress) {
        let bar = self.pulls.entry(image.into()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(0));
            bar.set_style(style(BAR));
            bar.set_prefix(words::tame(tail(image, NAME)).into_owned());
            bar
        });
        bar.set_length(progress.total.max(progress.downloaded));
        bar.set_position(progress.downloaded);
        if progress.layers > 0 {
            let PullProgress {
                extracted_layers,
                layers,
                ..
            } = progress;
            bar.set_message(format!("{extracted_layers}/{layers} unpacked"));
        }
    }

    pub(super) fn pulled(&mut self, image: &str, progress: PullProgress, took: Duration) {
        if let Some(bar) = self.pulls.remove(image) {
            self.bars.remove(&bar);
        }
        let size = words::bytes(progress.downloaded);
        let (image, took) = (words::tame(image), words::duration(took));
        self.bars
            .println(format!("  {} {image}  {size}  {took}", self.mark(true)))
            .ok();
    }

    /// Takes down whatever is still drawn.
    pub(super) fn ended(&mut self) {
        self.clear_pulls();
        for (_, spinner) in self.stages.drain(..) {
            self.bars.remove(&spinner);
        }
    }

    fn clear_pulls(&mut self) {
        for bar in std::mem::take(&mut self.pulls).into_values() {
            self.bars.remove(&bar);
        }
    }

    fn mark(&self, good: bool) -> &'static str {
        match (good, self.colour) {
            (true, true) => "\u{1b}[32m✓\u{1b}[0m",
            (true, false) => "✓",
            (false, true) => "\u{1b}[31m✗\u{1b}[0m",
            (false, false) => "✗",
        }
    }
}

/// The end of a long name: the tag tells images apart, the registry does not.
fn tail(name: &str, most: usize) -> &str {
    let surplus = name.chars().count().saturating_sub(most);
    let from = name.char_indices().nth(surplus).map_or(0, |(at, _)| at);
    name.get(from..).unwrap_or(name)
}

/// A template is a constant of this file; one that does not parse draws a plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_long_name_is_kept() {
        assert_eq!(tail("web:42", 40), "web:42");
        assert_eq!(tail("registry.example/äweb:42", 7), "äweb:42");
    }

    #[test]
    fn the_templates_parse() {
        for template in [SPINNER, BAR] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
