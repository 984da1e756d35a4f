//! Looks at metadata, one question after the other: where the group wants the instance, and what EC2
//! announces.
//!
//! Sources: "Retrieve the target lifecycle state", Amazon EC2 Auto Scaling User Guide; "Spot Instance
//! interruption notices", "EC2 instance rebalance recommendations" and "Scheduled events", Amazon EC2
//! User Guide. AWS recommends to look every five seconds.
//!
//! To watch for something else: a [`Notice`], and its path and shape in [`announced`].

use crate::{
    context::{Context, Deadline},
    imds::{ImdsError, TargetState},
    lifecycle::{Event, Notice, Notices},
};
use nix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use std::time::Duration;
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};
use tokio::time::{Instant, sleep};

/// How often it looks while the target state is not known: it appears in an instance's first moments.
const EAGER: Duration = Duration::from_secs(1);
/// Time asleep that makes what is known old.
const ASLEEP: Duration = Duration::from_secs(5);

/// What metadata said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) target: Option<TargetState>,
    pub(super) notices: Notices,
    /// Time that this machine slept, since it booted.
    asleep: Duration,
    /// Since when metadata does not answer.
    lost: Option<Instant>,
    /// Where the group wants the instance could not be asked.
    blind: bool,
    /// How often that was so, and is no more.
    silences: u64,
}

impl Sight {
    pub(super) fn new(target: Option<TargetState>, notices: Notices) -> Sight {
        Sight {
            target,
            notices,
            asleep: asleep(),
            lost: None,
            blind: false,
            silences: 0,
        }
    }

    /// What happened since `before`.
    pub(super) fn since(&self, before: &Sight) -> Vec<Event> {
        let mut events = Vec::new();
        if self.asleep > before.asleep + ASLEEP || self.silences > before.silences {
            events.push(Event::Missed);
        }
        if self.notices != before.notices {
            events.push(Event::Noticed(self.notices.clone()));
        }
        match &self.target {
            Some(target) if before.target.as_ref() != Some(target) => {
                events.push(Event::Target(target.clone()));
            }
            Some(_) | None => {}
        }
        events
    }
}

/// The next look that shows something else than `before`.
pub(super) async fn look(cx: &Context, before: Sight) -> Sight {
    let mut last = before.clone();
    loop {
        let every = match last.target {
            Some(_) => cx.timings.watch_poll,
            None => cx.timings.watch_poll.min(EAGER),
        };
        sleep(every).await;
        let now = once(cx, &last).await;
        tell(cx, &last, &now);
        last = now;
        if !last.since(&before).is_empty() {
            return last;
        }
    }
}

/// One look. What cannot be seen is taken to be as it was.
async fn once(cx: &Context, last: &Sight) -> Sight {
    let mut now = Sight {
        asleep: asleep(),
        ..last.clone()
    };
    match ask(cx, &mut now).await {
        Ok(()) => now.lost = None,
        Err(_) if last.lost.is_some() => {}
        Err(error) => {
            now.lost = Some(Instant::now());
            let words = format!(
                "{error}; until it answers again nothing is known of the group's wishes or EC2's"
            );
            cx.report.warn("metadata_lost", &words);
        }
    }
    now
}

fn tell(cx: &Context, last: &Sight, now: &Sight) {
    if let (Some(since), None) = (last.lost, now.lost) {
        let seconds = since.elapsed().as_secs();
        cx.report
            .info(&format!("metadata answers again, after {seconds} s"));
    }
    if let (Some(target), true) = (&now.target, now.target != last.target) {
        let target = String::from(target.clone());
        cx.report
            .info(&format!("the group wants this instance {target}"));
    }
    for (notice, at_ms) in &now.notices {
        if last.notices.get(notice) != Some(at_ms) {
            cx.report.notice(*notice, *at_ms);
        }
    }
}

/// Asks one question after the other, each with time of its own: one that gets no answer must not cost
/// what the others tell. What is switched off answers none.
///
/// # Errors
/// The first that got no answer.
async fn ask(cx: &Context, now: &mut Sight) -> Result<(), ImdsError> {
    let patience = || Deadline::after(cx.timings.imds_attempt * 2);
    let mut unanswered = Ok(());
    let was_blind = std::mem::replace(&mut now.blind, true);
    match cx.imds.target_state(patience()).await {
        // Outside a group, and for moments between two states, metadata has none.
        Ok(target) => {
            now.target = target.or(now.target.take());
            now.blind = false;
            now.silences += u64::from(was_blind);
        }
        Err(error @ ImdsError::Denied { .. }) => return Err(error),
        Err(error) => unanswered = Err(error),
    }
    for notice in Notice::ALL {
        match cx.imds.metadata(path(notice), patience()).await {
            Ok(said) => match said.and_then(|said| announced(notice, &said)) {
                Some(at_ms) => drop(now.notices.insert(notice, at_ms)),
                None => drop(now.notices.remove(&notice)),
            },
            Err(error) => unanswered = unanswered.and(Err(error)),
        }
    }
    unanswered
}

