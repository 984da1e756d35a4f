//! The choices of a history, on a tape: whatever chance decides is drawn from it, and nothing else.
//!
//! Nought is always the harmless choice, and an exhausted tape gives noughts. So a history ends in peace, a shorter tape
//! is a simpler history, and a failing one is shrunk without knowing what its choices mean.

/// A tape, and how far it is played.
#[derive(Debug, Clone)]
pub(crate) struct Tape {
    choices: Vec<u16>,
    at: usize,
}

impl Tape {
    pub(crate) const fn new(choices: Vec<u16>) -> Self {
        Self { choices, at: 0 }
    }

    /// Picks one of `of` things.
    pub(crate) fn draw(&mut self, of: usize) -> usize {
        let choice = self.choices.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        usize::from(choice) % of.max(1)
    }

    /// Whether something rare happens: once in `of`.
    pub(crate) fn once_in(&mut self, of: usize) -> bool {
        self.draw(of) == 1
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.at >= self.choices.len()
    }
}

/// Choices of which most are harmless, for most of life is.
pub(crate) fn random(chance: &mut fastrand::Rng, longest: usize) -> Vec<u16> {
    let calm = chance.usize(1..=9);
    (0..chance.usize(..=longest))
        .map(|_| match chance.usize(..10) < calm {
            true => 0,
            false => chance.u16(..),
        })
        .collect()
}

/// The shortest and smallest choices found that still fail.
pub(crate) fn shrink(mut choices: Vec<u16>, fails: impl Fn(&[u16]) -> bool) -> Vec<u16> {
    loop {
        let before = choices.clone();
        let mut size = choices.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < choices.len() {
                let end = choices.len().min(at + size);
                let mut shorter = choices.clone();
                shorter.drain(at..end);
                let mut calmer = choices.clone();
                calmer[at..end].fill(0);
                if fails(&shorter) {
                    choices = shorter;
                } else {
                    if calmer != choices && fails(&calmer) {
                        choices = calmer;
                    }
                    at += size;
                }
            }
            size /= 2;
        }
        for at in 0..choices.len() {
            for smaller in [1, choices[at] % 64, choices[at] / 2] {
                let mut other = choices.clone();
                other[at] = smaller;
                if smaller < choices[at] && fails(&other) {
                    choices = other;
                }
            }
        }
        if choices == before {
            return choices;
        }
    }
}
