//! That the account's limits hold, and that launches get through them: a handful, in seconds.
#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use firstlight_tests::fleet::{Fleet, Launched, Need, Who};
use firstlight_tests::stage::account::Limit;
use std::path::Path;

/// Five a second for twenty launches: four seconds' worth.
const TIGHT: Limit = Limit {
    rate: 5.0,
    burst: 1.0,
};

async fn launch(who: Who, need: Need) -> Result<Launched> {
    let fleet = Fleet {
        who,
        instances: 20,
        need,
        parameters: Some(TIGHT),
        autoscaling: Some(Limit {
            rate: 40.0,
            burst: 10.0,
        }),
    };
    fleet
        .launch(Path::new(env!("CARGO_BIN_EXE_fleet-launches")))
        .await
}

#[tokio::test]
async fn every_launch_gets_through_a_tight_limit() -> Result<()> {
    for need in [Need::Named(3), Need::ByPath(12)] {
        let launched = launch(Who::Agent, need).await?;
        assert_eq!(launched.failures, Vec::<String>::new());
        assert_eq!(launched.in_service, 20, "{launched:?}");
        let parameters = launched.tally.of("ssm");
        assert_eq!(parameters.answered, 20 * need.calls(), "{launched:?}");
        assert!(parameters.throttled > 0, "{launched:?}");
        assert!(
            launched.tally.of("autoscaling").throttled > 0,
            "{launched:?}"
        );
        assert!(launched.ratio().unwrap() >= 1.0, "{launched:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_count_of_attempts_does_not() -> Result<()> {
    let launched = launch(Who::CliStandard, Need::Named(3)).await?;
    assert!(launched.in_service < 20, "{launched:?}");
    assert_eq!(launched.failures.len(), 20 - launched.in_service);
    Ok(())
}
