//! Which record a process starts on.

use super::{
    clock::Now,
    record::Record,
    transition::{begun_by, first, successor},
};
use crate::imds::{Identity, TargetState};

/// The record to start on: the one that was left, or a new one.
///
/// Another instance's or image's record is discarded. A changed target begins a new epoch where it
/// begins a transition; a new boot alone never does.
pub fn open(left: Option<Record>, me: &Identity, target: Option<TargetState>, now: &Now) -> Record {
    let Some(mut record) = left.filter(|record| record.is_of(me)) else {
        return Record::first(me, first(target.as_ref()), target, now);
    };
    if record.facts.boot != now.boot {
        record.facts.boot.clone_from(&now.boot);
        // What was announced was for the boot that is over.
        record.facts.notices.clear();
    }
    let Some(target) = target.filter(|target| record.facts.target.as_ref() != Some(target)) else {
        return record;
    };
    if let Some(kind) = begun_by(&record, &target) {
        return successor(&record, kind, Some(target), now);
    }
    record.facts.target = Some(target);
    record
}
