//! What the examples' launch templates expect of an account: parameters at the versions they pin, and secrets.
//!
//! Tests share one moto, and an example names its parameters literally, so they are put there once.

use anyhow::Result;
use firstlight_tests::harness::Ground;
use serde_json::json;
use tokio::sync::Mutex;

/// `/web/prod/version:42`: the tag of the web service's image.
pub(crate) const VERSION: &str = "1.4.2";
/// `/worker/prod/version:7`: the tag of the worker's.
pub(crate) const WORKER_VERSION: &str = "7.0";
/// `/web/prod/db/password`: every character in it ends or changes a URL.
pub(crate) const DB_PASSWORD: &str = "p@ss/w:rd?#%é";

static PUTTING: Mutex<()> = Mutex::const_new(());

/// Puts them there, unless they are.
pub(crate) async fn provide(ground: &Ground) -> Result<()> {
    let _one_at_a_time = PUTTING.lock().await;
    let moto = &ground.moto;
    // Put last, so that it tells of all the others.
    let pinned = json!({"Name": "/web/prod/version:42"});
    let there = moto.json("ssm", "AmazonSSM.GetParameter", &pinned).await;
    if there.is_ok() {
        return Ok(());
    }
    for (name, value, kind) in [
        ("/web/prod/env/LOG_LEVEL", "info", "String"),
        ("/web/prod/env/feature/x", "1.10", "String"),
        ("/web/prod/db/password", DB_PASSWORD, "SecureString"),
        ("/registry/password", &ground.login.password, "SecureString"),
    ] {
        moto.put_parameter(name, value, kind).await?;
    }
    for (name, value) in [
        ("web/session", json!({"key": "session-key"})),
        (
            "worker/prod",
            json!({"queue_url": "https://queue/1", "retries": 3}),
        ),
        (
            "web/tls",
            json!({"certificate": "line one\nline two\n", "key": "tls-key"}),
        ),
    ] {
        moto.put_secret(name, &value.to_string()).await?;
    }
    put_versions(ground, "/worker/prod/version", 7, WORKER_VERSION).await?;
    put_versions(ground, "/web/prod/version", 42, VERSION).await
}

/// Puts as many versions of which the last has this value, and one more, which nobody has built yet.
async fn put_versions(ground: &Ground, name: &str, last: u32, value: &str) -> Result<()> {
    for version in 1..last {
        let old = format!("0.{version}");
        ground.moto.put_parameter(name, &old, "String").await?;
    }
    ground.moto.put_parameter(name, value, "String").await?;
    ground.moto.put_parameter(name, "99.0", "String").await
}
