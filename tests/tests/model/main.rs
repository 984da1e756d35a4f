//! The state machine against everything that can happen to it: random histories of a group, a machine and a network
//! around the very `step` that the binary calls, under a simulated clock, with the stage's own group as the other side.
//!
//! Every choice of a history is drawn from a [`tape`]; a failing one is shrunk and told step by step. `MODEL_SEED` and
//! `MODEL_HISTORIES` choose another run.
//!
//! - [`world`]: time; [`setup`]: what a history begins with; [`chaos`]: what may happen at any moment
//! - [`agent`], [`work`], [`looking`], [`telling`]: the driver, its pipelines, its looks and its signals; [`machine`]: what is under them
//! - [`rules`], [`counted`]: what must hold; [`cover`]: what was tried
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod agent;
mod chaos;
mod counted;
mod cover;
mod looking;
mod machine;
mod rules;
mod setup;
mod tape;
mod telling;
mod work;
mod world;

use std::time::Instant;

use cover::Cover;
use world::World;

/// Longest tape, in choices.
const CHOICES: usize = 400;

fn number(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |given| given.parse().expect("a number"))
}

/// Plays histories until one fails; gives what they covered, and the choices that failed.
fn histories(seed: u64, count: u64) -> (Cover, Option<Vec<u16>>) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut cover = Cover::default();
    for _ in 0..count {
        let choices = tape::random(&mut chance, CHOICES);
        if World::play(&choices, &mut cover, false).is_err() {
            return (cover, Some(choices));
        }
    }
    (cover, None)
}

/// The simplest history that fails, as a person reads it.
fn story(choices: Vec<u16>) -> String {
    let fails = |choices: &[u16]| World::play(choices, &mut Cover::default(), false).is_err();
    let simplest = tape::shrink(choices, fails);
    match World::play(&simplest, &mut Cover::default(), true) {
        Ok(()) => "it does not fail twice".to_owned(),
        Err((broken, story)) => format!("{}\n\n{broken}\nchoices: {simplest:?}", story.join("\n")),
    }
}

#[test]
fn no_history_breaks_a_rule() {
    let seed = number("MODEL_SEED", fastrand::u64(..));
    let count = number("MODEL_HISTORIES", 120_000);
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut cover = Cover::default();
    let mut failed = None;
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || histories(seed.wrapping_add(part), count.div_ceil(threads)))
            })
            .collect();
        for part in parts {
            let (covered, failure) = part.join().expect("a player of histories");
            cover.add(&covered);
            failed = failed.take().or(failure);
        }
    });
    println!(
        "seed {seed}: {count} histories in {:.1} s\n{cover}",
        began.elapsed().as_secs_f64()
    );
    if let Some(choices) = failed {
        panic!("MODEL_SEED={seed}\n{}", story(choices));
    }
    assert_eq!(
        cover.missing(),
        Vec::<String>::new(),
        "never tried, seed {seed}"
    );
}
