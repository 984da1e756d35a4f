//! `make bench-boot`: a cold boot with firstlight and one without, each suite's in turn. What is measured and why: README.md in
//! the folder above.
//!
//! To add a time: a field of [`Boot`], and its column in `table.rs`.

mod machine;
mod table;

use anyhow::Result;
use clap::Parser;
use firstlight_tests::host::SUITES;
use machine::{Boot, Machine};
use table::Table;

/// Boots, with firstlight and without.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many boots of each kind, on each suite
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// On one thread, which goes into the hosts' networks.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { rounds } = Arguments::parse();
    let mut table = Table::default();
    for suite in SUITES {
        let with = Machine::made(suite).await?;
        let without = Machine::without(suite).await?;
        let mut boots: Vec<(Boot, Boot)> = Vec::new();
        for round in 0..rounds {
            // In changing order, so that a slow spell falls on neither alone.
            let pair = if round % 2 == 0 {
                let first = with.boots().await?;
                (first, without.boots().await?)
            } else {
                let first = without.boots().await?;
                (with.boots().await?, first)
            };
            boots.push(pair);
        }
        table.add(suite, &boots);
    }
    print!("{table}");
    Ok(())
}
