//! The lock, or what the agent that holds it decides.

use super::{Stay, clock::now};
use crate::{
    context::Paths,
    lifecycle,
    state::{self, StateError, Store},
    verdict::Exit,
};
use std::time::Duration;

/// How often it looks.
const FOLLOW: Duration = Duration::from_millis(200);

/// How waiting for another agent ended.
pub(super) enum Followed {
    /// It is gone: its verdict is on record, and is ours too.
    Lock(Store),
    /// It has nothing more to do for now, and stays.
    Decided(Exit),
}

/// The record's folder, once no other agent is at it. Who came for the verdict alone is content with
/// one that stays. Waits as long as the other's launch may take, which its spec knows.
pub(super) async fn lock(paths: &Paths, stay: Stay) -> Result<Followed, StateError> {
    loop {
        match Store::open(&paths.var) {
            Err(StateError::Busy) => {
                if let (Stay::Leave, Some(exit)) = (stay, decided(paths)) {
                    return Ok(Followed::Decided(exit));
                }
                tokio::time::sleep(FOLLOW).await;
            }
            opened => return opened.map(Followed::Lock),
        }
    }
}

/// What the other agent has decided in this boot, when it has nothing more to do for now. A group that
/// gives a failed launch up says so at once: what it came to is told all the same.
fn decided(paths: &Paths) -> Option<Exit> {
    let record = state::peek(&paths.var).ok().flatten()?;
    let current = record.facts.boot == now().boot;
    let exit = lifecycle::rest(&record).filter(|_| current)?;
    Some(record.facts.entered.unwrap_or(exit))
}
