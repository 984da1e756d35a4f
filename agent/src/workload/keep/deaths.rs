//! How often one service exited, how long to wait before it is started again, and whether it keeps
//! dying. Pure.

use crate::{context::Timings, retry::Backoff};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// One service's exits.
#[derive(Debug)]
pub(super) struct Deaths {
    backoff: Backoff,
    forgiven: Duration,
    within: Duration,
    exits: usize,
    /// Those that count, the oldest first.
    recent: VecDeque<Instant>,
    /// Since it last ran for long.
    in_a_row: u32,
}

/// What follows from an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consequence {
    /// The longest wait before it is started again.
    pub(super) wait: Duration,
    /// It has exited too often, once more.
    pub(super) keeps_dying: bool,
}

impl Deaths {
    pub(super) fn new(timings: &Timings) -> Deaths {
        Deaths {
            backoff: timings.restart_backoff(),
            forgiven: timings.restart_forgiven,
            within: timings.dying_within,
            exits: usize::try_from(timings.dying_exits).unwrap_or(usize::MAX),
            recent: VecDeque::new(),
            in_a_row: 0,
        }
    }

    /// It exited at `now`, after having run for `ran`.
    pub(super) fn count(&mut self, now: Instant, ran: Duration) -> Consequence {
        if ran >= self.forgiven {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.recent.push_back(now);
        self.recent
            .retain(|then| now.saturating_duration_since(*then) <= self.within);
        let keeps_dying = self.recent.len() >= self.exits;
        if keeps_dying {
            self.recent.clear();
        }
        Consequence {
            wait: self.backoff.bound(self.in_a_row),
            keeps_dying,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits in milliseconds for exits at these seconds, `!` where it keeps dying; it ran as long as
    /// lies between two.
    fn consequences(at: &[u64]) -> Vec<String> {
        let mut deaths = Deaths::new(&Timings::default());
        let start = Instant::now();
        let mut last = 0;
        let mut one = |second: &u64| {
            let now = start + Duration::from_secs(*second);
            let ran = Duration::from_secs(second - last);
            last = *second;
            let Consequence { wait, keeps_dying } = deaths.count(now, ran);
            format!("{}{}", wait.as_millis(), if keeps_dying { "!" } else { "" })
        };
        at.iter().map(&mut one).collect()
    }

    #[test]
    fn the_wait_doubles_and_is_forgotten() {
        assert_eq!(
            consequences(&[700, 1000, 1300, 1600, 2300, 2301]),
            ["250", "500", "1000", "2000", "250", "500"]
        );
        let many: Vec<u64> = (0..12).map(|n| n * 599).collect();
        assert_eq!(
            consequences(&many).last().map(String::as_str),
            Some("60000")
        );
    }

    #[test]
    fn five_within_ten_minutes_and_again_when_it_is_full_anew() {
        let dying = |at: &[u64]| {
            let said = consequences(at);
            said.iter()
                .map(|said| said.ends_with('!'))
                .collect::<Vec<_>>()
        };
        let (no, yes) = (false, true);
        assert_eq!(dying(&[0, 150, 300, 450, 600]), [no, no, no, no, yes]);
        assert_eq!(dying(&[0, 150, 300, 450, 601]), [no; 5]);
        let eleven: Vec<u64> = (0..11).collect();
        assert_eq!(
            dying(&eleven),
            [no, no, no, no, yes, no, no, no, no, yes, no]
        );
    }
}
