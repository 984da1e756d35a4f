//! Rehearses a launch on this machine: see [`firstlight_tests::rehearse`].

use std::process::ExitCode;

use clap::Parser as _;
use firstlight_tests::rehearse::{Arguments, rehearse};

#[tokio::main]
async fn main() -> ExitCode {
    match rehearse(Arguments::parse()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("rehearse: {error:#}");
            ExitCode::FAILURE
        }
    }
}
