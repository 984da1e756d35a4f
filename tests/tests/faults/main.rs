//! Faults: the rows of `tests/faults.md`, each with what must come of it. tests/README.md says what its columns and words mean.
//!
//! - `table`: reads the rows; `words`: reads what a row calls a fault
//! - `shared`, `stand`: what rows and a row stand on; `specs/`: what their launch templates say
//! - `run`: runs a row; `judge`: what is held of it
//! - `shape`: what is held of the table itself
//!
//! To add a row: a line of the table. With `FIRSTLIGHT_ROWS=TEXT` only rows are run whose name holds the text.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds a fault"
)]

mod judge;
mod run;
mod shape;
mod shared;
mod stand;
mod table;
mod words;

use anyhow::Result;
use firstlight_tests::harness::play::table as each;

use shared::Shared;
use table::{Row, rows};

/// Runs a group's rows.
async fn group(of: &str) -> Result<()> {
    let only = std::env::var("FIRSTLIGHT_ROWS").unwrap_or_default();
    let wanted = |row: &Row| row.of == of && row.name.contains(&only);
    let rows: Vec<Row> = rows()?.into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let shared = Shared::set(&rows).await?;
    let named = rows.iter().map(|row| (&row.name, row));
    each(named, async |row| run::run(row, &shared).await).await
}

/// A test a group, so that one can be run by itself.
macro_rules! groups {
    ($($of:ident)*) => {
        /// Every group that is run.
        const GROUPS: &[&str] = &[$(stringify!($of)),*];
        $(
            // Several threads: a part that takes its time to end holds up nobody's answers.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of() -> Result<()> {
                group(stringify!($of)).await
            }
        )*
    };
}

groups! { metadata references signals whole registry engine workload machine resident notices }
