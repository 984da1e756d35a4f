//! Crash points: the agent is killed after every effect that it performed and after every request that it made, in every
//! transition, and started again. Whatever the point: at most one verdict a transition, never the other one after it, a
//! healthy service gets its CONTINUE, and all comes to the end that it comes to undisturbed.
//!
//! - `transition`: what is played, up to where; `spec`: what the launch template says
//! - `point`: where it can be killed; an undisturbed run tells
//! - `world`: what one run stands on; `process`: an agent in it
//! - `end`: what came of a run, as the outside saw it, and what holds of each
//! - `play`: the runs; `run`: one of them
//!
//! To add a transition: a constant in `transition`, and a test below.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod end;
mod play;
mod point;
mod process;
mod run;
mod spec;
mod transition;
mod world;

use std::collections::BTreeSet;

use anyhow::Result;
use firstlight::lifecycle::Effect;

#[tokio::test]
async fn launch() -> Result<()> {
    play::everywhere(&transition::LAUNCH).await
}

#[tokio::test]
async fn launch_and_leave() -> Result<()> {
    play::everywhere(&transition::LAUNCH_AND_LEAVE).await
}

#[tokio::test]
async fn abandon() -> Result<()> {
    play::everywhere(&transition::ABANDON).await
}

#[tokio::test]
async fn not_for_us() -> Result<()> {
    play::everywhere(&transition::NOT_FOR_US).await
}

#[tokio::test]
async fn reboot() -> Result<()> {
    play::everywhere(&transition::REBOOT).await
}

#[tokio::test]
async fn warm_enter() -> Result<()> {
    play::everywhere(&transition::WARM_ENTER).await
}

#[tokio::test]
async fn warm_leave() -> Result<()> {
    play::everywhere(&transition::WARM_LEAVE).await
}

#[tokio::test]
async fn warm_return() -> Result<()> {
    play::everywhere(&transition::WARM_RETURN).await
}

#[tokio::test]
async fn terminate() -> Result<()> {
    play::everywhere(&transition::TERMINATE).await
}

#[tokio::test]
async fn terminate_in_the_pool() -> Result<()> {
    play::everywhere(&transition::TERMINATE_IN_POOL).await
}

#[tokio::test]
async fn spot() -> Result<()> {
    play::everywhere(&transition::SPOT).await
}

#[tokio::test]
async fn untold() -> Result<()> {
    play::everywhere(&transition::UNTOLD).await
}

#[tokio::test]
async fn shutdown() -> Result<()> {
    play::everywhere(&transition::SHUTDOWN).await
}

#[tokio::test]
async fn dying() -> Result<()> {
    play::everywhere(&transition::DYING).await
}

/// Each transition is held to have exactly the effects that it says it has, and to be killed after each; here all of them
/// together are held to be all that there are.
#[test]
fn every_effect_is_in_a_transition() {
    let played: BTreeSet<&str> = transition::ALL
        .iter()
        .flat_map(|transition| transition.effects)
        .copied()
        .collect();
    assert_eq!(played, BTreeSet::from(Effect::NAMES));
}