fn path(notice: Notice) -> &'static str {
    match notice {
        Notice::Spot => "spot/instance-action",
        Notice::Rebalance => "events/recommendations/rebalance",
        Notice::Maintenance => "events/maintenance/scheduled",
    }
}

#[derive(Deserialize)]
struct SpotAction {
    time: String,
}

#[derive(Deserialize)]
struct Maintenance {
    #[serde(rename = "NotBefore")]
    not_before: String,
    #[serde(rename = "State")]
    state: String,
}

/// Whether an answer announces something, and when that happens, the first of it. What is not understood
/// announces it all the same: the path is there only then.
fn announced(notice: Notice, said: &str) -> Option<Option<u64>> {
    match notice {
        _ if said.trim().is_empty() => None,
        Notice::Spot => {
            let action: Option<SpotAction> = serde_json::from_str(said).ok();
            Some(action.and_then(|action| rfc3339(&action.time)))
        }
        // It tells when the recommendation was made, not when anything happens.
        Notice::Rebalance => Some(None),
        Notice::Maintenance => {
            let Ok(events) = serde_json::from_str::<Vec<Maintenance>>(said) else {
                return Some(None);
            };
            // What was carried out or called off stays listed for a while.
            let active = events.iter().filter(|event| event.state == "active");
            active.map(|event| aws_date(&event.not_before)).min()
        }
    }
}

fn rfc3339(text: &str) -> Option<u64> {
    millis(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

/// `21 Jan 2026 09:00:43 GMT`, as scheduled events have it.
fn aws_date(text: &str) -> Option<u64> {
    let text = text.replace("GMT", "+0000");
    millis(OffsetDateTime::parse(&text, &Rfc2822).ok()?)
}

fn millis(at: OffsetDateTime) -> Option<u64> {
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// How long this machine slept since it booted: one clock counts that time, the other does not.
fn asleep() -> Duration {
    let read = |clock| clock_gettime(clock).map(Duration::from).unwrap_or_default();
    read(ClockId::CLOCK_BOOTTIME).saturating_sub(read(ClockId::CLOCK_MONOTONIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_metadata_announces() {
        let event = |state: &str| {
            format!(
                r#"[{{"NotBefore":"21 Jan 2026 09:00:43 GMT","Code":"system-reboot","State":"{state}"}}]"#
            )
        };
        let at = Some(1_768_986_043_000);
        let later = event("active").replace("21 Jan", "22 Jan");
        let both = format!("{},{}", later.trim_end_matches(']'), &event("active")[1..]);
        for (notice, said, wanted) in [
            (
                Notice::Spot,
                r#"{"action":"terminate","time":"2026-01-21T09:00:43Z"}"#.to_owned(),
                Some(at),
            ),
            (
                Notice::Spot,
                r#"{"action":"hibernate"}"#.to_owned(),
                Some(None),
            ),
            (Notice::Spot, "?".to_owned(), Some(None)),
            (Notice::Spot, "\n".to_owned(), None),
            (
                Notice::Rebalance,
                r#"{"noticeTime":"2026-01-21T09:00:43Z"}"#.to_owned(),
                Some(None),
            ),
            (Notice::Maintenance, event("active"), Some(at)),
            (Notice::Maintenance, both, Some(at)),
            (Notice::Maintenance, event("completed"), None),
            (Notice::Maintenance, event("canceled"), None),
            (Notice::Maintenance, "[]".to_owned(), None),
            (Notice::Maintenance, "?".to_owned(), Some(None)),
        ] {
            assert_eq!(announced(notice, &said), wanted, "{notice:?} {said}");
        }
    }

    #[test]
    fn what_is_as_it_was_is_no_news() {
        let known = Sight::new(Some(TargetState::InService), Notices::new());
        assert_eq!(known.since(&known), []);
        let gone = Sight {
            target: None,
            ..known.clone()
        };
        assert_eq!(gone.since(&known), []);
        let spot = Sight {
            notices: Notices::from([(Notice::Spot, None)]),
            asleep: known.asleep + ASLEEP * 2,
            target: Some(TargetState::Terminated),
            ..known.clone()
        };
        assert_eq!(
            spot.since(&known),
            [
                Event::Missed,
                Event::Noticed(spot.notices.clone()),
                Event::Target(TargetState::Terminated)
            ]
        );
        assert_eq!(
            known.since(&spot),
            [
                Event::Noticed(Notices::new()),
                Event::Target(TargetState::InService)
            ]
        );
    }
}
