//! Many launches at once in one process, each an instance of its own: by firstlight's own code ([`agent`]) or by the AWS
//! CLI's rules ([`cli`]). `make bench-fleet` starts it against an account's limits; `firstlight_tests::fleet` says how.
//!
//! Reads one JSON document ([`Order`]) from stdin, writes why launches failed to stdout, a JSON list. Where AWS is comes
//! from the usual variables.
//!
//! To add a way to launch: a variant of [`Who`], and its arm in [`launches`].

mod agent;
mod cli;

use anyhow::Result;
use clap::Parser;
use cli::Wanted;
use futures_util::future::join_all;
use serde::Deserialize;
use std::io::{Read as _, Write as _};

/// Launches what is ordered on stdin.
#[derive(Debug, Parser)]
struct Arguments {
    /// Who launches.
    who: Who,
}

/// Who launches.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Who {
    /// firstlight.
    Agent,
    /// The AWS CLI with `standard` retries.
    CliStandard,
    /// The AWS CLI with `legacy` retries.
    CliLegacy,
}

/// What to launch.
#[derive(Debug, Deserialize)]
struct Order {
    /// Each instance's metadata service.
    metadata: Vec<String>,
    /// What the CLI asks Parameter Store for; the agent reads it in user data.
    wanted: Wanted,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut order = Vec::new();
    std::io::stdin().read_to_end(&mut order)?;
    // One thread, as the agent has.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let failures = runtime.block_on(launches(arguments.who, serde_json::from_slice(&order)?));
    std::io::stdout().write_all(&serde_json::to_vec(&failures)?)?;
    Ok(())
}

/// Launches all at once; says why some failed.
async fn launches(who: Who, order: Order) -> Vec<String> {
    let wanted = &order.wanted;
    let launches = order.metadata.into_iter().map(async |metadata| match who {
        Who::Agent => Box::pin(agent::launch(metadata)).await,
        Who::CliStandard => cli::launch(metadata, wanted, 3).await,
        Who::CliLegacy => cli::launch(metadata, wanted, 5).await,
    });
    let ended = join_all(launches).await;
    let failures = ended.into_iter().filter_map(Result::err);
    failures.map(|error| format!("{error:#}")).collect()
}
