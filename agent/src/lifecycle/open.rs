//! Which record a process starts on.

use super::{
    clock::Now,
    record::{Kind, Record},
};
use crate::imds::{Identity, TargetState};

/// The record to start on: the one that was left, or a new one.
///
/// Another instance's or image's record is discarded. A changed target begins a new epoch, unless it
/// is a way out: an ABANDON has the group want the instance terminated, and stands. A new boot alone
/// never begins one.
pub fn open(left: Option<Record>, me: &Identity, target: Option<TargetState>, now: &Now) -> Record {
    match left {
        Some(record) if record.is_of(me) => {
            let changed =
                matches!((&record.facts.target, &target), (Some(then), Some(is)) if then != is);
            if changed && target.as_ref().is_some_and(TargetState::is_entered) {
                let mut next = Record::new(
                    me,
                    record.transition.epoch.saturating_add(1),
                    Kind::Launch,
                    target,
                    now,
                );
                // Later edits of the spec reach new instances only.
                next.facts.document = record.facts.document;
                return next;
            }
            let mut record = record;
            record.facts.boot.clone_from(&now.boot);
            record.facts.target = target.or(record.facts.target);
            record
        }
        Some(_) | None => Record::new(me, 1, Kind::Launch, target, now),
    }
}
