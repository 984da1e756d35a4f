//! `make bench-fleet`: a thousand launches at once against an account's limits, then without. What is measured and what
//! came of it: tests/README.md, "Fleet".
//!
//! To add a case: a line in [`LIMITED`] or [`UNLIMITED`].

mod table;

use anyhow::{Result, ensure};
use clap::Parser;
use firstlight_tests::{
    fleet::{self, Fleet, Need, Who},
    parts,
    stage::account::Limit,
};
use std::path::PathBuf;
use table::{Limited, Unlimited};

/// Parameter Store's default throughput for an account and region, shared by GetParameter, GetParameters and
/// GetParametersByPath (AWS General Reference, "AWS Systems Manager endpoints and quotas").
const PARAMETERS: f64 = 40.0;
/// How many calls it answers at once after a pause: AWS does not say, so few.
const BURST: f64 = 10.0;
/// AWS publishes no number for Auto Scaling, only that all its operations share one bucket ("API request rate", Amazon
/// EC2 Auto Scaling API Reference). High enough here not to be what a launch waits for.
const AUTOSCALING: Limit = Limit {
    rate: 200.0,
    burst: 200.0,
};

/// With the limits: who, and what each instance needs.
const LIMITED: &[(Who, Need)] = &[
    (Who::Agent, Need::Named(10)),
    (Who::CliStandard, Need::Named(10)),
    (Who::CliLegacy, Need::Named(10)),
    (Who::Agent, Need::ByPath(25)),
    (Who::CliStandard, Need::ByPath(25)),
    (Who::CliLegacy, Need::ByPath(25)),
];
/// Without: how many launches.
const UNLIMITED: &[usize] = &[10, 100, 1000];

/// A thousand launches at once.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many launches meet the limits
    #[arg(long, default_value_t = 1000)]
    instances: usize,
    /// Calls a second that Parameter Store answers
    #[arg(long, default_value_t = PARAMETERS)]
    rate: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { instances, rate } = Arguments::parse();
    let parameters = Limit { rate, burst: BURST };
    let program = launches()?;
    fleet::open_files()?;
    let (mut limited, mut unlimited) = (Limited::default(), Unlimited::default());
    for &(who, need) in LIMITED {
        let fleet = Fleet {
            who,
            instances,
            need,
            parameters: Some(parameters),
            autoscaling: Some(AUTOSCALING),
        };
        limited.add(fleet.launch(&program).await?);
    }
    for &instances in UNLIMITED {
        let fleet = Fleet {
            who: Who::Agent,
            instances,
            need: Need::Named(10),
            parameters: None,
            autoscaling: None,
        };
        let launched = fleet.launch(&program).await?;
        ensure!(
            launched.in_service == instances,
            "a launch failed without a limit: {:?}",
            launched.failures.first()
        );
        unlimited.add(launched);
    }
    println!("\n{limited}\n{unlimited}");
    Ok(())
}

/// The launches' process: `FIRSTLIGHT_FLEET`, or the one built like the agent.
fn launches() -> Result<PathBuf> {
    let built = "target/x86_64-unknown-linux-musl/release/fleet-launches";
    parts::program(
        "FIRSTLIGHT_FLEET",
        &[parts::repository().join(built)],
        "fleet-launches",
        "`make bench-fleet`",
    )
}
